// SPDX-License-Identifier: MIT
// concurrencpp's thread_pool_executor.
#include "../../pool/concurrencpp.hpp"
#include "question.hpp"

int main(int argc, char** argv) {
    return bench::thread_construct::main<bench::thread_construct::by_future<bench::concurrencpp_pool>>(argc,
                                                                                                       argv);
}
