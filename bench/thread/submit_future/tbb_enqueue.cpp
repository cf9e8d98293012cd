// SPDX-License-Identifier: MIT
// oneTBB's task_arena::enqueue, with std::promise: TBB has no future of its own.
#include "question.hpp"

#include <tbb/global_control.h>
#include <tbb/task_arena.h>

#include <future>

namespace {

class contender {
public:
    std::uint64_t run(std::size_t tasks) {
        return bench::thread_submit_future::sum_of_results(tasks, [this](auto task) {
            // TBB calls a const copy of what it is given, hence the pointer.
            auto promise = std::make_shared<std::promise<std::uint64_t>>();
            auto future = promise->get_future();
            arena_.enqueue([task, promise = std::move(promise)] { promise->set_value(task()); });
            return future;
        });
    }

private:
    // One more than the workers: TBB counts the calling thread, which takes no part here.
    tbb::global_control threads_{tbb::global_control::max_allowed_parallelism, bench::workers() + 1};
    tbb::task_arena arena_{static_cast<int>(bench::workers()), 0};
};

}  // namespace

int main(int argc, char** argv) { return bench::thread_submit_future::main<contender>(argc, argv); }
