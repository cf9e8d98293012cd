// SPDX-License-Identifier: MIT
// yoke::for_each.
#include "question.hpp"

#include <yoke/algorithm/map.hpp>
#include <yoke/executor/thread_pool.hpp>

#include <ranges>

namespace {

class contender {
public:
    explicit contender(unsigned threads = bench::workers()) : pool_(threads) {}

    template <class F>
    void run(std::size_t size, F f) {
        yoke::for_each(pool_, std::views::iota(std::size_t{0}, size), f);
    }

private:
    yoke::thread_pool pool_;
};

}  // namespace

int main(int argc, char** argv) { return bench::thread_small_loop::main<contender>(argc, argv); }
