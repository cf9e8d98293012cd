// SPDX-License-Identifier: MIT
#pragma once

/// What does it cost to hand a pool an empty task for which nobody waits?
///
/// Timed: one thread hands over 100,000 tasks, until the last of them has run, on a pool that exists and has
/// run tasks before; per task. A task counts itself on its own thread's counter. Checked: that all of them
/// ran.

#include "../../pool/pool.hpp"

#include <cstdint>
#include <memory>
#include <utility>

namespace bench::thread_submit {

inline constexpr unit ns_per_task{"ns per task", 1e9};

/// `Contender` is constructed with the number of threads, and has `run(n)`, which gives `counted_task` to its
/// pool n times and returns once all of them have run.
template <class Contender>
int main(int argc, char** argv) {
    program here(argc, argv);
    const std::size_t tasks = here.scaled(100'000);
    here.add("thread/submit", ns_per_task, [tasks] {
        auto contender = std::make_unique<Contender>(workers());
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

}  // namespace bench::thread_submit
