// SPDX-License-Identifier: MIT
// Taskflow's executor, and a task_group of it.
#include "../../pool/taskflow.hpp"
#include "question.hpp"

namespace {

class contender : public bench::taskflow_pool {
public:
    using bench::taskflow_pool::taskflow_pool;

    void fork_join(std::size_t calls) {
        executor()
            .async([this, calls] {
                for (std::size_t i = 0; i < calls; ++i) {
                    auto group = executor().task_group();
                    group.silent_async(bench::counted_task);
                    bench::counted_task();
                    group.corun();
                }
            })
            .get();
    }
};

}  // namespace

int main(int argc, char** argv) { return bench::thread_allocations::main<contender>(argc, argv); }
