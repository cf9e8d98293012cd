// SPDX-License-Identifier: MIT
#pragma once

/// The door of an executor: counts the tasks that come in and those that have left, lets none in once it is closed, and
/// tells when all have left.
///
/// Nobody who is in a hurry writes what another one writes. Each worker counts the tasks it lets in and lets out on a
/// line of its own, by plain stores; visitors from outside come in by a word of theirs, and leave by a lock, which
/// is rare: a task leaves on a worker, unless somebody else has run or cancelled it. *Empty* means that the
/// sums of both kinds agree, and is asked for only where it matters: by who waits, by who closes, and by a worker that has
/// nothing to do.
///
/// Why the sums can be trusted. A task's coming in happens before its leaving, and empty() reads all `left` counters
/// before it reads any `entered` one. (A worker that is added meanwhile is missed among the `left` ones at most.) So it sees the coming in of every task whose leaving it sees; if the sums agree,
/// no other task had come in when it read the last `left`, and at that moment the house was empty. Once the
/// door is closed, only tasks inside can let in others, so an empty house stays empty.
///
/// Why nobody is forgotten. Let a waiter store `watched` and then find the house not empty, because of a task that
/// leaves by worker W (or, likewise, let somebody close the door). Before W sleeps it exchanges its counter and then loads
/// `watched`; the waiter's store and load are seq_cst too. So the waiter sees the task gone, or W sees `watched`
/// and looks itself; of several workers the last to exchange sees what all the others have counted.
///
/// Leaving is where lifetimes go wrong: the moment the house is empty somebody else may destroy the executor and this door
/// with it. A worker is joined before that, and looks in `settle()` before it leaves. A visitor from outside counts itself out under a lock that the destructor
/// passes through, and touches nothing afterwards. tests/model/admission.pml checks all this.

#include <yoke/detail/base/config.hpp>
#include <yoke/detail/base/stable_array.hpp>
#include <yoke/detail/future/worker_place.hpp>
#include <yoke/detail/sync/parking.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <mutex>

namespace yoke::detail {

/// `self` is always the calling worker's number, or `no_worker`.
class admission {
public:
    admission() = default;
    admission(const admission&) = delete;
    admission& operator=(const admission&) = delete;
    /// Waits for a visitor that is still on its way out.
    ~admission() { const std::lock_guard last_one_out(leaving_); }

    /// There is one worker more, with the next number. One thread at a time; throws std::bad_alloc.
    void add_worker() { tallies_.add(); }

    [[nodiscard]] bool closed() const noexcept {
        return (outside_.load(std::memory_order_acquire) & closed_flag) != 0;
    }

    /// Comes in; false if the door is closed.
    [[nodiscard]] bool enter(std::size_t self) noexcept {
        // relaxed: whoever takes the task from its queue is ordered after this by the queue.
        if (self != no_worker) {
            if (closed()) return false;
            add_one(tallies_[self].entered, std::memory_order_relaxed);
            return true;
        }
        std::uint64_t seen = outside_.load(std::memory_order_relaxed);
        while ((seen & closed_flag) == 0) {
            if (outside_.compare_exchange_weak(seen, seen + one, std::memory_order_relaxed)) return true;
        }
        return false;
    }
    /// Comes in from outside even if the door is closed, to keep the house from being empty. The caller knows that the
    /// executor lives.
    void enter_anyway() noexcept { outside_.fetch_add(one, std::memory_order_seq_cst); }

    /// Goes out. A visitor from outside that leaves an empty house calls `drained()`, under a lock, if the door is
    /// closed; it must not throw.
    template <class Drained>
    void leave(std::size_t self, Drained&& drained) noexcept {
        if (self != no_worker) {
            // release: what the task did comes before what happens after wait(), see empty().
            add_one(tallies_[self].left, std::memory_order_release);
            return;
        }
        const std::lock_guard lock(leaving_);
        add_one(left_outside_, std::memory_order_seq_cst);
        look(drained);
    }

