// expect: timer::every: the function must be callable without arguments again and again, and cross to worker processes
// SPDX-License-Identifier: MIT
#include <yoke/algorithm/timer.hpp>
#include <yoke/executor/process_pool.hpp>

#include <chrono>

yoke::future<void> test(yoke::timer& timer, yoke::process_pool& processes) {
#ifdef YOKE_FIXED
    return timer.every(processes, std::chrono::seconds(1), [] {});
#else
    int runs = 0;
    return timer.every(processes, std::chrono::seconds(1), [&runs] { ++runs; });
#endif
}
