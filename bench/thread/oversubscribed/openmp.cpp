// SPDX-License-Identifier: MIT
// OpenMP tasks: past a limit of queued tasks, the producer runs them itself.
#include "question.hpp"

namespace {

class contender {
public:
    explicit contender(unsigned threads) : threads_(static_cast<int>(threads)) {}

    void run(std::size_t tasks) {
#pragma omp parallel num_threads(threads_)
#pragma omp single
        for (std::size_t i = 0; i < tasks; ++i) {
#pragma omp task
            bench::counted_task();
        }
    }

private:
    int threads_;
};

}  // namespace

int main(int argc, char** argv) { return bench::thread_oversubscribed::main<contender>(argc, argv); }
