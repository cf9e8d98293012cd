// SPDX-License-Identifier: MIT
// Taskflow's executor.
#include "question.hpp"

#include <taskflow/taskflow.hpp>

namespace {

class contender {
public:
    void run(std::size_t tasks) {
        for (std::size_t i = 0; i < tasks; ++i) executor_.silent_async(bench::thread_submit::task);
        executor_.wait_for_all();
    }

private:
    tf::Executor executor_{bench::workers()};
};

}  // namespace

int main(int argc, char** argv) { return bench::thread_submit::main<contender>(argc, argv); }
