// SPDX-License-Identifier: MIT
#pragma once

/// Where a pool's workers sleep while there is nothing to do, and how they are woken: one at a time.
///
/// A worker is *busy*, *searching* (it looks through the queues), *sleeping*, or *unstarted*: threads are
/// started when they are needed. One word counts the latter three:
///
///     bits 0-20   sleepers: workers that sleep, or are about to, and that nobody has woken yet
///     bits 21-41  unstarted
///     bits 42-62  searchers
///
/// Who pushed a task calls `notify()`, which wakes a sleeper only if nobody is searching, and counts it as a
/// searcher from that moment on; so a burst of tasks wakes one worker, not one worker a task. The wakes
/// are tokens that the sleepers take, not an epoch: a token that arrives before its sleeper waits for it.
///
/// An unstarted worker is woken by being started, as a searcher. Only one thread at a time may start workers
/// or change how many are unstarted (see executor/thread/threads.hpp, which has the lock), so `notify()` only says that
/// one should be started; with the lock in hand, `wants_start()` looks again.
///
/// No wake is lost. Let P push a task and then look at the word, finding no reason to wake anybody:
///
/// - It saw no sleeper, no searcher and none unstarted. All workers are busy; each looks at the queues before
///   it sleeps.
/// - It saw a searcher, S. Later S either finds work or announces that it will sleep, both by a
///   read-modify-write of the word. In `prepare_sleep()`'s case S looks at the queues once more and sees P's
///   task. If S found work and was the last searcher, `end_search()` tells it to look and to `notify()` for
///   what it sees. If S was not the last, the argument holds for one who still searches.
/// - It saw a worker unstarted. Then it starts one, or, lock in hand, sees a sleeper or a searcher that was not
///   one before, hence announces that, or looks, after P's push. A start that fails is a searcher that gives
///   up without having looked: `cancel_start()`, then notify() again.
/// - It saw no sleeper where a worker was just about to become one: that worker's announcement comes after
///   P's look, and the worker's last look after its announcement, hence after P's push.
///
/// Each "after" is between P's (push; load of the word) and the worker's (read-modify-write of the word; load
/// of the queue). All four are seq_cst operations, so they have one total order and at least one side sees
/// the other; weaker orders would let both miss. The queues promise seq_cst for a push's last store and for
/// empty(). No fences, which ThreadSanitizer cannot follow. tests/model/eventcount.pml checks the protocol.
///
/// For forked jobs (fork_join.hpp) P's store and load are plain ones, and the worker issues a heavy barrier between its
/// two, see asymmetric_barrier.hpp.

#include <yoke/detail/base/test_point.hpp>
#include <yoke/detail/sync/parking.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace yoke::detail {

class eventcount {
public:
    /// The calling worker has nothing of its own to do and starts to look around.
    void begin_search() noexcept {
        // relaxed: hides nothing; who relies on the searcher relies on how its search ends.
        word_.fetch_add(one_searcher, std::memory_order_relaxed);
    }

    /// The search found a task. True for the last searcher, who must now look whether there is more work and,
    /// if there is, call notify().
    [[nodiscard]] bool end_search() noexcept {
        return searchers(word_.fetch_sub(one_searcher, std::memory_order_seq_cst)) == 1;
    }

    /// True if the caller, a searcher, is the only one.
    [[nodiscard]] bool searches_alone() const noexcept {
        // relaxed: nothing depends on it but who stays awake.
        return searchers(word_.load(std::memory_order_relaxed)) == 1;
    }

    /// True if nobody is searching and more than `left_alone` workers sleep or are unstarted.
    [[nodiscard]] bool wants_wake(std::size_t left_alone) const noexcept {
        const std::uint64_t seen = word_.load(std::memory_order_seq_cst);
        return idle(seen) != 0 && searchers(seen) == 0 && sleepers(seen) + unstarted(seen) > left_alone;
    }

    /// The search found nothing. To be followed by a last look at all queues, and then by sleep() or by
    /// withdraw().
    void prepare_sleep() noexcept { word_.fetch_add(one_sleeper - one_searcher, std::memory_order_seq_cst); }

