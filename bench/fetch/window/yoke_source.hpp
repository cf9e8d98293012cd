// SPDX-License-Identifier: MIT
#pragma once

/// The question's source as yoke's page source, and the fetch over it, for any executor.

#include "question.hpp"

#include <yoke/algorithm/fetch.hpp>
#include <yoke/concept/page_source.hpp>

namespace bench::fetch_window {

struct source {
    rows operator()(yoke::page_request page) const { return page_at(page.offset); }
};

template <class Executor>
rows fetch_all(Executor& executor, std::size_t pages) {
    rows all;
    for (const auto& page : yoke::fetch(
             executor, source{}, {.limit = rows_a_page, .total = pages * rows_a_page, .window = window}))
        all.insert(all.end(), page.rows.begin(), page.rows.end());
    return all;
}

}  // namespace bench::fetch_window
