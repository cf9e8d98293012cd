// SPDX-License-Identifier: MIT
// OpenMP's task and taskwait.
#include "question.hpp"

namespace {

class contender {
public:
    std::uint64_t run(std::size_t trips) {
        const auto threads = static_cast<int>(bench::workers());
        std::uint64_t sum = 0;
#pragma omp parallel num_threads(threads)
#pragma omp single
        for (std::size_t i = 0; i < trips; ++i) {
            std::uint64_t result = 0;
#pragma omp task shared(result)
            result = bench::thread_nested_round_trip::task{i}();
#pragma omp taskwait
            sum += result;
        }
        return sum;
    }
};

}  // namespace

int main(int argc, char** argv) { return bench::thread_nested_round_trip::main<contender>(argc, argv); }
