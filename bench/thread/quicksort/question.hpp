// SPDX-License-Identifier: MIT
#pragma once

/// How fast are 2,000,000 random doubles sorted?
///
/// Timed: sorting them in place, by a thread outside the pool. `memory`: the most memory that the program has had by then.
/// Checked: their order and their sum.

#include "../../harness.hpp"

#include <algorithm>
#include <cstddef>
#include <memory>
#include <numeric>
#include <random>
#include <utility>
#include <vector>

namespace bench::thread_quicksort {

inline constexpr unit ms{"ms", 1e3};

/// For contenders that have no sort of their own: so many numbers are left to std::sort,
inline constexpr std::ptrdiff_t few = 4096;

/// and more are divided about one of them. What is less than it ends before the first result, what is greater begins at
/// the second.
inline std::pair<double*, double*> divide(double* first, double* last) {
    const double a = *first;
    const double b = first[(last - first) / 2];
    const double c = *(last - 1);
    const double pivot = std::max(std::min(a, b), std::min(std::max(a, b), c));
    double* const lower = std::partition(first, last, [pivot](double each) { return each < pivot; });
    return {lower, std::partition(lower, last, [pivot](double each) { return !(pivot < each); })};
}

/// `Contender` has `run(numbers)`.
template <class Contender>
int main(int argc, char** argv) {
    program here(argc, argv);
    const std::size_t size = here.scaled(2'000'000);
    here.add("thread/quicksort", ms, [size] {
        const auto numbers = std::make_shared<std::vector<double>>(size);
        std::mt19937 random(1);
        for (double& number : *numbers) number = static_cast<double>(random());
        const double sum = std::accumulate(numbers->begin(), numbers->end(), 0.0);
        const auto sorted = std::make_shared<std::vector<double>>();
        auto contender = std::make_shared<Contender>();
        return [=] {
            *sorted = *numbers;
            const auto start = clock::now();
            contender->run(*sorted);
            const double seconds = seconds_since(start);
            require(std::is_sorted(sorted->begin(), sorted->end()), "not sorted");
            require(std::accumulate(sorted->begin(), sorted->end(), 0.0) == sum, "other numbers");
            return cost(seconds, 1, ms);
        };
    });
    here.add_peak_memory("thread/quicksort/memory");
    return here.run();
}

}  // namespace bench::thread_quicksort
