// expect: then: a future cannot cross to this executor's worker processes; take its result instead
// SPDX-License-Identifier: MIT
#include <yoke/executor/process_pool.hpp>
#include <yoke/executor/thread_pool.hpp>

void test(yoke::thread_pool& threads, yoke::process_pool& processes) {
#ifdef YOKE_FIXED
    threads.submit([] { return 5; }).then(processes, [](int) {}).get();
#else
    threads.submit([] { return 5; }).then(processes, [](yoke::future<int>) {}).get();
#endif
}
