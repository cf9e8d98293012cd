// SPDX-License-Identifier: MIT
#pragma once

/// How fast are the running totals of 10,000,000 integers of 64 bits made?
///
/// Timed: the inclusive scan from one array into another, by a thread outside the pool. Two threads gain little: whoever
/// begins in the middle does not know what lies before, so that many items are gone through twice, and one thread alone
/// uses much of the memory's bandwidth. Checked: the last total and one in the middle.

#include "../../harness.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

namespace bench::thread_scan {

inline constexpr unit ms{"ms", 1e3};

using numbers = std::vector<std::uint64_t>;

/// `Contender` has `run(from, to)`, arrays of the same size.
template <class Contender>
int main(int argc, char** argv) {
    program here(argc, argv);
    const std::size_t size = here.scaled(10'000'000);
    here.add("thread/scan", ms, [size] {
        const auto from = std::make_shared<numbers>(size, 3);
        const auto to = std::make_shared<numbers>(size);
        auto contender = std::make_shared<Contender>();
        return [=] {
            to->back() = (*to)[size / 2] = 0;
            const auto start = clock::now();
            contender->run(*from, *to);
            const double seconds = seconds_since(start);
            require(to->back() == 3 * size && (*to)[size / 2] == 3 * (size / 2 + 1), "wrong totals");
            return cost(seconds, 1, ms);
        };
    });
    return here.run();
}

}  // namespace bench::thread_scan
