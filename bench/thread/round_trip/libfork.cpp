// SPDX-License-Identifier: MIT
// libfork's lazy_pool.
#include "../../pool/libfork.hpp"
#include "question.hpp"

int main(int argc, char** argv) {
    return bench::thread_round_trip::main<bench::thread_round_trip::by_future<bench::libfork_pool>>(argc,
                                                                                                    argv);
}
