// SPDX-License-Identifier: MIT
#pragma once

/// Sleeping on a 32-bit word inside one process, with an optional deadline.
///
/// `park(word, seen)` returns at once if `word != seen`, else sleeps until a wake; like a futex it may also return
/// for no reason, so callers loop. std::atomic::wait has no deadline in C++20, hence this file. On Linux it is the
/// futex itself; elsewhere std::atomic::wait, and a parked thread with a deadline looks once a millisecond.

#include <yoke/time_span.hpp>

#include <atomic>
#include <chrono>
#include <climits>
#include <cstdint>

#if defined(__linux__)
#include <linux/futex.h>
#include <sched.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#else
#include <algorithm>
#include <thread>
#endif

namespace yoke::detail {

using parking_word = std::atomic<std::uint32_t>;

#if defined(__linux__)

inline long futex_private(parking_word& word, int operation, std::uint32_t value,
                          const timespec* until) noexcept {
    static_assert(sizeof(parking_word) == 4 && parking_word::is_always_lock_free);
    return ::syscall(SYS_futex, &word, operation | FUTEX_PRIVATE_FLAG, value, until, nullptr,
                     FUTEX_BITSET_MATCH_ANY);
}

/// Sleeps while `word == seen`.
inline void park(parking_word& word, std::uint32_t seen) noexcept {
    futex_private(word, FUTEX_WAIT_BITSET, seen, nullptr);
}

/// Sleeps while `word == seen`, at most until `until`.
inline void park_until(parking_word& word, std::uint32_t seen, deadline until) noexcept {
    // steady_clock is CLOCK_MONOTONIC, which is what FUTEX_WAIT_BITSET measures absolute times by.
    const auto since_boot = std::chrono::duration_cast<std::chrono::nanoseconds>(until.time_since_epoch());
    if (since_boot.count() <= 0) return;
    timespec time{};
    time.tv_sec = static_cast<time_t>(since_boot.count() / 1'000'000'000);
    time.tv_nsec = static_cast<long>(since_boot.count() % 1'000'000'000);
    futex_private(word, FUTEX_WAIT_BITSET, seen, &time);
}

/// Lets other threads have this processor, if any wants it.
inline void give_way() noexcept { ::sched_yield(); }

inline void unpark_one(parking_word& word) noexcept { futex_private(word, FUTEX_WAKE, 1, nullptr); }
inline void unpark_all(parking_word& word) noexcept { futex_private(word, FUTEX_WAKE, INT_MAX, nullptr); }

#else

inline void park(parking_word& word, std::uint32_t seen) noexcept { word.wait(seen); }

inline void park_until(parking_word& word, std::uint32_t seen, deadline until) noexcept {
    const auto now = std::chrono::steady_clock::now();
    if (word.load() == seen && now < until)
        std::this_thread::sleep_until(std::min(until, now + std::chrono::milliseconds(1)));
}

inline void give_way() noexcept { std::this_thread::yield(); }

inline void unpark_one(parking_word& word) noexcept { word.notify_one(); }
inline void unpark_all(parking_word& word) noexcept { word.notify_all(); }

#endif

}  // namespace yoke::detail
