// SPDX-License-Identifier: MIT
// oneTBB's task_group.
#include "question.hpp"

#include <tbb/task_arena.h>
#include <tbb/task_group.h>

namespace {

class contender {
public:
    std::uint64_t run(std::size_t trips) {
        return arena_.execute([trips] {
            std::uint64_t sum = 0;
            for (std::size_t i = 0; i < trips; ++i) {
                std::uint64_t result = 0;
                tbb::task_group group;
                group.run([i, &result] { result = bench::thread_nested_round_trip::task{i}(); });
                group.wait();
                sum += result;
            }
            return sum;
        });
    }

private:
    tbb::task_arena arena_{static_cast<int>(bench::workers())};
};

}  // namespace

int main(int argc, char** argv) { return bench::thread_nested_round_trip::main<contender>(argc, argv); }
