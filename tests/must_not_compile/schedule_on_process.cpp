// expect: schedule: a coroutine lives in this address space
// SPDX-License-Identifier: MIT
// expect: co_await yoke::submit(ex, f) runs a function there
#include <yoke/executor/process_pool.hpp>
#include <yoke/schedule.hpp>

yoke::future<int> test(yoke::process_pool& processes) {
#ifdef YOKE_FIXED
    co_return co_await yoke::submit(processes, [] { return 1; });
#else
    co_await yoke::schedule(processes);
    co_return 1;
#endif
}
