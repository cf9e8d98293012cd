// SPDX-License-Identifier: MIT
// yoke::for_each.
#include "question.hpp"

#include <yoke/algorithm/map.hpp>
#include <yoke/executor/thread_pool.hpp>

#include <ranges>

namespace {

class contender {
public:
    template <class F>
    void run(std::size_t size, F f) {
        yoke::for_each(pool_, std::views::iota(std::size_t{0}, size), f);
    }

private:
    yoke::thread_pool pool_{bench::workers()};
};

}  // namespace

int main(int argc, char** argv) { return bench::thread_irregular::main<contender>(argc, argv); }
