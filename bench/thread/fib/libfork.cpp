// SPDX-License-Identifier: MIT
// libfork's fork, call and join on its lazy_pool.
#include "libfork_pools.hpp"

int main(int argc, char** argv) {
    return bench::thread_fib::main<bench::thread_fib::by_libfork<lf::lazy_pool>>(argc, argv);
}
