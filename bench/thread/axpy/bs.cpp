// SPDX-License-Identifier: MIT
// BS::thread_pool's submit_blocks, with a block a thread.
#include "question.hpp"

#include <BS_thread_pool.hpp>

namespace {

class contender {
public:
    void run(bench::thread_axpy::vectors v) {
        pool_
            .submit_blocks(std::size_t{0}, v.x.size(),
                           [&v](std::size_t from, std::size_t to) {
                               for (; from != to; ++from) v.y[from] += v.a * v.x[from];
                           })
            .wait();
    }

private:
    BS::light_thread_pool pool_{bench::workers()};
};

}  // namespace

int main(int argc, char** argv) { return bench::thread_axpy::main<contender>(argc, argv); }
