// SPDX-License-Identifier: MIT
#pragma once

/// How many items a second does a map over worker processes do?
///
/// Timed: the results of f(i) = i + 1 for a vector of integers, in order. `chunk_1`: 100,000 items, each a task of its
/// own. `auto`: 1,000,000 items, in chunks that the contender chooses (or of 100, if it does not). Checked: the results.
/// limit_ring is no map but what this machine can do with items one by one: see process/submit_collect.

#include "../../harness.hpp"

#include <cstdint>
#include <memory>
#include <numeric>
#include <vector>

namespace bench::process_map {

inline constexpr unit millions{"M items/s", 1e-6};

using items = std::vector<std::uint64_t>;

/// `Contender` has `map(items, chunk)`, which returns the results; chunk 0 means its own choice.
template <class Contender>
int main(int argc, char** argv) {
    program here(argc, argv);
    const auto add = [&](const char* row, std::size_t full, std::size_t chunk) {
        here.add(row, millions, [count = here.scaled(full), chunk] {
            items input(count);
            std::iota(input.begin(), input.end(), std::uint64_t{0});
            items expected(count);
            std::iota(expected.begin(), expected.end(), std::uint64_t{1});
            return [chunk, input, expected, contender = std::make_unique<Contender>()] {
                const auto start = clock::now();
                const items results = contender->map(input, chunk);
                const double seconds = seconds_since(start);
                require(results == expected, "a result is wrong");
                return rate(seconds, input.size(), millions);
            };
        });
    };
    add("process/map/chunk_1", 100'000, 1);
    add("process/map/auto", 1'000'000, 0);
    return here.run();
}

}  // namespace bench::process_map
