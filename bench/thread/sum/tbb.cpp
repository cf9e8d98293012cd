// SPDX-License-Identifier: MIT
// oneTBB's parallel_reduce.
#include "question.hpp"

#include <tbb/blocked_range.h>
#include <tbb/parallel_reduce.h>

#include <functional>

namespace {

class contender {
public:
    static double run(const std::vector<double>& numbers) {
        return tbb::parallel_reduce(
            tbb::blocked_range<std::size_t>(0, numbers.size()), 0.0,
            [&](const tbb::blocked_range<std::size_t>& part, double sum) {
                for (std::size_t i = part.begin(); i != part.end(); ++i) sum += numbers[i];
                return sum;
            },
            std::plus<>());
    }
};

}  // namespace

int main(int argc, char** argv) { return bench::thread_sum::main<contender>(argc, argv); }
