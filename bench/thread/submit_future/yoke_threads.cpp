// SPDX-License-Identifier: MIT
// yoke::thread_pool.
#include "question.hpp"

#include <yoke/executor/thread_pool.hpp>

int main(int argc, char** argv) {
    return bench::thread_submit_future::main<bench::thread_submit_future::by_future<yoke::thread_pool>>(argc,
                                                                                                        argv);
}
