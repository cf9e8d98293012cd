// SPDX-License-Identifier: MIT
// Taskflow's task_group and its corun, as in its own benchmark.
#include "question.hpp"

#include <taskflow/taskflow.hpp>

namespace {

class contender {
public:
    explicit contender(unsigned threads) : executor_(threads) {}
    std::uint64_t fib(int n) {
        return executor_.async([this, n] { return below(n); }).get();
    }

private:
    std::uint64_t below(int n) {
        if (n < 2) return static_cast<std::uint64_t>(n);
        std::uint64_t a = 0;
        tf::TaskGroup group = executor_.task_group();
        group.silent_async([this, n, &a] { a = below(n - 1); });
        const std::uint64_t b = below(n - 2);
        group.corun();
        return a + b;
    }

    tf::Executor executor_;
};

}  // namespace

int main(int argc, char** argv) { return bench::thread_fib::main<contender>(argc, argv); }
