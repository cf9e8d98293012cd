// SPDX-License-Identifier: MIT
// BS::thread_pool's submit_blocks, with a block a thread.
#include "question.hpp"

#include <BS_thread_pool.hpp>

#include <numeric>

namespace {

class contender {
public:
    double run(const std::vector<double>& numbers) {
        const auto sums = pool_
                              .submit_blocks(std::size_t{0}, numbers.size(),
                                             [first = numbers.data()](std::size_t from, std::size_t to) {
                                                 return std::reduce(first + from, first + to);
                                             })
                              .get();
        return std::reduce(sums.begin(), sums.end());
    }

private:
    BS::light_thread_pool pool_{bench::workers()};
};

}  // namespace

int main(int argc, char** argv) { return bench::thread_sum::main<contender>(argc, argv); }
