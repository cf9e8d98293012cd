// SPDX-License-Identifier: MIT
#pragma once

/// Where the threads of one side of a queue sleep: a condition variable that wakes one thread per transition.
///
/// All members but `wake_*` are called under the queue's mutex. A call is made in two steps, so that the system call
/// comes after the mutex is free:
///
///     const bool wake = takers.call_one();   // under the mutex: is there anybody to wake?
///     lock.unlock();
///     if (wake) takers.wake_one();           // uses the room's address only: it may be gone by now
///
/// While one woken thread is on its way to the mutex (`waking_`), further calls do nothing: an item each for a thousand
/// pushes costs one wake, not a thousand. In return, whoever leaves something behind for the others calls again.
/// The queue keeps this invariant, whenever its mutex is free:
///
///     there is something for this side, and somebody sleeps  =>  a wake is on its way
///
/// Why a wake on its way arrives: `call_one` changes the word under the mutex while `sleepers_` counts at least one
/// thread. That thread released the mutex before, with the old word in hand, so it either sleeps and is woken by
/// `wake_one`, or its `park` compares the words and returns at once, or another sleeper was woken in its place. Every
/// thread that returns, for whatever reason, clears `waking_` under the mutex and looks again at the queue; if it goes
/// back to sleep there was nothing left, and if it does not, its own pop or push calls the next. One that gives up, because
/// its time is over or a stop was requested, may have been woken in the place of another; so it calls the next, too, if it
/// leaves something behind.
///
/// The word would have to be changed 2^32 times between a thread's release of the mutex and its park to deceive it.

#include <yoke/detail/sync/parking.hpp>
#include <yoke/time_span.hpp>

#include <cstdint>
#include <mutex>

namespace yoke::detail {

class waiting_room {
public:
    /// Sleeps until called, at most until `until`; may return for no reason. Releases `lock` meanwhile.
    void wait(std::unique_lock<std::mutex>& lock, deadline until = deadline::max()) {
        ++sleepers_;
        const std::uint32_t seen = word_.load(std::memory_order_relaxed);  // written under the mutex only
        lock.unlock();
        until == deadline::max() ? park(word_, seen) : park_until(word_, seen, until);
        lock.lock();
        --sleepers_;
        waking_ = false;
    }

    /// True: `wake_one()` must follow.
    [[nodiscard]] bool call_one() noexcept {
        if (sleepers_ == 0 || waking_) return false;
        waking_ = true;
        word_.fetch_add(1, std::memory_order_relaxed);
        return true;
    }
    /// Calls all who sleep now. True: `wake_all()` must follow.
    [[nodiscard]] bool call_all() noexcept {
        if (sleepers_ == 0) return false;
        word_.fetch_add(1, std::memory_order_relaxed);
        return true;
    }

    void wake_one() noexcept { unpark_one(word_); }
    void wake_all() noexcept { unpark_all(word_); }

private:
    parking_word word_{0};
    std::uint32_t sleepers_ = 0;
    bool waking_ = false;
};

}  // namespace yoke::detail
