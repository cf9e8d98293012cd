// SPDX-License-Identifier: MIT
#pragma once

#include "question.hpp"

#include <libfork/core.hpp>
#include <libfork/schedule.hpp>

namespace bench::thread_fib {

/// libfork's fork, call and join on a pool of its.
template <class Pool>
class by_libfork {
public:
    explicit by_libfork(unsigned threads) : pool_(threads) {}
    std::uint64_t fib(int n) { return lf::sync_wait(pool_, below, n); }

private:
    static constexpr auto below = [](auto below, int n) -> lf::task<std::uint64_t> {
        if (n < 2) co_return static_cast<std::uint64_t>(n);
        std::uint64_t a = 0;
        std::uint64_t b = 0;
        co_await lf::fork(&a, below)(n - 1);
        co_await lf::call(&b, below)(n - 2);
        co_await lf::join;
        co_return a + b;
    };

    Pool pool_;
};

}  // namespace bench::thread_fib
