// SPDX-License-Identifier: MIT
// oneTBB's parallel_invoke.
#include "../../pool/tbb_task_group.hpp"
#include "question.hpp"

#include <tbb/parallel_invoke.h>

namespace {

class contender {
public:
    explicit contender(unsigned threads) : pool_(threads) {}

    void fork_join(std::size_t calls) {
        pool_.within([calls] {
            for (std::size_t i = 0; i < calls; ++i)
                tbb::parallel_invoke(bench::counted_task, bench::counted_task);
        });
    }

private:
    bench::tbb_group_pool pool_;
};

}  // namespace

int main(int argc, char** argv) { return bench::thread_allocations::main<contender>(argc, argv); }
