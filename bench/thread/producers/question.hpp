// SPDX-License-Identifier: MIT
#pragma once

/// What does it cost to hand a pool empty tasks from several threads at once?
///
/// Timed: 4 threads, none of them the pool's, hand over 25,000 tasks each, until the last task has run, on a
/// pool that exists and has run tasks before; per task. Checked: that all of them ran.

#include "../../pool/pool.hpp"

#include <latch>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

namespace bench::thread_producers {

inline constexpr unit ns_per_task{"ns per task", 1e9};
inline constexpr std::size_t producers = 4;

/// Seconds in which `producers` threads hand over `tasks_each` tasks each and all of them run.
template <class Contender>
double seconds_of(Contender& contender, std::size_t tasks_each) {
    const std::uint64_t before = tally::total();
    std::latch ready(producers);
    std::latch go(1);
    std::vector<std::thread> crew;
    for (std::size_t i = 0; i < producers; ++i) {
        crew.emplace_back([&] {
            ready.count_down();
            go.wait();
            for (std::size_t n = 0; n < tasks_each; ++n) contender.detach(counted_task);
        });
    }
    ready.wait();
    const auto start = clock::now();
    go.count_down();
    for (auto& producer : crew) producer.join();
    wait_for_all(contender, before + producers * tasks_each);
    const double seconds = seconds_since(start);
    require(tally::total() - before == producers * tasks_each, "not all tasks have run");
    return seconds;
}

/// `Contender` is constructed with the number of threads, and has `detach(f)`, called from several threads at
/// once, and, if it can, `wait()`.
template <class Contender>
int main(int argc, char** argv) {
    program here(argc, argv);
    const std::size_t tasks_each = here.scaled(25'000);
    here.add("thread/producers", ns_per_task, [tasks_each] {
        auto contender = std::make_unique<Contender>(workers());
        seconds_of(*contender, 250);
        return [tasks_each, contender = std::move(contender)] {
            return cost(seconds_of(*contender, tasks_each), producers * tasks_each, ns_per_task);
        };
    });
    return here.run();
}

}  // namespace bench::thread_producers
