// SPDX-License-Identifier: MIT
// libfork's for_each, over a few blocks.
#include "../../pool/libfork.hpp"
#include "question.hpp"

#include <libfork/algorithm/for_each.hpp>

#include <ranges>

namespace {

class contender {
public:
    template <class F>
    void run(std::size_t size, F f) {
        const std::size_t blocks = std::size_t{4} * bench::workers();
        const auto all = std::views::iota(std::size_t{0}, blocks);
        lf::sync_wait(pool_.scheduler(), lf::for_each, all.begin(), all.end(), [=](std::size_t block) {
            for (std::size_t i = size * block / blocks; i != size * (block + 1) / blocks; ++i) f(i);
        });
    }

private:
    bench::libfork_pool pool_{bench::workers()};
};

}  // namespace

int main(int argc, char** argv) { return bench::thread_small_loop::main<contender>(argc, argv); }
