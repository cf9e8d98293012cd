// SPDX-License-Identifier: MIT
// libfork's fork and join: the parent is stolen, no thread waits.
#include "../../pool/libfork.hpp"
#include "question.hpp"

namespace {

class contender {
public:
    explicit contender(unsigned threads) : pool_(threads) {}

    std::uint64_t run(std::uint64_t levels, std::size_t times) {
        std::uint64_t sum = 0;
        for (std::size_t i = 0; i < times; ++i) sum += lf::sync_wait(pool_.scheduler(), nest, levels);
        return sum;
    }

private:
    static constexpr auto nest = [](auto nest, std::uint64_t levels) -> lf::task<std::uint64_t> {
        if (levels == 0) co_return 0;
        std::uint64_t result = 0;
        co_await lf::fork(&result, nest)(levels - 1);
        co_await lf::join;
        co_return result + 1;
    };

    bench::libfork_pool pool_;
};

}  // namespace

int main(int argc, char** argv) { return bench::thread_nested::main<contender>(argc, argv); }
