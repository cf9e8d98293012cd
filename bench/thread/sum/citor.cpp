// SPDX-License-Identifier: MIT
// citor's parallelReduce; the caller is one of the threads.
#include "question.hpp"

#include <citor/thread_pool.h>

#include <functional>
#include <numeric>

namespace {

class contender {
public:
    double run(const std::vector<double>& numbers) {
        return pool_.parallelReduce<citor::FixedBlockReduceHints>(
            0, numbers.size(), 0.0,
            [first = numbers.data()](std::size_t from, std::size_t to) {
                return std::reduce(first + from, first + to);
            },
            std::plus<>());
    }

private:
    citor::ThreadPool pool_{bench::workers()};
};

}  // namespace

int main(int argc, char** argv) { return bench::thread_sum::main<contender>(argc, argv); }
