// SPDX-License-Identifier: MIT
// Taskflow's for_each_index.
#include "question.hpp"

#include <taskflow/algorithm/for_each.hpp>
#include <taskflow/taskflow.hpp>

namespace {

class contender {
public:
    explicit contender(unsigned threads) : executor_(threads) {}

    void run(std::size_t tasks) {
        tf::Taskflow flow;
        flow.for_each_index(std::size_t{0}, tasks, std::size_t{1}, bench::thread_bulk::indexed_task);
        executor_.run(flow).wait();
    }

private:
    tf::Executor executor_;
};

}  // namespace

int main(int argc, char** argv) { return bench::thread_bulk::main_of_groups<contender>(argc, argv); }
