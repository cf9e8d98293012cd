// SPDX-License-Identifier: MIT
// dp::thread_pool.
#include "../../pool/dp.hpp"
#include "question.hpp"

int main(int argc, char** argv) {
    return bench::thread_submit_future::main<bench::thread_submit_future::by_future<bench::dp_pool>>(argc,
                                                                                                     argv);
}
