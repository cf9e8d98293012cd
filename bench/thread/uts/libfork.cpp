// SPDX-License-Identifier: MIT
// libfork's fork, call and join, with results on its stacks, as in its own benchmark.
#include "../../pool/libfork.hpp"
#include "question.hpp"

#include <numeric>

namespace {

class contender {
public:
    std::uint64_t count(const bench::thread_uts::node& root) {
        return lf::sync_wait(pool_.scheduler(), visit, root);
    }

private:
    static constexpr auto visit = [](auto visit, bench::thread_uts::node at) -> lf::task<std::uint64_t> {
        if (at.children == 0) co_return 1;
        auto [nodes] = co_await lf::co_new<std::uint64_t>(static_cast<std::size_t>(at.children));
        for (int i = 0; i < at.children; ++i) {
            std::uint64_t* const to = &nodes[static_cast<std::size_t>(i)];
            if (i + 1 == at.children) {
                co_await lf::call(to, visit)(at.child(i));
            } else {
                co_await lf::fork(to, visit)(at.child(i));
            }
        }
        co_await lf::join;
        co_return std::reduce(nodes.begin(), nodes.end(), std::uint64_t{1});
    };

    bench::libfork_pool pool_{bench::workers()};
};

}  // namespace

int main(int argc, char** argv) { return bench::thread_uts::main<contender>(argc, argv); }
