// expect: then: the function, the future's result or what the function returns cannot cross to this executor's worker processes
// SPDX-License-Identifier: MIT
// expect: pass a captureless lambda or yoke::bind_values(f, values...)
#include <yoke/executor/process_pool.hpp>
#include <yoke/executor/thread_pool.hpp>
#include <yoke/wire/bind_values.hpp>

int test(yoke::thread_pool& threads, yoke::process_pool& processes) {
    const int factor = 3;
#ifdef YOKE_FIXED
    auto times = yoke::bind_values([](int by, int x) { return by * x; }, factor);
#else
    auto times = [factor](int x) { return factor * x; };
#endif
    return threads.submit([] { return 14; }).then(processes, times).get();
}
