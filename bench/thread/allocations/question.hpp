// SPDX-License-Identifier: MIT
#pragma once

/// How many blocks of heap does a task take?
///
/// Counted: the calls to the C library's heap, once the pool has run as many tasks before. `detach`: 10,000
/// empty tasks for which nobody waits. `submit`: 10,000 tasks that return a number, their futures kept and
/// then read. `fork_join`: 10,000 calls, in a row on one thread of the pool, that run two empty functions and
/// wait for both. Per task, or per such call. A library with a heap of its own (TBB's tbbmalloc) takes from
/// the C library's only to fill that.

#include "../../heap.hpp"
#include "../../pool/pool.hpp"

#include <memory>
#include <utility>
#include <vector>

namespace bench::thread_allocations {

inline constexpr unit per_task{"allocations per task", 1};
inline constexpr unit per_call{"allocations per call", 1};

struct task {
    std::size_t number;
    std::size_t operator()() const { return number; }
};

template <class Pool>
void detach_and_wait(Pool& pool, std::size_t tasks) {
    const std::uint64_t before = tally::total();
    for (std::size_t i = 0; i < tasks; ++i) pool.detach(counted_task);
    wait_for_all(pool, before + tasks);
}

template <class Pool, class Futures>
void submit_and_get(Pool& pool, Futures& futures, std::size_t tasks) {
    for (std::size_t i = 0; i < tasks; ++i) futures.push_back(pool.submit(task{i}));
    std::size_t sum = 0;
    for (auto& future : futures) sum += future.get();
    futures.clear();
    require(sum == tasks * (tasks - 1) / 2, "the sum of the results is wrong");
}

/// What `f()` takes from the heap, divided by `pieces`, after three times as a warm-up.
template <class F>
sample allocations_of(std::size_t pieces, F f) {
    if (!heap::counted) throw unable("counts the allocations of glibc only");
    for (int i = 0; i < 3; ++i) f();
    const std::uint64_t before = heap::allocations();
    f();
    return {0.01, static_cast<double>(heap::allocations() - before) / static_cast<double>(pieces)};
}

/// `Contender` is constructed with the number of threads, and has as many as it can of `detach(f)`,
/// `submit(f)`, `fork_join(n)`.
template <class Contender>
int main(int argc, char** argv) {
    program here(argc, argv);
    const std::size_t tasks = here.scaled(10'000);
    if constexpr (requires(Contender pool) { pool.detach(counted_task); }) {
        here.add_single("thread/allocations/detach", per_task, 1, [tasks] {
            return [tasks, pool = std::make_unique<Contender>(workers())] {
                return allocations_of(tasks, [&] { detach_and_wait(*pool, tasks); });
            };
        });
    }
    if constexpr (requires(Contender pool) { pool.submit(task{}); }) {
        here.add_single("thread/allocations/submit", per_task, 1, [tasks] {
            return [tasks, pool = std::make_unique<Contender>(workers())] {
                std::vector<decltype(pool->submit(task{}))> futures;
                futures.reserve(tasks);
                return allocations_of(tasks, [&] { submit_and_get(*pool, futures, tasks); });
            };
        });
    }
    if constexpr (requires(Contender pool) { pool.fork_join(tasks); }) {
        here.add_single("thread/allocations/fork_join", per_call, 1, [tasks] {
            return [tasks, pool = std::make_unique<Contender>(workers())] {
                return allocations_of(tasks, [&] { pool->fork_join(tasks); });
            };
        });
    }
    return here.run();
}

}  // namespace bench::thread_allocations
