// SPDX-License-Identifier: MIT
#pragma once

/// What does it cost to submit a task and to get its result?
///
/// Timed: one thread submits 100,000 tasks, keeps their futures, and then gets all results, on a pool that
/// exists and has run tasks before; per task. Task i returns i. Checked: the sum of the results.

#include "../../harness.hpp"

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

namespace bench::thread_submit_future {

inline constexpr unit ns_per_task{"ns per task", 1e9};

struct task {
    std::uint64_t number;
    std::uint64_t operator()() const { return number; }
};

/// A pool as a contender.
template <class Pool>
class by_future {
public:
    explicit by_future(unsigned threads) : pool_(threads) {}

    std::uint64_t run(std::size_t tasks) {
        std::vector<decltype(pool_.submit(task{}))> futures;
        futures.reserve(tasks);
        for (std::size_t i = 0; i < tasks; ++i) futures.push_back(pool_.submit(task{i}));
        std::uint64_t sum = 0;
        for (auto& future : futures) sum += future.get();
        return sum;
    }

private:
    Pool pool_;
};

/// `Contender` is constructed with the number of threads, and has `run(n)`, which submits the tasks 0 to
/// n - 1 and returns the sum of their results.
template <class Contender>
int main(int argc, char** argv) {
    program here(argc, argv);
    const std::size_t tasks = here.scaled(100'000);
    here.add("thread/submit_future", ns_per_task, [tasks] {
        auto contender = std::make_unique<Contender>(workers());
        contender->run(1000);
        return [tasks, contender = std::move(contender)] {
            const auto start = clock::now();
            const std::uint64_t sum = contender->run(tasks);
            const double seconds = seconds_since(start);
            require(sum == tasks * (tasks - 1) / 2, "the sum of the results is wrong");
            return cost(seconds, tasks, ns_per_task);
        };
    });
    return here.run();
}

}  // namespace bench::thread_submit_future
