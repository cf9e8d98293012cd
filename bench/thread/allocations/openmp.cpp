// SPDX-License-Identifier: MIT
// OpenMP's task and taskwait.
#include "question.hpp"

namespace {

class contender {
public:
    explicit contender(unsigned threads) : threads_(static_cast<int>(threads)) {}

    void fork_join(std::size_t calls) {
#pragma omp parallel num_threads(threads_)
#pragma omp single
        for (std::size_t i = 0; i < calls; ++i) {
#pragma omp task
            bench::counted_task();
            bench::counted_task();
#pragma omp taskwait
        }
    }

private:
    int threads_;
};

}  // namespace

int main(int argc, char** argv) { return bench::thread_allocations::main<contender>(argc, argv); }
