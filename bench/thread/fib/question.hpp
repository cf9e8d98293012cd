// SPDX-License-Identifier: MIT
#pragma once

/// What does it cost to fork?
///
/// Timed: the 30th Fibonacci number by two calls for each number above 1, of which the second may be made by another thread,
/// without a cut-off; per call. `1`: with one thread, `all`: with as many as there are processors. Checked: the
/// number.

#include "../../harness.hpp"

#include <cstdint>
#include <memory>
#include <utility>

namespace bench::thread_fib {

inline constexpr unit ns_per_call{"ns per call", 1e9};

inline std::uint64_t plain(int n) {
    return n < 2 ? static_cast<std::uint64_t>(n) : plain(n - 1) + plain(n - 2);
}

/// `Contender(threads)` has `fib(n)`. A limit has one thread.
template <class Contender>
int main(int argc, char** argv, bool is_pool = true) {
    program here(argc, argv);
    const int n = here.quick() ? 15 : 30;
    const std::uint64_t expected = plain(n);
    const auto calls = static_cast<std::size_t>(2 * plain(n + 1) - 1);
    const auto row = [&](const char* name, unsigned threads) {
        here.add(name, ns_per_call, [=] {
            return [=, contender = std::make_shared<Contender>(threads)] {
                const auto start = clock::now();
                const std::uint64_t result = contender->fib(n);
                const double seconds = seconds_since(start);
                require(result == expected, "a wrong number");
                return cost(seconds, calls, ns_per_call);
            };
        });
    };
    row("thread/fib/1", 1);
    if (is_pool) row("thread/fib/all", workers());
    return here.run();
}

}  // namespace bench::thread_fib
