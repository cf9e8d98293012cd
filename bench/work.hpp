// SPDX-License-Identifier: MIT
#pragma once

/// Bodies of tasks that take a set amount of work: a chain of steps that neither the compiler nor the
/// processor can shorten. Counted in steps and not by the clock, so time during which a thread was not
/// running does not pass for work.

#include "harness.hpp"

#include <cstddef>
#include <cstdint>

namespace bench {

/// `steps` steps of work on `value`.
[[gnu::noinline]] inline std::uint64_t work(std::uint64_t value, std::size_t steps) {
    for (std::size_t i = 0; i < steps; ++i) value = value * 6364136223846793005U + 1442695040888963407U;
    return value;
}

/// Seconds that `calls` calls of `work` take on this thread now.
inline double seconds_of_work(std::size_t calls, std::size_t steps) {
    const auto start = clock::now();
    std::uint64_t value = 1;
    benchmark::DoNotOptimize(value);  // or the calls may be made before the clock is read
    for (std::size_t i = 0; i < calls; ++i) value = work(value, steps);
    benchmark::DoNotOptimize(value);
    return seconds_since(start);
}

/// How many steps take `seconds`, by the best of several tries.
inline std::size_t steps_of(double seconds) {
    constexpr std::size_t tried = 100'000;
    double best = seconds_of_work(1, tried);
    for (int i = 0; i < 20; ++i) best = std::min(best, seconds_of_work(1, tried));
    return std::max<std::size_t>(1, static_cast<std::size_t>(seconds / best * static_cast<double>(tried)));
}

}  // namespace bench
