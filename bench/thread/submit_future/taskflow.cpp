// SPDX-License-Identifier: MIT
// Taskflow's executor.
#include "question.hpp"

#include <taskflow/taskflow.hpp>

namespace {

class contender {
public:
    std::uint64_t run(std::size_t tasks) {
        return bench::thread_submit_future::sum_of_results(
            tasks, [this](auto task) { return executor_.async(task); });
    }

private:
    tf::Executor executor_{bench::workers()};
};

}  // namespace

int main(int argc, char** argv) { return bench::thread_submit_future::main<contender>(argc, argv); }
