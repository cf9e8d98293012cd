// SPDX-License-Identifier: MIT
#include "libraries.hpp"

int wait_on_the_right(yoke::thread_pool& pool) {
    return pool.submit([] { return 42; }).get();
}

int drop_an_error_on_the_right(yoke::thread_pool& pool) {
    auto task = pool.submit([] { throw 1; });
    task.wait();
    task = {};
    return static_cast<int>(pool.dropped_errors());
}
