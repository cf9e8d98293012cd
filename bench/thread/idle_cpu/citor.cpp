// SPDX-License-Identifier: MIT
// citor's parallelFor.
#include "question.hpp"

#include <citor/thread_pool.h>

namespace {

class contender {
public:
    explicit contender(unsigned threads) : pool_(threads) {}

    void work() {
        for (int i = 0; i < 1000; ++i)
            pool_.parallelFor<citor::HintsDefaults>(0, 1000, [](std::size_t from, std::size_t to) {
                for (; from != to; ++from) benchmark::DoNotOptimize(from);
            });
    }

private:
    citor::ThreadPool pool_;
};

}  // namespace

int main(int argc, char** argv) { return bench::thread_idle_cpu::main<contender>(argc, argv); }
