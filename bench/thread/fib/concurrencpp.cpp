// SPDX-License-Identifier: MIT
// concurrencpp's parallel coroutines, as in its manual.
#include "../../pool/concurrencpp.hpp"
#include "question.hpp"

namespace {

class contender {
public:
    explicit contender(unsigned threads) : pool_(threads) {}
    std::uint64_t fib(int n) { return below({}, pool_.executor().get(), n).get(); }

private:
    static concurrencpp::result<std::uint64_t> below(concurrencpp::executor_tag /*runs_on*/,
                                                     concurrencpp::thread_pool_executor* pool, int n) {
        if (n < 2) co_return static_cast<std::uint64_t>(n);
        auto a = below({}, pool, n - 1);
        auto b = below({}, pool, n - 2);
        co_return co_await a + co_await b;
    }

    bench::concurrencpp_pool pool_;
};

}  // namespace

int main(int argc, char** argv) { return bench::thread_fib::main<contender>(argc, argv); }
