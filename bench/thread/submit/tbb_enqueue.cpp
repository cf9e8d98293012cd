// SPDX-License-Identifier: MIT
// oneTBB's task_arena::enqueue: the tasks run on TBB's own threads. It has no way to wait for them.
#include "question.hpp"

#include <tbb/global_control.h>
#include <tbb/task_arena.h>

namespace {

class contender {
public:
    void run(std::size_t tasks) {
        const std::uint64_t before = bench::tally::total();
        for (std::size_t i = 0; i < tasks; ++i) arena_.enqueue(bench::thread_submit::task);
        bench::tally::wait_for(before + tasks);
    }

private:
    // One more than the workers: TBB counts the calling thread, which takes no part here.
    tbb::global_control threads_{tbb::global_control::max_allowed_parallelism, bench::workers() + 1};
    tbb::task_arena arena_{static_cast<int>(bench::workers()), 0};
};

}  // namespace

int main(int argc, char** argv) { return bench::thread_submit::main<contender>(argc, argv); }
