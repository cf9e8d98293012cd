// SPDX-License-Identifier: MIT
// oneTBB's task_arena::enqueue, with std::promise: TBB has no future of its own.
#include "question.hpp"

#include <tbb/global_control.h>
#include <tbb/task_arena.h>

#include <future>

namespace {

class contender {
public:
    std::thread::id run() {
        auto promise = std::make_shared<std::promise<std::thread::id>>();
        auto future = promise->get_future();
        arena_.enqueue(
            [promise = std::move(promise)] { promise->set_value(bench::thread_round_trip::task()); });
        return future.get();
    }

private:
    // One more than the workers: TBB counts the calling thread, which takes no part here.
    tbb::global_control threads_{tbb::global_control::max_allowed_parallelism, bench::workers() + 1};
    tbb::task_arena arena_{static_cast<int>(bench::workers()), 0};
};

}  // namespace

int main(int argc, char** argv) { return bench::thread_round_trip::main<contender>(argc, argv); }
