// SPDX-License-Identifier: MIT
// yoke::reduce.
#include "question.hpp"

#include <yoke/algorithm/reduce.hpp>
#include <yoke/executor/thread_pool.hpp>

namespace {

class contender {
public:
    double run(const std::vector<double>& numbers) { return yoke::reduce(pool_, numbers, 0.0); }

private:
    yoke::thread_pool pool_{bench::workers()};
};

}  // namespace

int main(int argc, char** argv) { return bench::thread_sum::main<contender>(argc, argv); }
