// SPDX-License-Identifier: MIT
// libfork's fork, call and join on its busy_pool, whose threads never sleep.
#include "libfork_pools.hpp"

int main(int argc, char** argv) {
    return bench::thread_fib::main<bench::thread_fib::by_libfork<lf::busy_pool>>(argc, argv);
}
