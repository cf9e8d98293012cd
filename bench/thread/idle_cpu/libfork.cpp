// SPDX-License-Identifier: MIT
// libfork's lazy_pool.
#include "../../pool/libfork.hpp"
#include "question.hpp"

int main(int argc, char** argv) {
    return bench::thread_idle_cpu::main<bench::thread_idle_cpu::by_future<bench::libfork_pool>>(argc, argv);
}
