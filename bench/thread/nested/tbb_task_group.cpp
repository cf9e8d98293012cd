// SPDX-License-Identifier: MIT
// oneTBB's task_group: who waits runs other tasks meanwhile.
#include "../../pool/tbb_task_group.hpp"
#include "question.hpp"

namespace {

class contender {
public:
    explicit contender(unsigned threads) : pool_(threads) {}

    std::uint64_t run(std::uint64_t levels, std::size_t times) {
        return pool_.within([levels, times] {
            std::uint64_t sum = 0;
            for (std::size_t i = 0; i < times; ++i) sum += nest(levels);
            return sum;
        });
    }

private:
    static std::uint64_t nest(std::uint64_t levels) {
        if (levels == 0) return 0;
        std::uint64_t result = 0;
        tbb::task_group group;
        group.run([levels, &result] { result = nest(levels - 1); });
        group.wait();
        return result + 1;
    }

    bench::tbb_group_pool pool_;
};

}  // namespace

int main(int argc, char** argv) { return bench::thread_nested::main<contender>(argc, argv); }
