// SPDX-License-Identifier: MIT
// concurrencpp's parallel coroutines.
#include "../../pool/concurrencpp.hpp"
#include "question.hpp"

namespace {

class contender {
public:
    std::uint64_t count(const bench::thread_uts::node& root) {
        return visit({}, pool_.executor().get(), root).get();
    }

private:
    static concurrencpp::result<std::uint64_t> visit(concurrencpp::executor_tag /*runs_on*/,
                                                     concurrencpp::thread_pool_executor* pool,
                                                     bench::thread_uts::node at) {
        std::vector<concurrencpp::result<std::uint64_t>> below;
        below.reserve(static_cast<std::size_t>(at.children));
        for (int i = 0; i < at.children; ++i) below.push_back(visit({}, pool, at.child(i)));
        std::uint64_t nodes = 1;
        for (auto& each : below) nodes += co_await each;
        co_return nodes;
    }

    bench::concurrencpp_pool pool_{bench::workers()};
};

}  // namespace

int main(int argc, char** argv) { return bench::thread_uts::main<contender>(argc, argv); }
