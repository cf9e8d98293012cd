// SPDX-License-Identifier: MIT
// oneTBB's task_group: the thread that waits takes part, as do TBB's own.
#include "question.hpp"

#include <tbb/task_group.h>

namespace {

class contender {
public:
    explicit contender(unsigned /*threads*/) {}

    template <class F>
    void detach(F f) {
        group_.run(f);
    }
    void wait() { group_.wait(); }

private:
    tbb::task_group group_;
};

}  // namespace

int main(int argc, char** argv) { return bench::thread_producers::main<contender>(argc, argv); }
