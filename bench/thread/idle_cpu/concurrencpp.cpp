// SPDX-License-Identifier: MIT
// concurrencpp's thread_pool_executor.
#include "../../pool/concurrencpp.hpp"
#include "question.hpp"

int main(int argc, char** argv) {
    return bench::thread_idle_cpu::main<bench::thread_idle_cpu::by_future<bench::concurrencpp_pool>>(argc,
                                                                                                     argv);
}
