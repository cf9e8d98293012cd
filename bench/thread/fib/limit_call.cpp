// SPDX-License-Identifier: MIT
// Not a pool but the machine's limit: plain calls.
#include "question.hpp"

namespace {

class contender {
public:
    explicit contender(unsigned) {}
    static std::uint64_t fib(int n) {
        benchmark::DoNotOptimize(n);
        return bench::thread_fib::plain(n);
    }
};

}  // namespace

int main(int argc, char** argv) { return bench::thread_fib::main<contender>(argc, argv, false); }
