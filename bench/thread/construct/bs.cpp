// SPDX-License-Identifier: MIT
// BS::thread_pool.
#include "question.hpp"

#include <BS_thread_pool.hpp>

namespace {

class contender {
public:
    explicit contender(unsigned threads) : pool_(threads) {}
    std::thread::id run() { return pool_.submit_task(bench::thread_construct::task).get(); }

private:
    BS::light_thread_pool pool_;
};

}  // namespace

int main(int argc, char** argv) { return bench::thread_construct::main<contender>(argc, argv); }
