// SPDX-License-Identifier: MIT
#pragma once

#include "pool.hpp"

#include <tbb/global_control.h>
#include <tbb/task_arena.h>
#include <tbb/task_group.h>

namespace bench {

/// oneTBB's task_group: who waits takes part, and is one of the `threads`.
class tbb_group_pool {
public:
    explicit tbb_group_pool(unsigned threads)
        : threads_(tbb::global_control::max_allowed_parallelism, threads),
          arena_(static_cast<int>(threads)) {}

    /// Calls f() where task groups use this pool's threads, and returns its result.
    template <class F>
    auto within(F f) {
        return arena_.execute(f);
    }
    /// Runs `counted_task` n times, and returns once all have run.
    void run(std::size_t tasks) {
        within([tasks] {
            tbb::task_group group;
            for (std::size_t i = 0; i < tasks; ++i) group.run(counted_task);
            group.wait();
        });
    }

private:
    tbb::global_control threads_;
    tbb::task_arena arena_;
};

}  // namespace bench
