// SPDX-License-Identifier: MIT
// citor's forkJoin; the caller is one of the threads.
#include "question.hpp"

#include <citor/thread_pool.h>

namespace {

class contender {
public:
    explicit contender(unsigned threads) : pool_(threads) {}
    std::uint64_t fib(int n) {
        if (n < 2) return static_cast<std::uint64_t>(n);
        std::uint64_t a = 0;
        std::uint64_t b = 0;
        pool_.forkJoin<citor::CcdLocalForkJoinHints>([&] { a = fib(n - 1); }, [&] { b = fib(n - 2); });
        return a + b;
    }

private:
    citor::ThreadPool pool_;
};

}  // namespace

int main(int argc, char** argv) { return bench::thread_fib::main<contender>(argc, argv); }
