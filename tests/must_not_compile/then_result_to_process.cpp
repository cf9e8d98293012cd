// expect: then: the function, the future's result or what the function returns cannot cross to this executor's worker processes
// SPDX-License-Identifier: MIT
#include <yoke/executor/process_pool.hpp>
#include <yoke/executor/thread_pool.hpp>

#include <memory>

void test(yoke::thread_pool& threads, yoke::process_pool& processes) {
#ifdef YOKE_FIXED
    threads.submit([] { return 5; }).then(processes, [](int) {}).get();
#else
    threads.submit([] { return std::make_shared<int>(5); })
        .then(processes, [](std::shared_ptr<int>) {})
        .get();
#endif
}
