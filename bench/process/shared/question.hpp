// SPDX-License-Identifier: MIT
#pragma once

/// How long does a task take whose data lies in memory that the worker shares?
///
/// Timed: one task that gets a view of 64 KiB or 64 MiB of integers, reads the first and the last, and returns their sum,
/// to its result; each trip by itself. Nothing should depend on the size. Checked: every result. limit_futex is what this
/// machine needs at the least (an integer in shared memory and a futex each way).

#include "../../harness.hpp"

#include <cstdint>
#include <memory>
#include <utility>

namespace bench::process_shared {

inline constexpr unit microseconds{"us", 1e6};

/// `Contender(count)` fills so many integers with `count`; `run()` returns the sum of the first and the last.
template <class Contender>
int main(int argc, char** argv) {
    program here(argc, argv);
    const auto add = [&](const char* row, std::size_t bytes) {
        here.add_single(row, microseconds, 2'000, [count = bytes / sizeof(std::uint64_t)] {
            auto contender = std::make_unique<Contender>(count);
            for (int i = 0; i < 20; ++i) contender->run();
            return [count, contender = std::move(contender)] {
                const auto start = clock::now();
                const std::uint64_t sum = contender->run();
                const double seconds = seconds_since(start);
                require(sum == 2 * count, "a worker has seen something else");
                return cost(seconds, 1, microseconds);
            };
        });
    };
    add("process/shared/64KiB", std::size_t{64} << 10);
    add("process/shared/64MiB", std::size_t{64} << 20);
    return here.run();
}

}  // namespace bench::process_shared
