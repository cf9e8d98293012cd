// SPDX-License-Identifier: MIT
// Taskflow's executor.
#include "question.hpp"

#include <taskflow/taskflow.hpp>

namespace {

class contender {
public:
    std::thread::id run() { return executor_.async(bench::thread_round_trip::task).get(); }

private:
    tf::Executor executor_{bench::workers()};
};

}  // namespace

int main(int argc, char** argv) { return bench::thread_round_trip::main<contender>(argc, argv); }
