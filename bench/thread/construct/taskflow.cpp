// SPDX-License-Identifier: MIT
// Taskflow's executor.
#include "question.hpp"

#include <taskflow/taskflow.hpp>

namespace {

class contender {
public:
    explicit contender(unsigned threads) : pool_(threads) {}
    std::thread::id run() { return pool_.async(bench::thread_construct::task).get(); }

private:
    tf::Executor pool_;
};

}  // namespace

int main(int argc, char** argv) { return bench::thread_construct::main<contender>(argc, argv); }
