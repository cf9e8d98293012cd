// SPDX-License-Identifier: MIT
// yoke::thread_pool's bulk: its calls are shares of a few tasks, and the waiting thread takes part.
#include "question.hpp"

#include <yoke/executor/thread_pool.hpp>

namespace {

class contender {
public:
    explicit contender(unsigned threads) : pool_(threads) {}

    void run(std::size_t tasks) { pool_.bulk(tasks, bench::thread_bulk::indexed_task).get(); }

private:
    yoke::thread_pool pool_;
};

}  // namespace

int main(int argc, char** argv) { return bench::thread_bulk::main_of_groups<contender>(argc, argv); }
