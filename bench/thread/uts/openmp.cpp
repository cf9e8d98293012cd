// SPDX-License-Identifier: MIT
// OpenMP tasks.
#include "question.hpp"

#include <atomic>

namespace {

class contender {
public:
    static std::uint64_t count(const bench::thread_uts::node& root) {
        std::uint64_t nodes = 0;
#pragma omp parallel
#pragma omp single
        nodes = visit(root);
        return nodes;
    }

private:
    static std::uint64_t visit(const bench::thread_uts::node& at) {
        if (at.children == 0) return 1;
        std::atomic<std::uint64_t> nodes{1};
        for (int i = 0; i < at.children; ++i) {
            const auto child = at.child(i);
#pragma omp task shared(nodes) firstprivate(child)
            nodes.fetch_add(visit(child), std::memory_order_relaxed);
        }
#pragma omp taskwait
        return nodes;
    }
};

}  // namespace

int main(int argc, char** argv) { return bench::thread_uts::main<contender>(argc, argv); }
