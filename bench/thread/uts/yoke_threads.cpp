// SPDX-License-Identifier: MIT
// yoke::thread_pool's invoke, the children divided in halves.
#include "question.hpp"

#include <yoke/executor/thread_pool.hpp>

namespace {

class contender {
public:
    std::uint64_t count(const bench::thread_uts::node& root) {
        return pool_.invoke([&] { return visit(root); });
    }

private:
    std::uint64_t visit(const bench::thread_uts::node& at) {
        return at.children == 0 ? 1 : 1 + visit(at, 0, at.children);
    }
    std::uint64_t visit(const bench::thread_uts::node& at, int from, int to) {
        if (to - from == 1) return visit(at.child(from));
        const int middle = from + (to - from) / 2;
        const auto [left, right] =
            pool_.invoke([&] { return visit(at, from, middle); }, [&] { return visit(at, middle, to); });
        return left + right;
    }

    yoke::thread_pool pool_{bench::workers()};
};

}  // namespace

int main(int argc, char** argv) { return bench::thread_uts::main<contender>(argc, argv); }
