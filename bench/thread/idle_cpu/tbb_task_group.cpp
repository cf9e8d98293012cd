// SPDX-License-Identifier: MIT
// oneTBB's task_group: the waiting thread takes part.
#include "../../pool/tbb_task_group.hpp"
#include "question.hpp"

namespace {

class contender {
public:
    explicit contender(unsigned threads) : pool_(threads) {}

    void work() {
        for (int i = 0; i < 1000; ++i) pool_.run(10);
    }

private:
    bench::tbb_group_pool pool_;
};

}  // namespace

int main(int argc, char** argv) { return bench::thread_idle_cpu::main<contender>(argc, argv); }
