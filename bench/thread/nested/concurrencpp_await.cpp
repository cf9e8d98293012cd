// SPDX-License-Identifier: MIT
// concurrencpp's results, awaited by coroutines: no thread waits.
#include "../../pool/concurrencpp.hpp"
#include "question.hpp"

namespace {

class contender {
public:
    explicit contender(unsigned threads) : pool_(threads) {}

    std::uint64_t run(std::uint64_t levels, std::size_t times) {
        std::uint64_t sum = 0;
        for (std::size_t i = 0; i < times; ++i)
            sum += nest(concurrencpp::executor_tag{}, pool_.executor(), levels).get();
        return sum;
    }

private:
    using executor = std::shared_ptr<concurrencpp::thread_pool_executor>;

    static concurrencpp::result<std::uint64_t> nest(concurrencpp::executor_tag /*runs_on*/, executor pool,
                                                    std::uint64_t levels) {
        if (levels == 0) co_return 0;
        co_return co_await nest(concurrencpp::executor_tag{}, pool, levels - 1) + 1;
    }

    bench::concurrencpp_pool pool_;
};

}  // namespace

int main(int argc, char** argv) { return bench::thread_nested::main<contender>(argc, argv); }
