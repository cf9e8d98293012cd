// SPDX-License-Identifier: MIT
// Taskflow's task_group and its corun.
#include "question.hpp"

#include <taskflow/taskflow.hpp>

#include <atomic>

namespace {

class contender {
public:
    std::uint64_t count(const bench::thread_uts::node& root) {
        return executor_.async([&] { return visit(root); }).get();
    }

private:
    std::uint64_t visit(const bench::thread_uts::node& at) {
        if (at.children == 0) return 1;
        std::atomic<std::uint64_t> nodes{1};
        tf::TaskGroup group = executor_.task_group();
        for (int i = 0; i < at.children; ++i) {
            group.silent_async([this, &nodes, child = at.child(i)] {
                nodes.fetch_add(visit(child), std::memory_order_relaxed);
            });
        }
        group.corun();
        return nodes;
    }

    tf::Executor executor_{bench::workers()};
};

}  // namespace

int main(int argc, char** argv) { return bench::thread_uts::main<contender>(argc, argv); }
