// expect: yoke::invoke: a function returns something that cannot be moved
// SPDX-License-Identifier: MIT
#include <yoke/algorithm/invoke.hpp>
#include <yoke/executor/thread_pool.hpp>

#include <memory>
#include <mutex>

int main() {
    yoke::thread_pool pool;
#ifdef YOKE_FIXED
    const auto [a, b] = yoke::invoke(
        pool, [] { return std::make_unique<std::mutex>(); }, [] { return 1; });
    return a == nullptr ? b : 0;
#else
    static_cast<void>(yoke::invoke(
        pool, [] { return std::mutex(); }, [] { return 1; }));
#endif
}
