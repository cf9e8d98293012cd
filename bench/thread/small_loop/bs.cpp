// SPDX-License-Identifier: MIT
// BS::thread_pool's submit_loop, with a block a thread.
#include "question.hpp"

#include <BS_thread_pool.hpp>

namespace {

class contender {
public:
    template <class F>
    void run(std::size_t size, F f) {
        pool_.submit_loop(std::size_t{0}, size, f).wait();
    }

private:
    BS::light_thread_pool pool_{bench::workers()};
};

}  // namespace

int main(int argc, char** argv) { return bench::thread_small_loop::main<contender>(argc, argv); }
