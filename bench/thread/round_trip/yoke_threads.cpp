// SPDX-License-Identifier: MIT
// yoke::thread_pool.
#include "question.hpp"

#include <yoke/executor/thread_pool.hpp>

namespace {

class contender {
public:
    std::thread::id run() { return pool_.submit(bench::thread_round_trip::task).get(); }

private:
    yoke::thread_pool pool_{bench::workers()};
};

}  // namespace

int main(int argc, char** argv) { return bench::thread_round_trip::main<contender>(argc, argv); }
