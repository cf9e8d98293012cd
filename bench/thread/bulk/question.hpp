// SPDX-License-Identifier: MIT
#pragma once

/// What does it cost to hand a pool many empty tasks by one call?
///
/// Timed: one call for 100,000 tasks, until the last of them has run, on a pool that exists and has run tasks
/// before; per task. A task counts itself. `tasks`: each of them is a task of its own, so that a long one
/// keeps no other waiting. `grouped`: the pool may run many in a row as one task, as loops are run. Checked:
/// that all of them ran.

#include "../../pool/pool.hpp"

#include <memory>
#include <utility>

namespace bench::thread_bulk {

inline constexpr unit ns_per_task{"ns per task", 1e9};

inline constexpr auto indexed_task = [](std::size_t) { tally::count(); };

/// A pool with `bulk(n, f)` as a contender.
template <class Pool>
class by_bulk {
public:
    explicit by_bulk(unsigned threads) : pool_(threads) {}

    void run(std::size_t tasks) {
        const std::uint64_t before = tally::total();
        pool_.bulk(tasks, indexed_task);
        wait_for_all(pool_, before + tasks);
    }

private:
    Pool pool_;
};

/// `Contender` is constructed with the number of threads, and has `run(n)`, which runs `indexed_task` for
/// each index below n and returns once all have run. The row is "thread/bulk/tasks" or "thread/bulk/grouped".
template <class Contender>
int main(int argc, char** argv, const char* row) {
    program here(argc, argv);
    const std::size_t tasks = here.scaled(100'000);
    here.add(row, ns_per_task, [tasks] {
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

/// A pool whose `bulk` makes each call a task of its own.
template <class Pool>
int main_of_tasks(int argc, char** argv) {
    return main<by_bulk<Pool>>(argc, argv, "thread/bulk/tasks");
}
/// A contender that may group the calls.
template <class Contender>
int main_of_groups(int argc, char** argv) {
    return main<Contender>(argc, argv, "thread/bulk/grouped");
}

}  // namespace bench::thread_bulk
