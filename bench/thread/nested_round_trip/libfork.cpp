// SPDX-License-Identifier: MIT
// libfork's fork and join.
#include "../../pool/libfork.hpp"
#include "question.hpp"

namespace {

class contender {
public:
    std::uint64_t run(std::size_t trips) { return lf::sync_wait(pool_.scheduler(), all, trips); }

private:
    static constexpr auto one = [](auto /*self*/, std::uint64_t i) -> lf::task<std::uint64_t> {
        co_return bench::thread_nested_round_trip::task{i}();
    };
    static constexpr auto all = [](auto /*self*/, std::size_t trips) -> lf::task<std::uint64_t> {
        std::uint64_t sum = 0;
        for (std::size_t i = 0; i < trips; ++i) {
            std::uint64_t result = 0;
            co_await lf::fork(&result, one)(i);
            co_await lf::join;
            sum += result;
        }
        co_return sum;
    };

    bench::libfork_pool pool_{bench::workers()};
};

}  // namespace

int main(int argc, char** argv) { return bench::thread_nested_round_trip::main<contender>(argc, argv); }
