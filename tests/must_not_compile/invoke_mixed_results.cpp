// expect: yoke::invoke: some of the functions return something and others do not
// SPDX-License-Identifier: MIT
#include <yoke/algorithm/invoke.hpp>
#include <yoke/executor/thread_pool.hpp>

int main() {
    yoke::thread_pool pool;
    int b = 0;
#ifdef YOKE_FIXED
    const auto [a, ignored] = yoke::invoke(
        pool, [] { return 1; },
        [&b] {
            b = 2;
            return nullptr;
        });
    static_cast<void>(ignored);
    return a + b;
#else
    yoke::invoke(
        pool, [] { return 1; }, [&b] { b = 2; });
#endif
}
