// SPDX-License-Identifier: MIT
// stdexec's static_thread_pool.
#include "../../pool/stdexec.hpp"
#include "question.hpp"

int main(int argc, char** argv) {
    return bench::thread_construct::main<bench::thread_construct::by_future<bench::stdexec_pool>>(argc, argv);
}
