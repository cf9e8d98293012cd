// SPDX-License-Identifier: MIT
// An OpenMP parallel region with one task in it: the caller is one of the threads.
#include "question.hpp"

namespace {

class contender {
public:
    explicit contender(unsigned threads) : threads_(static_cast<int>(threads)) {}

    std::thread::id anywhere() {
        std::thread::id result;
#pragma omp parallel num_threads(threads_)
#pragma omp single
        {
#pragma omp task shared(result)
            result = bench::thread_round_trip::task();
        }
        return result;
    }

private:
    int threads_;
};

}  // namespace

int main(int argc, char** argv) { return bench::thread_round_trip::main<contender>(argc, argv); }
