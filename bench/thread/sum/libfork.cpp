// SPDX-License-Identifier: MIT
// libfork's for_each, over blocks: g++ 12 does not take its fold.
#include "../../pool/libfork.hpp"
#include "question.hpp"

#include <libfork/algorithm/for_each.hpp>

#include <array>
#include <numeric>
#include <ranges>

namespace {

class contender {
public:
    double run(const std::vector<double>& numbers) {
        std::array<double, blocks> sums{};
        const auto sum = [&](std::size_t block) {
            const double* const first = numbers.data();
            const std::size_t size = numbers.size();
            sums[block] = std::reduce(first + size * block / blocks, first + size * (block + 1) / blocks);
        };
        const auto all = std::views::iota(std::size_t{0}, blocks);
        lf::sync_wait(pool_.scheduler(), lf::for_each, all.begin(), all.end(), sum);
        return std::reduce(sums.begin(), sums.end());
    }

private:
    static constexpr std::size_t blocks = 64;

    bench::libfork_pool pool_{bench::workers()};
};

}  // namespace

int main(int argc, char** argv) { return bench::thread_sum::main<contender>(argc, argv); }
