// SPDX-License-Identifier: MIT
// yoke::for_each.
#include "question.hpp"

#include <yoke/algorithm/map.hpp>
#include <yoke/executor/thread_pool.hpp>

#include <ranges>

namespace {

class contender {
public:
    void run(bench::thread_axpy::vectors v) {
        yoke::for_each(pool_, std::views::iota(std::size_t{0}, v.x.size()),
                       [&v](std::size_t i) { v.y[i] += v.a * v.x[i]; });
    }

private:
    yoke::thread_pool pool_{bench::workers()};
};

}  // namespace

int main(int argc, char** argv) { return bench::thread_axpy::main<contender>(argc, argv); }
