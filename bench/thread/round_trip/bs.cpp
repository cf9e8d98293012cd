// SPDX-License-Identifier: MIT
// BS::thread_pool.
#include "question.hpp"

#include <BS_thread_pool.hpp>

namespace {

class contender {
public:
    std::thread::id run() { return pool_.submit_task(bench::thread_round_trip::task).get(); }

private:
    BS::light_thread_pool pool_{bench::workers()};
};

}  // namespace

int main(int argc, char** argv) { return bench::thread_round_trip::main<contender>(argc, argv); }
