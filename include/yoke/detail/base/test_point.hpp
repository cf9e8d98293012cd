// SPDX-License-Identifier: MIT
#pragma once

/// Named places in the code at which a test can stop a process or kill it.
///
/// Only a program that defines YOKE_TEST_POINTS (all of its translation units) has them; elsewhere `YOKE_TEST_POINT` is
/// nothing at all. The hook is inherited by the workers, as all of the program's memory is when the
/// fork server starts, so a test sets it before that and steers it through shared memory.

///
/// A process pool looks once a second whether a wake was lost, and repairs that. So a test of wakes that uses the real pool
/// cannot fail - unless it sets `test_heals` to false, before the pool is made.

#include <yoke/detail/base/config.hpp>

#include <atomic>
#include <cstdint>
#include <limits>

#if defined(YOKE_TEST_POINTS)

namespace yoke::detail {

YOKE_SHARED_STATE inline void (*test_point_hook)(const char* name) = nullptr;
YOKE_SHARED_STATE inline std::atomic<bool> test_heals{true};

}  // namespace yoke::detail

#define YOKE_TEST_POINT(NAME)                                                                                \
    do {                                                                                                     \
        if (::yoke::detail::test_point_hook != nullptr) ::yoke::detail::test_point_hook(NAME);               \
    } while (false)

#else
#define YOKE_TEST_POINT(NAME) static_cast<void>(0)
#endif

namespace yoke::detail {

/// The time, in nanoseconds, after which a process pool looks again at what it should have been told of.
inline std::int64_t healing_interval() noexcept {
#if defined(YOKE_TEST_POINTS)
    if (!test_heals.load(std::memory_order_relaxed)) return std::numeric_limits<std::int64_t>::max();
#endif
    return 1'000'000'000;
}
/// The time, in milliseconds, after which a worker that looks for a task is not counted on any more.
inline std::uint32_t search_trust_ms() noexcept {
    return healing_interval() == std::numeric_limits<std::int64_t>::max()
               ? std::numeric_limits<std::uint32_t>::max()
               : 20;
}

}  // namespace yoke::detail
