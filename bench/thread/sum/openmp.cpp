// SPDX-License-Identifier: MIT
// OpenMP's parallel for simd with a reduction.
#include "question.hpp"

namespace {

class contender {
public:
    static double run(const std::vector<double>& numbers) {
        double sum = 0;
#pragma omp parallel for simd reduction(+ : sum)
        for (std::size_t i = 0; i < numbers.size(); ++i) sum += numbers[i];
        return sum;
    }
};

}  // namespace

int main(int argc, char** argv) { return bench::thread_sum::main<contender>(argc, argv); }
