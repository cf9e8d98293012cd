// SPDX-License-Identifier: MIT
#pragma once

/// How long does one task take in a worker process, from submit to its result, when the pool has nothing else
/// to do?
///
/// Timed: submit one task with an integer argument to a pool of running processes and get its result, again
/// and again; each trip by itself: the median, and the 99th percentile as `/p99`. Task i returns i + 1.
/// Checked: every result. boost_message_queue is no pool (two message queues and one process that answers);
/// limit_futex is what this machine needs at the least (an integer in shared memory and a futex each way).

#include "../../harness.hpp"

#include <cstdint>
#include <memory>
#include <utility>

namespace bench::process_round_trip {

inline constexpr unit microseconds{"us", 1e6};

/// `Contender` has `run(i)`, which has another process compute i + 1, and returns that.
template <class Contender>
int main(int argc, char** argv) {
    program here(argc, argv);
    here.add_single("process/round_trip", microseconds, 10'000, [] {
        auto contender = std::make_unique<Contender>();
        for (std::uint64_t i = 0; i < 100; ++i) contender->run(i);
        return [i = std::uint64_t{0}, contender = std::move(contender)]() mutable {
            const auto start = clock::now();
            const std::uint64_t result = contender->run(i);
            const double seconds = seconds_since(start);
            require(result == ++i, "a result is wrong");
            return cost(seconds, 1, microseconds);
        };
    });
    return here.run();
}

}  // namespace bench::process_round_trip
