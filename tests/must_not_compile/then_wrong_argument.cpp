// expect: then: the function can be called neither with the future's result
// SPDX-License-Identifier: MIT
#include <yoke/executor/thread_pool.hpp>

#include <string>

void test(yoke::thread_pool& pool) {
#ifdef YOKE_FIXED
    pool.submit([] { return 5; }).then(pool, [](int) {}).get();
#else
    pool.submit([] { return 5; }).then(pool, [](std::string) {});
#endif
}
