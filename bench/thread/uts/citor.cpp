// SPDX-License-Identifier: MIT
// citor's forkJoinAll; the caller is one of the threads.
#include "question.hpp"

#include <citor/thread_pool.h>

#include <atomic>

namespace {

class contender {
public:
    std::uint64_t count(const bench::thread_uts::node& at) {
        if (at.children == 0) return 1;
        std::atomic<std::uint64_t> nodes{1};
        pool_.forkJoinAll<citor::CcdLocalForkJoinHints>(
            static_cast<std::size_t>(at.children), [&](std::size_t i) {
                nodes.fetch_add(count(at.child(static_cast<int>(i))), std::memory_order_relaxed);
            });
        return nodes;
    }

private:
    citor::ThreadPool pool_{bench::workers()};
};

}  // namespace

int main(int argc, char** argv) { return bench::thread_uts::main<contender>(argc, argv); }
