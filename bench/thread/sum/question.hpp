// SPDX-License-Identifier: MIT
#pragma once

/// How fast are 10,000,000 doubles added?
///
/// Timed: their sum, by a thread outside the pool. The order of additions is free. Checked: the sum.

#include "../../harness.hpp"

#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

namespace bench::thread_sum {

inline constexpr unit ms{"ms", 1e3};

/// `Contender` has `run(numbers)`.
template <class Contender>
int main(int argc, char** argv) {
    program here(argc, argv);
    const std::size_t size = here.scaled(10'000'000);
    here.add("thread/sum", ms, [size] {
        const auto numbers = std::make_shared<std::vector<double>>(size, 1.5);
        auto contender = std::make_shared<Contender>();
        return [=] {
            const auto start = clock::now();
            const double sum = contender->run(*numbers);
            const double seconds = seconds_since(start);
            require(sum == 1.5 * static_cast<double>(size), "a wrong sum");
            return cost(seconds, 1, ms);
        };
    });
    return here.run();
}

}  // namespace bench::thread_sum
