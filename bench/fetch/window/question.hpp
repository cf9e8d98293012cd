// SPDX-License-Identifier: MIT
#pragma once

/// How well do pages from a slow source overlap, at most 8 of them at a time?
///
/// Timed: fetch 44 pages of 100 rows, each of which takes 10 ms to answer (it sleeps), into one list in the
/// order of the rows; a pool's 8 threads or processes exist. As a percentage of the ideal, ceil(44 / 8) times
/// 10 ms. Checked: every row, in its place.

#include "../../harness.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <numeric>
#include <thread>
#include <utility>
#include <vector>

namespace bench::fetch_window {

inline constexpr unit percent_of_ideal{"% of ideal", 100};

inline constexpr std::size_t window = 8;
inline constexpr std::size_t rows_a_page = 100;
inline constexpr std::chrono::milliseconds latency{10};

using rows = std::vector<std::uint64_t>;

/// The source: the rows from `offset` on, `rows_a_page` of them.
inline rows page_at(std::uint64_t offset) {
    std::this_thread::sleep_for(latency);
    rows page(rows_a_page);
    std::iota(page.begin(), page.end(), offset);
    return page;
}

inline rows concatenated(const std::vector<rows>& pages) {
    rows all;
    for (const auto& page : pages) all.insert(all.end(), page.begin(), page.end());
    return all;
}

/// `Contender` has `run(n)`, which returns the rows of the first n pages, in order.
template <class Contender>
int main(int argc, char** argv) {
    program here(argc, argv);
    const std::size_t pages = here.quick() ? window + 1 : 44;
    here.add("fetch/window", percent_of_ideal, [pages] {
        auto contender = std::make_unique<Contender>();
        contender->run(window);
        return [pages, contender = std::move(contender)] {
            const auto start = clock::now();
            const rows all = contender->run(pages);
            const double seconds = seconds_since(start);
            rows expected(pages * rows_a_page);
            std::iota(expected.begin(), expected.end(), 0U);
            require(all == expected, "rows are missing, wrong or out of order");
            const auto waves = static_cast<double>((pages + window - 1) / window);
            const double ideal = waves * std::chrono::duration<double>(latency).count();
            return sample{seconds, ideal / seconds * percent_of_ideal.per_second};
        };
    });
    return here.run();
}

}  // namespace bench::fetch_window
