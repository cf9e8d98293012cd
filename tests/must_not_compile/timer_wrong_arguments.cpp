// expect: timer: the function cannot be called with copies of these arguments
// SPDX-License-Identifier: MIT
#include <yoke/algorithm/timer.hpp>
#include <yoke/executor/thread_pool.hpp>

#include <chrono>

void test(yoke::timer& timer, yoke::thread_pool& pool) {
#ifdef YOKE_FIXED
    (void)timer.after(
        pool, std::chrono::seconds(1), [](int) {}, 1);
#else
    (void)timer.after(
        pool, std::chrono::seconds(1), [](int) {}, "text");
#endif
}
