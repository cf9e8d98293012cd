// SPDX-License-Identifier: MIT
// oneTBB's task_group.
#include "../../pool/tbb_task_group.hpp"
#include "question.hpp"

namespace {

class contender {
public:
    explicit contender(unsigned threads) : pool_(threads) {}

    void fork_join(std::size_t calls) {
        pool_.within([calls] {
            for (std::size_t i = 0; i < calls; ++i) {
                tbb::task_group group;
                group.run(bench::counted_task);
                group.run_and_wait(bench::counted_task);
            }
        });
    }

private:
    bench::tbb_group_pool pool_;
};

}  // namespace

int main(int argc, char** argv) { return bench::thread_allocations::main<contender>(argc, argv); }
