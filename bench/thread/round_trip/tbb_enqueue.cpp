// SPDX-License-Identifier: MIT
// oneTBB's task_arena::enqueue.
#include "../../pool/tbb_enqueue.hpp"
#include "question.hpp"

int main(int argc, char** argv) {
    return bench::thread_round_trip::main<bench::thread_round_trip::by_future<bench::tbb_enqueue_pool>>(argc,
                                                                                                        argv);
}
