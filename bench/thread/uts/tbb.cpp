// SPDX-License-Identifier: MIT
// oneTBB's task_group.
#include "question.hpp"

#include <tbb/task_group.h>

#include <atomic>

namespace {

class contender {
public:
    static std::uint64_t count(const bench::thread_uts::node& at) {
        if (at.children == 0) return 1;
        std::atomic<std::uint64_t> nodes{1};
        tbb::task_group group;
        for (int i = 0; i < at.children; ++i) {
            group.run(
                [&nodes, child = at.child(i)] { nodes.fetch_add(count(child), std::memory_order_relaxed); });
        }
        group.wait();
        return nodes;
    }
};

}  // namespace

int main(int argc, char** argv) { return bench::thread_uts::main<contender>(argc, argv); }
