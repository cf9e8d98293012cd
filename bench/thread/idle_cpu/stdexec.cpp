// SPDX-License-Identifier: MIT
// stdexec's static_thread_pool.
#include "../../pool/stdexec.hpp"
#include "question.hpp"

int main(int argc, char** argv) {
    return bench::thread_idle_cpu::main<bench::thread_idle_cpu::by_future<bench::stdexec_pool>>(argc, argv);
}
