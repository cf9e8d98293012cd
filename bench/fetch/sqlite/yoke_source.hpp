// SPDX-License-Identifier: MIT
#pragma once

/// The question's table as a yoke page source, and the fetch over it, for any executor.

#include "question.hpp"

#include <yoke/adapter/sqlite.hpp>
#include <yoke/algorithm/fetch.hpp>

namespace bench::fetch_sqlite {

using table = yoke::sqlite::table_source<row>;

inline table table_of(const std::string& path) { return {path, "flights", {"delay", "distance", "time"}}; }

template <class Executor>
totals fetch_all(Executor& executor, const table& from, std::uint64_t rows, std::uint64_t rows_a_page) {
    totals sum;
    for (const auto& page : yoke::fetch(executor, from, {.limit = rows_a_page, .total = rows}))
        for (const auto& one : page.rows) sum.add(one);
    return sum;
}

}  // namespace bench::fetch_sqlite
