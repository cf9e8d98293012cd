// SPDX-License-Identifier: MIT
// oneTBB's task_arena::enqueue.
#include "../../pool/tbb_enqueue.hpp"
#include "question.hpp"

int main(int argc, char** argv) {
    return bench::thread_oversubscribed::main<bench::one_by_one<bench::tbb_enqueue_pool>>(argc, argv);
}
