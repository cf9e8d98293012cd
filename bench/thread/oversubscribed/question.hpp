// SPDX-License-Identifier: MIT
#pragma once

/// What does it cost to hand an empty task to a pool that has far more threads than there are processors?
///
/// Timed: as in thread/submit, on a pool of 64 threads; per task. Whoever wakes a sleeper a task has 64
/// threads fight for the processors.

#include "../../pool/pool.hpp"

#include <memory>
#include <utility>

namespace bench::thread_oversubscribed {

inline constexpr unit ns_per_task{"ns per task", 1e9};
inline constexpr unsigned threads = 64;

/// `Contender` is constructed with the number of threads, and has `run(n)`, which gives `counted_task` to its
/// pool n times and returns once all of them have run.
template <class Contender>
int main(int argc, char** argv) {
    program here(argc, argv);
    const std::size_t tasks = here.scaled(100'000);
    here.add("thread/oversubscribed", ns_per_task, [tasks] {
        auto contender = std::make_unique<Contender>(threads);
        contender->run(1000);
        return [tasks, contender = std::move(contender)] {
            const std::uint64_t before = tally::total();
            const auto start = clock::now();
            contender->run(tasks);
            const double seconds = seconds_since(start);
            require(tally::total() - before == tasks, "not all tasks have run");
            return cost(seconds, tasks, ns_per_task);
        };
    });
    return here.run();
}

}  // namespace bench::thread_oversubscribed
