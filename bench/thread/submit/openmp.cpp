// SPDX-License-Identifier: MIT
// OpenMP tasks: past a limit of queued tasks, the producer runs them itself.
#include "question.hpp"

namespace {

class contender {
public:
    void run(std::size_t tasks) {
        const auto threads = static_cast<int>(bench::workers());
#pragma omp parallel num_threads(threads)
#pragma omp single
        for (std::size_t i = 0; i < tasks; ++i) {
#pragma omp task
            bench::thread_submit::task();
        }
    }
};

}  // namespace

int main(int argc, char** argv) { return bench::thread_submit::main<contender>(argc, argv); }
