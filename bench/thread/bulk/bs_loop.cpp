// SPDX-License-Identifier: MIT
// BS::thread_pool's submit_loop, with a block a thread.
#include "question.hpp"

#include <BS_thread_pool.hpp>

namespace {

class contender {
public:
    explicit contender(unsigned threads) : pool_(threads) {}

    void run(std::size_t tasks) {
        pool_.submit_loop(std::size_t{0}, tasks, bench::thread_bulk::indexed_task).wait();
    }

private:
    BS::light_thread_pool pool_;
};

}  // namespace

int main(int argc, char** argv) { return bench::thread_bulk::main_of_groups<contender>(argc, argv); }
