// SPDX-License-Identifier: MIT
// yoke::thread_pool's invoke.
#include "question.hpp"

#include <yoke/executor/thread_pool.hpp>

namespace {

class contender {
public:
    explicit contender(unsigned threads) : pool_(threads) {}
    std::uint64_t fib(int n) {
        return pool_.invoke([&] { return below(n); });
    }

private:
    std::uint64_t below(int n) {
        if (n < 2) return static_cast<std::uint64_t>(n);
        const auto [a, b] = pool_.invoke([&] { return below(n - 1); }, [&] { return below(n - 2); });
        return a + b;
    }

    yoke::thread_pool pool_;
};

}  // namespace

int main(int argc, char** argv) { return bench::thread_fib::main<contender>(argc, argv); }
