// SPDX-License-Identifier: MIT
// concurrencpp's results, awaited by a coroutine.
#include "../../pool/concurrencpp.hpp"
#include "question.hpp"

namespace {

class contender {
public:
    std::uint64_t run(std::size_t trips) {
        return all(concurrencpp::executor_tag{}, pool_.executor(), trips).get();
    }

private:
    static concurrencpp::result<std::uint64_t> all(concurrencpp::executor_tag /*runs_on*/,
                                                   std::shared_ptr<concurrencpp::thread_pool_executor> pool,
                                                   std::size_t trips) {
        std::uint64_t sum = 0;
        for (std::size_t i = 0; i < trips; ++i)
            sum += co_await pool->submit(bench::thread_nested_round_trip::task{i});
        co_return sum;
    }

    bench::concurrencpp_pool pool_{bench::workers()};
};

}  // namespace

int main(int argc, char** argv) { return bench::thread_nested_round_trip::main<contender>(argc, argv); }
