// SPDX-License-Identifier: MIT
// citor's forkJoin, of two functions: it calls a single one at once.
#include "question.hpp"

#include <citor/thread_pool.h>

namespace {

class contender {
public:
    explicit contender(unsigned threads) : pool_(threads) {}

    std::uint64_t run(std::uint64_t levels, std::size_t times) {
        std::uint64_t sum = 0;
        for (std::size_t i = 0; i < times; ++i) sum += nest(levels);
        return sum;
    }

private:
    std::uint64_t nest(std::uint64_t levels) {
        if (levels == 0) return 0;
        std::uint64_t result = 0;
        pool_.forkJoin<citor::HintsDefaults>([this, levels, &result] { result = nest(levels - 1); }, [] {});
        return result + 1;
    }

    citor::ThreadPool pool_;
};

}  // namespace

int main(int argc, char** argv) { return bench::thread_nested::main<contender>(argc, argv); }
