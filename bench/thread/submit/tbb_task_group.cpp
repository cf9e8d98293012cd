// SPDX-License-Identifier: MIT
// oneTBB's task_group: the waiting thread takes part.
#include "question.hpp"

#include <tbb/task_group.h>

namespace {

class contender {
public:
    void run(std::size_t tasks) {
        for (std::size_t i = 0; i < tasks; ++i) group_.run(bench::thread_submit::task);
        group_.wait();
    }

private:
    tbb::task_group group_;
};

}  // namespace

int main(int argc, char** argv) { return bench::thread_submit::main<contender>(argc, argv); }
