// SPDX-License-Identifier: MIT
// citor's parallelFor: the caller takes part.
#include "question.hpp"

#include <citor/thread_pool.h>

namespace {

class contender {
public:
    explicit contender(unsigned threads) : pool_(threads) {}

    void run(std::size_t tasks) {
        pool_.parallelFor<citor::HintsDefaults>(0, tasks, [](std::size_t from, std::size_t to) {
            for (; from != to; ++from) bench::thread_bulk::indexed_task(from);
        });
    }

private:
    citor::ThreadPool pool_;
};

}  // namespace

int main(int argc, char** argv) { return bench::thread_bulk::main_of_groups<contender>(argc, argv); }
