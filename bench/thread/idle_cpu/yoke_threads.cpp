// SPDX-License-Identifier: MIT
// yoke::thread_pool.
#include "question.hpp"

#include <yoke/executor/thread_pool.hpp>

int main(int argc, char** argv) {
    return bench::thread_idle_cpu::main<bench::thread_idle_cpu::by_future<yoke::thread_pool>>(argc, argv);
}
