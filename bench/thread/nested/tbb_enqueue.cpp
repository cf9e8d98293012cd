// SPDX-License-Identifier: MIT
// oneTBB's task_arena::enqueue.
#include "../../pool/tbb_enqueue.hpp"
#include "question.hpp"

int main(int argc, char** argv) {
    return bench::thread_nested::main<bench::thread_nested::by_future<bench::tbb_enqueue_pool>>(argc, argv);
}
