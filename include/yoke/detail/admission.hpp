// SPDX-License-Identifier: MIT
#pragma once

/// The door of an executor: counts the tasks that are inside, lets none in once it is closed, and tells when
/// the last one has left.
///
/// One word holds the count and two flags, so that "closed" and "counted" cannot disagree: a task either came
/// in before the door was closed, and is waited for, or is turned away.
///
/// Leaving is where lifetimes go wrong: the moment the count is zero, somebody else may destroy the executor
/// and this door with it. So a thread that may be the last one out, and has somebody to tell, first takes a
/// lock, and counts itself out under it; the destructor passes through the same lock. Every other thread
/// leaves by one compare-exchange and touches nothing afterwards.

#include <yoke/detail/parking.hpp>

#include <atomic>
#include <cstdint>
#include <mutex>

namespace yoke::detail {

class admission {
public:
    admission() = default;
    admission(const admission&) = delete;
    admission& operator=(const admission&) = delete;
    /// Waits for a thread that is still on its way out.
    ~admission() { const std::lock_guard last_one_out(leaving_); }

    [[nodiscard]] bool closed() const noexcept {
        return (word_.load(std::memory_order_acquire) & closed_flag) != 0;
    }

    /// Comes in; false if the door is closed (and then leave() must still be called: the visitor was
    /// counted).
    [[nodiscard]] bool enter() noexcept {
        // relaxed: whoever takes the task from its queue is ordered after this by the queue.
        return (word_.fetch_add(one, std::memory_order_relaxed) & closed_flag) == 0;
    }

    /// Goes out. The last one out of a closed door calls `drained()`, under a lock; it must not throw.
    template <class Drained>
    void leave(Drained&& drained) noexcept {
        std::uint64_t seen = word_.load(std::memory_order_relaxed);
        do {
            if (seen / one == 1 && seen % one != 0) return leave_last(drained);
            // release: what the task did comes before what happens after wait(), see there.
        } while (!word_.compare_exchange_weak(seen, seen - one, std::memory_order_acq_rel,
                                              std::memory_order_relaxed));
    }

    /// Lets nobody in from now on. True if nobody is inside.
    bool close() noexcept { return word_.fetch_or(closed_flag, std::memory_order_seq_cst) / one == 0; }

    /// True if the door is closed and everybody has left, so that nothing can ever happen here again.
    [[nodiscard]] bool drained() const noexcept {
        // seq_cst: the sleepers' last look, see eventcount.hpp.
        const std::uint64_t seen = word_.load(std::memory_order_seq_cst);
        return (seen & closed_flag) != 0 && seen / one == 0;
    }

    /// Blocks until nobody is inside, for a moment at least.
    void wait() noexcept {
        std::uint32_t before = 0;
        {
            // Under the lock, so that a house that is empty before this call is not mistaken for one emptied
            // after it.
            const std::lock_guard lock(leaving_);
            // acquire: everything the tasks did happened before we return. They left by read-modify-writes of
            // this word, so the last value carries the releases of all of them.
            if (word_.fetch_or(watched_flag, std::memory_order_acq_rel) / one == 0) return;
            before = emptied_.load(std::memory_order_relaxed);
        }
        while (emptied_.load(std::memory_order_acquire) == before) park(emptied_, before);
    }

private:
    static constexpr std::uint64_t closed_flag = 1;
    static constexpr std::uint64_t watched_flag = 2;  // somebody waits for an empty house
    static constexpr std::uint64_t one = 4;

    template <class Drained>
    void leave_last(Drained& drained) noexcept {
        const std::lock_guard lock(leaving_);
        const std::uint64_t seen = word_.fetch_sub(one, std::memory_order_seq_cst);
        if (seen / one != 1) return;  // somebody came in meanwhile
        if ((seen & watched_flag) != 0) {
            word_.fetch_and(~watched_flag, std::memory_order_relaxed);
            emptied_.fetch_add(1, std::memory_order_release);
            unpark_all(emptied_);
        }
        if ((seen & closed_flag) != 0) drained();
    }

    std::atomic<std::uint64_t> word_{0};
    parking_word emptied_{0};
    std::mutex leaving_;
};

}  // namespace yoke::detail
