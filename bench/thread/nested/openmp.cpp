// SPDX-License-Identifier: MIT
// OpenMP's task and taskwait.
#include "question.hpp"

namespace {

class contender {
public:
    explicit contender(unsigned threads) : threads_(static_cast<int>(threads)) {}

    std::uint64_t run(std::uint64_t levels, std::size_t times) {
        std::uint64_t sum = 0;
#pragma omp parallel num_threads(threads_)
#pragma omp single
        for (std::size_t i = 0; i < times; ++i) sum += nest(levels);
        return sum;
    }

private:
    static std::uint64_t nest(std::uint64_t levels) {
        if (levels == 0) return 0;
        std::uint64_t result = 0;
#pragma omp task shared(result)
        result = nest(levels - 1);
#pragma omp taskwait
        return result + 1;
    }

    int threads_;
};

}  // namespace

int main(int argc, char** argv) { return bench::thread_nested::main<contender>(argc, argv); }
