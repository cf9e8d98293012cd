// SPDX-License-Identifier: MIT
// BS::thread_pool's submit_loop in 64 blocks a thread, as one a thread does not share the work.
#include "question.hpp"

#include <BS_thread_pool.hpp>

namespace {

class contender {
public:
    template <class F>
    void run(std::size_t size, F f) {
        pool_.submit_loop(std::size_t{0}, size, f, std::size_t{64} * bench::workers()).wait();
    }

private:
    BS::light_thread_pool pool_{bench::workers()};
};

}  // namespace

int main(int argc, char** argv) { return bench::thread_irregular::main<contender>(argc, argv); }
