// SPDX-License-Identifier: MIT
// oneTBB's parallel_for, as it is by default.
#include "question.hpp"

#include "../../pool/tbb_task_group.hpp"

#include <tbb/parallel_for.h>

namespace {

class contender {
public:
    explicit contender(unsigned threads) : pool_(threads) {}

    void run(std::size_t tasks) {
        pool_.within([tasks] { tbb::parallel_for(std::size_t{0}, tasks, bench::thread_bulk::indexed_task); });
    }

private:
    bench::tbb_group_pool pool_;
};

}  // namespace

int main(int argc, char** argv) { return bench::thread_bulk::main_of_groups<contender>(argc, argv); }
