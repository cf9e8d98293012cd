// SPDX-License-Identifier: MIT
#include "libraries.hpp"

int call_in_a_task_of_the_left(int (*call)(yoke::thread_pool&)) {
    yoke::thread_pool pool({.threads = 1}, [](std::size_t) {});
    return pool.submit([call, &pool] { return call(pool); }).get();
}
