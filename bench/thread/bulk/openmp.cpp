// SPDX-License-Identifier: MIT
// OpenMP's parallel for.
#include "question.hpp"

namespace {

class contender {
public:
    explicit contender(unsigned threads) : threads_(static_cast<int>(threads)) {}

    void run(std::size_t tasks) {
#pragma omp parallel for num_threads(threads_) schedule(static)
        for (std::size_t i = 0; i < tasks; ++i) bench::thread_bulk::indexed_task(i);
    }

private:
    int threads_;
};

}  // namespace

int main(int argc, char** argv) { return bench::thread_bulk::main_of_groups<contender>(argc, argv); }
