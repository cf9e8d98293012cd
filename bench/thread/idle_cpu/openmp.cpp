// SPDX-License-Identifier: MIT
// OpenMP's threads, between two parallel regions and inside one.
#include "question.hpp"

namespace {

class contender {
public:
    explicit contender(unsigned threads) : threads_(static_cast<int>(threads)) {}

    void work() {
        for (int i = 0; i < 1000; ++i) wait_for(0);
    }
    void wait_for(double seconds) {
#pragma omp parallel num_threads(threads_)
#pragma omp single
        {
#pragma omp task
            if (seconds != 0) bench::thread_idle_cpu::sleep(seconds);
        }
    }

private:
    int threads_;
};

}  // namespace

int main(int argc, char** argv) { return bench::thread_idle_cpu::main<contender>(argc, argv); }
