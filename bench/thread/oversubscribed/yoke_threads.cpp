// SPDX-License-Identifier: MIT
// yoke::thread_pool.
#include "question.hpp"

#include <yoke/executor/thread_pool.hpp>

int main(int argc, char** argv) {
    return bench::thread_oversubscribed::main<bench::one_by_one<yoke::thread_pool>>(argc, argv);
}
