// SPDX-License-Identifier: MIT
// libfork's for_each, over blocks: item by item it takes three times as long.
#include "../../pool/libfork.hpp"
#include "question.hpp"

#include <libfork/algorithm/for_each.hpp>

#include <ranges>

namespace {

class contender {
public:
    void run(bench::thread_axpy::vectors v) {
        // g++ 12 does not take its overloads for ranges.
        const auto all = std::views::iota(std::size_t{0}, blocks);
        lf::sync_wait(pool_.scheduler(), lf::for_each, all.begin(), all.end(), [v](std::size_t block) {
            const std::size_t to = v.x.size() * (block + 1) / blocks;
            for (std::size_t i = v.x.size() * block / blocks; i != to; ++i) v.y[i] += v.a * v.x[i];
        });
    }

private:
    static constexpr std::size_t blocks = 64;

    bench::libfork_pool pool_{bench::workers()};
};

}  // namespace

int main(int argc, char** argv) { return bench::thread_axpy::main<contender>(argc, argv); }
