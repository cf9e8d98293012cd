// SPDX-License-Identifier: MIT
// oneTBB's parallel_invoke.
#include "question.hpp"

#include <tbb/global_control.h>
#include <tbb/parallel_invoke.h>

namespace {

class contender {
public:
    explicit contender(unsigned threads) : threads_(tbb::global_control::max_allowed_parallelism, threads) {}
    static std::uint64_t fib(int n) {
        if (n < 2) return static_cast<std::uint64_t>(n);
        std::uint64_t a = 0;
        std::uint64_t b = 0;
        tbb::parallel_invoke([&] { a = fib(n - 1); }, [&] { b = fib(n - 2); });
        return a + b;
    }

private:
    tbb::global_control threads_;
};

}  // namespace

int main(int argc, char** argv) { return bench::thread_fib::main<contender>(argc, argv); }
