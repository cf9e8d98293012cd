// SPDX-License-Identifier: MIT
// libfork's for_each, in parts of 16.
#include "../../pool/libfork.hpp"
#include "question.hpp"

#include <libfork/algorithm/for_each.hpp>

#include <ranges>

namespace {

class contender {
public:
    template <class F>
    void run(std::size_t size, F f) {
        const auto all = std::views::iota(std::size_t{0}, size);
        lf::sync_wait(pool_.scheduler(), lf::for_each, all.begin(), all.end(), 16, f);
    }

private:
    bench::libfork_pool pool_{bench::workers()};
};

}  // namespace

int main(int argc, char** argv) { return bench::thread_irregular::main<contender>(argc, argv); }
