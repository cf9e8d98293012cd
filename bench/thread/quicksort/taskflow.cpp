// SPDX-License-Identifier: MIT
// Taskflow's sort.
#include "question.hpp"

#include <taskflow/algorithm/sort.hpp>
#include <taskflow/taskflow.hpp>

namespace {

class contender {
public:
    void run(std::vector<double>& numbers) {
        tf::Taskflow flow;
        flow.sort(numbers.begin(), numbers.end());
        executor_.run(flow).wait();
    }

private:
    tf::Executor executor_{bench::workers()};
};

}  // namespace

int main(int argc, char** argv) { return bench::thread_quicksort::main<contender>(argc, argv); }
