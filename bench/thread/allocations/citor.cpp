// SPDX-License-Identifier: MIT
// citor's forkJoin.
#include "question.hpp"

#include <citor/thread_pool.h>

namespace {

class contender {
public:
    explicit contender(unsigned threads) : pool_(threads) {}

    void fork_join(std::size_t calls) {
        for (std::size_t i = 0; i < calls; ++i)
            pool_.forkJoin<citor::HintsDefaults>(bench::counted_task, bench::counted_task);
    }

private:
    citor::ThreadPool pool_;
};

}  // namespace

int main(int argc, char** argv) { return bench::thread_allocations::main<contender>(argc, argv); }
