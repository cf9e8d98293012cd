// SPDX-License-Identifier: MIT
// OpenMP tasks.
#include "question.hpp"

#include <omp.h>

namespace {

class contender {
public:
    explicit contender(unsigned threads) : threads_(static_cast<int>(threads)) {}
    [[nodiscard]] std::uint64_t fib(int n) const {
        std::uint64_t result = 0;
#pragma omp parallel num_threads(threads_)
#pragma omp single
        result = below(n);
        return result;
    }

private:
    static std::uint64_t below(int n) {
        if (n < 2) return static_cast<std::uint64_t>(n);
        std::uint64_t a = 0;
        std::uint64_t b = 0;
#pragma omp task shared(b)
        b = below(n - 2);
        a = below(n - 1);
#pragma omp taskwait
        return a + b;
    }

    int threads_;
};

}  // namespace

int main(int argc, char** argv) { return bench::thread_fib::main<contender>(argc, argv); }
