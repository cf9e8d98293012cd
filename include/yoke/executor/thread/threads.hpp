// SPDX-License-Identifier: MIT
#pragma once

/// The threads of a pool: which of its workers run, which may be started when there is work for them, and which
/// have to leave because the pool has become smaller.
///
/// Nobody in particular has to leave: whoever finds that there are too many does, so those with nothing to do go
/// first. A worker number that has become free is used again; the lowest one first, so that all numbers are less than
/// the greatest target there was. A new thread with a number that was used before first joins its predecessor, so two
/// threads never share what belongs to a worker.
///
/// All that changes the crew happens under one lock, which no thread takes while it has work. It keeps
///
///     running - excess + unstarted = target
///
/// where at most one of excess (those that have to leave) and unstarted (counted by the eventcount) is not 0.
///
/// Whoever may still use the pool's memory has a share of it: the pool object and each thread.

#include <yoke/detail/base/config.hpp>
#include <yoke/executor/thread/eventcount.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace yoke::detail {

class thread_crew {
public:
    /// What its threads do.
    class work {
    public:
        /// Worker `self` is about to be started. Makes what it needs; may throw. Called under the lock.
        virtual void prepare_worker(std::size_t self) = 0;
        /// The whole life of worker `self`, on its thread. It begins as a searcher (see eventcount.hpp) and ends
        /// with let_go().
        virtual void live(std::size_t self) noexcept = 0;

    protected:
        ~work() = default;
    };

    /// How long after a failure nobody tries to start a thread.
    static constexpr std::chrono::milliseconds pause_after_failure{10};

    /// A crew of up to `threads`, none of them started. `sleep` and `todo` outlive it.
    thread_crew(std::size_t threads, eventcount& sleep, work& todo) noexcept
        : target_(threads), sleep_(sleep), todo_(todo) {
        sleep_.set_unstarted(threads);
    }
    thread_crew(const thread_crew&) = delete;
    thread_crew& operator=(const thread_crew&) = delete;

    /// How many threads there are to be.
    [[nodiscard]] std::size_t target() const noexcept { return target_.load(std::memory_order_relaxed); }
    /// How many there are.
    [[nodiscard]] std::size_t running() const noexcept { return running_.load(std::memory_order_relaxed); }

    /// True once there was a thread; then there is one until all work is done.
    [[nodiscard]] bool attended() const noexcept {
        // acquire: what the first starter made is there for who pushes without having started anybody.
        return attended_.load(std::memory_order_acquire);
    }
    /// Starts the first thread, if there was none yet. Throws what the system says if that fails.
    void attend();
    /// Starts all threads there are to be. Throws what the system says if one cannot be started.
    void start_all();
    /// How many threads were ever started.
    [[nodiscard]] std::uint32_t started() const noexcept { return started_.load(std::memory_order_relaxed); }

    /// Somebody has pushed work. Wakes a worker or starts one, if there is need for it. `over()` tells whether the work
    /// that called for it is done, and all other, for ever: then nobody is started any more.
    ///
    /// If the system has no thread to give, those that run do the work, and a call that comes `pause_after_failure`
    /// later tries again.
    template <class Over>
    void notify(Over&& over) noexcept {
        if (sleep_.notify()) start_another(over);
    }

    /// There are to be `threads` threads, at least 1. If that is less than before, the caller has to wake all
    /// sleepers, so that they find too_many().
    void resize(std::size_t threads) noexcept;

    /// True if a worker has to leave.
    [[nodiscard]] bool too_many() const noexcept;
    /// Worker `self`, which is busy in the sense of eventcount.hpp, leaves if there still are too many.
    [[nodiscard]] bool retire(std::size_t self) noexcept;
    /// Worker `self` leaves for another reason, and nobody takes its place before a resize().
    void quit(std::size_t self) noexcept;

    /// Waits until all threads have ended.
    void join() noexcept;
    /// Nobody will wait for the threads.
    void detach() noexcept;

    /// Gives a share in the pool's memory back; true if it was the last.
    [[nodiscard]] bool let_go() noexcept { return owners_.fetch_sub(1, std::memory_order_acq_rel) == 1; }

private:
    struct member {
        std::thread thread;
        std::thread predecessor;  // until the new thread takes it to join it
        bool runs = false;
    };

    [[nodiscard]] std::size_t lowest_free() const noexcept;
    void note_end(std::size_t self) noexcept;

    /// After the eventcount has asked for it.
    template <class Over>
    void start_another(Over& over) noexcept {
        const std::lock_guard lock(mutex_);
        // Somebody may have become a searcher or a sleeper since the eventcount was asked; he will see the work.
        if (!sleep_.wants_start() || over()) return;
        const bool failed_before = next_attempt_ != clock::time_point();
        if (failed_before && clock::now() < next_attempt_) return;
        try {
            start(lowest_free());
        } catch (...) {
            next_attempt_ = clock::now() + pause_after_failure;
            // Others may have relied on the new worker. If that asks for a start, it has just been tried.
            static_cast<void>(sleep_.notify());
        }
    }

    /// Starts worker `self`, a free number. If that throws, nothing has changed.
    void start(std::size_t self);

    void join_predecessor(std::size_t self) noexcept;

    using clock = std::chrono::steady_clock;

    // Read by every push and before every task, and hardly ever changed.
    std::atomic<bool> attended_{false};
    std::atomic<std::size_t> excess_{0};

    std::atomic<std::size_t> target_;
    std::atomic<std::size_t> running_{0};
    std::atomic<std::uint32_t> started_{0};
    std::atomic<std::size_t> owners_{1};
    eventcount& sleep_;
    work& todo_;
    std::mutex mutex_;
    std::vector<member> members_;
    clock::time_point next_attempt_{};
    bool detached_ = false;
};

}  // namespace yoke::detail

#if YOKE_IS_HEADER_ONLY
#include <yoke/executor/thread/threads.ipp>
#endif
