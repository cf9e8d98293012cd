// SPDX-License-Identifier: MIT
#pragma once

/// Sleeping on a 32-bit word that several processes share.
///
/// As parking.hpp, but without the private flag: the word lies in shared memory, and the sleeper and who
/// wakes it may be different processes. (std::atomic::wait sleeps on a private word and never hears another process.)

#include <yoke/detail/base/cpu_pause.hpp>
#include <yoke/detail/process/sys.hpp>

#include <atomic>
#include <climits>
#include <cstdint>

namespace yoke::detail {

using shared_word = std::atomic<std::uint32_t>;
static_assert(sizeof(shared_word) == 4 && shared_word::is_always_lock_free);
static_assert(std::atomic<std::uint64_t>::is_always_lock_free);

/// "No deadline" for futex_wait.
inline constexpr std::int64_t never = INT64_MAX;

/// `span` nanoseconds after `time`, or `never` if that is out of range. Neither is negative.
constexpr std::int64_t later(std::int64_t time, std::int64_t span) noexcept {
    return span > never - time ? never : time + span;
}

/// Sleeps while `word == seen`, at most until `until` (monotonic_ns). May return for no reason: callers loop.
inline void futex_wait(shared_word& word, std::uint32_t seen, std::int64_t until = never) noexcept {
    timespec time{};
    if (until != never) {
        if (until < 0) until = 0;
        time.tv_sec = static_cast<time_t>(until / 1'000'000'000);
        time.tv_nsec = static_cast<long>(until % 1'000'000'000);
    }
    // BITSET: its time is a point, not a span, so that a sleeper that looks again needs no arithmetic.
    sys.futex(reinterpret_cast<std::uint32_t*>(&word), FUTEX_WAIT_BITSET, seen,
              until == never ? nullptr : &time, FUTEX_BITSET_MATCH_ANY);
}

/// Wakes up to `count` sleepers.
inline void futex_wake(shared_word& word, int count = INT_MAX) noexcept {
    sys.futex(reinterpret_cast<std::uint32_t*>(&word), FUTEX_WAKE, static_cast<std::uint32_t>(count), nullptr,
              0);
}

}  // namespace yoke::detail
