// SPDX-License-Identifier: MIT
// std::async: starts a thread.
#include "../../pool/std_async.hpp"
#include "question.hpp"

int main(int argc, char** argv) {
    return bench::thread_round_trip::main<bench::thread_round_trip::by_future<bench::std_async_pool>>(argc,
                                                                                                      argv);
}
