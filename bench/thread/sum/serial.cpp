// SPDX-License-Identifier: MIT
// The plain loop.
#include "question.hpp"

#include <numeric>

namespace {

class contender {
public:
    static double run(const std::vector<double>& numbers) {
        return std::accumulate(numbers.begin(), numbers.end(), 0.0);
    }
};

}  // namespace

int main(int argc, char** argv) { return bench::thread_sum::main<contender>(argc, argv); }
