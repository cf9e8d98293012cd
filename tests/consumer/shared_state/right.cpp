// SPDX-License-Identifier: MIT
#include "libraries.hpp"

int wait_on_the_right(yoke::thread_pool& pool) {
    return pool.submit([] { return 42; }).get();
}
