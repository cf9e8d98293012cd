// SPDX-License-Identifier: MIT
#pragma once

/// Do cheap items of a long loop cost more than the memory they need?
///
/// Timed: y[i] += a * x[i] for 10,000,000 doubles, by a thread outside the pool. Checked: the sum of a part of the
/// result.

#include "../../harness.hpp"

#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

namespace bench::thread_axpy {

inline constexpr unit ms{"ms", 1e3};

struct vectors {
    double a;
    const std::vector<double>& x;
    std::vector<double>& y;
};

/// `Contender` has `run(vectors)`.
template <class Contender>
int main(int argc, char** argv) {
    program here(argc, argv);
    const std::size_t size = here.scaled(10'000'000);
    here.add("thread/axpy", ms, [size] {
        const auto x = std::make_shared<std::vector<double>>(size, 1.0);
        const auto y = std::make_shared<std::vector<double>>(size, 0.0);
        auto contender = std::make_shared<Contender>();
        return [=, rounds = 0.0]() mutable {
            const auto start = clock::now();
            contender->run(vectors{0.5, *x, *y});
            const double seconds = seconds_since(start);
            rounds += 1;
            for (std::size_t i = 0; i < size; i += size / 100)
                require((*y)[i] == 0.5 * rounds, "an item was not done once");
            return cost(seconds, 1, ms);
        };
    });
    return here.run();
}

}  // namespace bench::thread_axpy
