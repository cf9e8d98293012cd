// SPDX-License-Identifier: MIT
// Taskflow's reduce_by_index, as in its own benchmark.
#include "question.hpp"

#include <taskflow/algorithm/reduce.hpp>
#include <taskflow/taskflow.hpp>

#include <functional>
#include <numeric>
#include <optional>

namespace {

class contender {
public:
    double run(const std::vector<double>& numbers) {
        double sum = 0;
        tf::Taskflow flow;
        flow.reduce_by_index(
            tf::IndexRange<std::size_t>(0, numbers.size(), 1), sum,
            [first = numbers.data()](const tf::IndexRange<std::size_t>& part, std::optional<double> before) {
                return std::reduce(first + part.begin(), first + part.end(), before.value_or(0.0));
            },
            std::plus<>());
        executor_.run(flow).wait();
        return sum;
    }

private:
    tf::Executor executor_{bench::workers()};
};

}  // namespace

int main(int argc, char** argv) { return bench::thread_sum::main<contender>(argc, argv); }