    /// A worker is about to sleep, to wait, or to leave. True if the door is closed and everybody has left, so that nothing can ever happen here
    /// again; then `drained()` has been called.
    template <class Drained>
    [[nodiscard]] bool settle(std::size_t self, Drained&& drained) noexcept {
        std::atomic<std::uint64_t>& left = tallies_[self].left;
        left.exchange(left.load(std::memory_order_relaxed), std::memory_order_seq_cst);
        if (!watched_.load(std::memory_order_seq_cst) &&
            (outside_.load(std::memory_order_seq_cst) & closed_flag) == 0)
            return false;
        const std::lock_guard lock(leaving_);
        return look(drained);
    }

    /// Lets nobody in from now on. True if nobody is inside.
    bool close() noexcept;

    /// True if the door is closed and everybody has left, so that nothing can ever happen here again.
    [[nodiscard]] bool drained() const noexcept { return closed() && empty(); }

    /// Blocks until nobody is inside, for a moment at least. If others bring in tasks without end, that may never be so.
    void wait() noexcept;
    /// The same, but gives up at `until`; true if nobody was inside.
    [[nodiscard]] bool wait_until(deadline until) noexcept;

    /// How many tasks have come in, and how many have left, ever. Each is exact when nothing happens meanwhile.
    [[nodiscard]] std::uint64_t entered() const noexcept {
        std::uint64_t sum = outside_.load(std::memory_order_seq_cst) / one;
        const std::size_t workers = tallies_.size();
        for (std::size_t i = 0; i != workers; ++i) sum += tallies_[i].entered.load(std::memory_order_seq_cst);
        return sum;
    }
    [[nodiscard]] std::uint64_t left() const noexcept {
        std::uint64_t sum = left_outside_.load(std::memory_order_seq_cst);
        const std::size_t workers = tallies_.size();
        for (std::size_t i = 0; i != workers; ++i) sum += left_by(i);
        return sum;
    }
    /// How many have left by this worker.
    [[nodiscard]] std::uint64_t left_by(std::size_t worker) const noexcept {
        return tallies_[worker].left.load(std::memory_order_seq_cst);
    }

private:
    static constexpr std::uint64_t closed_flag = 1;
    static constexpr std::uint64_t one = 2;

    struct alignas(64) tally {
        std::atomic<std::uint64_t> entered{0};
        std::atomic<std::uint64_t> left{0};
    };

    /// Calls `sleep` until nobody is inside (true) or it says no more (false).
    template <class Sleep>
    [[nodiscard]] bool wait_by(Sleep sleep) noexcept {
        std::uint32_t before = 0;
        {
            // Under the lock, so that a house that was empty before this call is not mistaken for one emptied after it.
            const std::lock_guard lock(leaving_);
            watched_.store(true, std::memory_order_seq_cst);
            if (empty()) return true;
            before = emptied_.load(std::memory_order_relaxed);
        }
        while (emptied_.load(std::memory_order_acquire) == before) {
            if (!sleep(before, emptied_)) return emptied_.load(std::memory_order_acquire) != before;
        }
        return true;
    }

    /// For counters with one writer at a time.
    static void add_one(std::atomic<std::uint64_t>& counter, std::memory_order order) noexcept {
        counter.store(counter.load(std::memory_order_relaxed) + 1, order);
    }

    /// acquire (part of seq_cst) on each `left`: everything the tasks did happened before the caller goes on.
    [[nodiscard]] bool empty() const noexcept {
        const std::uint64_t gone = left();  // first; see above
        return gone == entered();
    }

    /// With the lock: if the house is empty, tells everybody who wants to know.
    template <class Drained>
    bool look(Drained& drained) noexcept {
        const bool is_closed = closed();
        if ((!is_closed && !watched_.load(std::memory_order_relaxed)) || !empty()) return false;
        if (watched_.exchange(false, std::memory_order_relaxed)) {
            emptied_.fetch_add(1, std::memory_order_release);
            unpark_all(emptied_);
        }
        if (is_closed) drained();
        return is_closed;
    }

    stable_array<tally> tallies_;
    alignas(64) std::atomic<std::uint64_t> outside_{
        0};  // came in from outside, and whether the door is closed
    alignas(64) std::atomic<std::uint64_t> left_outside_{0};
    std::atomic<bool> watched_{false};  // somebody waits for an empty house
    parking_word emptied_{0};
    std::mutex leaving_;
};

}  // namespace yoke::detail

#if YOKE_IS_HEADER_ONLY
#include <yoke/executor/thread/admission.ipp>
#endif
