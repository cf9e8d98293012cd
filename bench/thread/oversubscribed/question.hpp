// SPDX-License-Identifier: MIT
#pragma once

/// What does it cost to hand an empty task to a pool that has far more threads than there are processors?
///
/// Timed: as in thread/submit, on a pool of 64 threads; per task. Whoever wakes a sleeper a task has 64
/// threads fight for the processors. `times_as_slow`: how much longer the same tasks take on such a pool than on one with a
/// thread a processor, both timed in turn.

#include "../../pool/pool.hpp"

#include <memory>
#include <utility>

namespace bench::thread_oversubscribed {

inline constexpr unit ns_per_task{"ns per task", 1e9};
inline constexpr unit times{"times as slow", 1};
inline constexpr unsigned threads = 64;

/// A pool of so many threads that has run tasks.
template <class Contender>
std::unique_ptr<Contender> warm(unsigned threads) {
    auto contender = std::make_unique<Contender>(threads);
    contender->run(1000);
    return contender;
}

/// Seconds in which the contender takes and runs so many tasks.
template <class Contender>
double seconds_of(Contender& contender, std::size_t tasks) {
    const std::uint64_t before = tally::total();
    const auto start = clock::now();
    contender.run(tasks);
    const double seconds = seconds_since(start);
    require(tally::total() - before == tasks, "not all tasks have run");
    return seconds;
}

/// `Contender` is constructed with the number of threads, and has `run(n)`, which gives `counted_task` to its
/// pool n times and returns once all of them have run.
template <class Contender>
int main(int argc, char** argv) {
    program here(argc, argv);
    const std::size_t tasks = here.scaled(100'000);
    here.add("thread/oversubscribed", ns_per_task, [tasks] {
        return [tasks, contender = warm<Contender>(threads)] {
            return cost(seconds_of(*contender, tasks), tasks, ns_per_task);
        };
    });
    here.add("thread/oversubscribed/times_as_slow", times, [tasks] {
        return [tasks, few = warm<Contender>(workers()), many = warm<Contender>(threads)] {
            const double with_few = seconds_of(*few, tasks);
            const double with_many = seconds_of(*many, tasks);
            return sample{with_few + with_many, with_many / with_few};
        };
    });
    return here.run();
}

}  // namespace bench::thread_oversubscribed
