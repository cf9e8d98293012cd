// SPDX-License-Identifier: MIT
// oneTBB's parallel_reduce.
#include "question.hpp"

#include <tbb/blocked_range.h>
#include <tbb/parallel_reduce.h>

#include <functional>
#include <numeric>

namespace {

class contender {
public:
    static double run(const std::vector<double>& numbers) {
        return tbb::parallel_reduce(
            tbb::blocked_range<const double*>(numbers.data(), numbers.data() + numbers.size()), 0.0,
            [](const tbb::blocked_range<const double*>& part, double sum) {
                return std::reduce(part.begin(), part.end(), sum);
            },
            std::plus<>());
    }
};

}  // namespace

int main(int argc, char** argv) { return bench::thread_sum::main<contender>(argc, argv); }