    /// Sleeps until woken. Returns as a searcher.
    void sleep() noexcept { take_token(); }

    /// The last look found something: a searcher again.
    void withdraw() noexcept {
        std::uint64_t seen = word_.load(std::memory_order_relaxed);
        while (sleepers(seen) != 0) {
            if (word_.compare_exchange_weak(seen, seen - one_sleeper + one_searcher,
                                            std::memory_order_seq_cst))
                return;
        }
        take_token();  // All sleepers have been woken, so one of the tokens is ours, posted or about to be.
    }

    /// A task was pushed: wakes a sleeper unless somebody is searching already. True if nobody sleeps or
    /// searches and a worker should be started instead.
    [[nodiscard]] bool notify() noexcept {
        std::uint64_t seen = word_.load(std::memory_order_seq_cst);
        while (idle(seen) != 0 && searchers(seen) == 0) {
            if (sleepers(seen) == 0) return true;
            if (word_.compare_exchange_weak(seen, seen - one_sleeper + one_searcher,
                                            std::memory_order_seq_cst)) {
                tokens_.fetch_add(1, std::memory_order_release);
                unpark_one(tokens_);
                return false;
            }
        }
        return false;
    }

    /// Wakes all sleepers.
    void notify_all() noexcept {
        std::uint64_t seen = word_.load(std::memory_order_seq_cst);
        while (sleepers(seen) != 0) {
            const std::uint64_t all = sleepers(seen);
            if (word_.compare_exchange_weak(seen, seen + all * (one_searcher - one_sleeper),
                                            std::memory_order_seq_cst)) {
                tokens_.fetch_add(static_cast<std::uint32_t>(all), std::memory_order_release);
                unpark_all(tokens_);
                return;
            }
        }
    }

    // Starting workers: one thread at a time.

    /// The most workers that can be counted.
    static constexpr std::size_t most_workers = (std::size_t{1} << 21) - 1;

    /// From now on so many workers are unstarted.
    void set_unstarted(std::size_t count) noexcept {
        // Only the difference is added, because the other two counts move all the time.
        const std::uint64_t before = unstarted(word_.load(std::memory_order_relaxed));
        word_.fetch_add((count - before) * one_unstarted, std::memory_order_seq_cst);
    }
    /// True if nobody sleeps or searches and somebody is unstarted.
    [[nodiscard]] bool wants_start() const noexcept {
        const std::uint64_t seen = word_.load(std::memory_order_seq_cst);
        return sleepers(seen) == 0 && searchers(seen) == 0 && unstarted(seen) != 0;
    }
    /// An unstarted worker is about to be started: it counts as a searcher, which it then is.
    void begin_start() noexcept { word_.fetch_add(one_searcher - one_unstarted, std::memory_order_seq_cst); }
    /// It could not be started. To be followed by notify().
    void cancel_start() noexcept { word_.fetch_add(one_unstarted - one_searcher, std::memory_order_seq_cst); }

private:
    static constexpr std::uint64_t one_sleeper = 1;
    static constexpr std::uint64_t one_unstarted = std::uint64_t{1} << 21;
    static constexpr std::uint64_t one_searcher = std::uint64_t{1} << 42;

    static std::uint64_t sleepers(std::uint64_t word) noexcept { return word & (one_unstarted - 1); }
    static std::uint64_t unstarted(std::uint64_t word) noexcept { return idle(word) / one_unstarted; }
    static std::uint64_t idle(std::uint64_t word) noexcept { return word & (one_searcher - 1); }
    static std::uint64_t searchers(std::uint64_t word) noexcept { return word / one_searcher; }

    void take_token() noexcept {
        for (;;) {
            std::uint32_t seen = tokens_.load(std::memory_order_relaxed);
            while (seen != 0) {
                // acquire: with the waker's release, what it did comes before what the woken worker does.
                if (tokens_.compare_exchange_weak(seen, seen - 1, std::memory_order_acquire,
                                                  std::memory_order_relaxed))
                    return;
            }
            YOKE_TEST_POINT("eventcount: no token");
            park(tokens_, 0);
        }
    }

    std::atomic<std::uint64_t> word_{0};
    parking_word tokens_{0};
};

}  // namespace yoke::detail
