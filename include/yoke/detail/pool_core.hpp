// SPDX-License-Identifier: MIT
#pragma once

/// A thread pool without its vocabulary: threads that run task nodes. What the pool's user sees - calls,
/// futures, receivers - is in executor/thread_pool.hpp; in which order tasks wait is in pool_queues.hpp; how
/// workers sleep is in eventcount.hpp; who is let in and when all is done is in admission.hpp. Here they
/// meet, in the worker loop.
///
/// A task's way: take a place (if `max_pending` bounds the pool) and enter the door; push; *begun*, which
/// frees the place; *finished*, which leaves the door. A worker takes a task from the queues and begins it. A
/// waiter inside some task, or cancel(), may overtake the workers and begin it too; what then comes out of
/// the queue is a shell.
///
/// The core is owned by the pool object and by each of its threads, and lives until the last of them lets go;
/// so a pool may be destroyed by one of its own tasks: the threads then finish what was accepted and take the
/// core with them.

#include <yoke/detail/admission.hpp>
#include <yoke/detail/config.hpp>
#include <yoke/detail/eventcount.hpp>
#include <yoke/detail/fork_watch.hpp>
#include <yoke/detail/places.hpp>
#include <yoke/detail/pool_queues.hpp>
#include <yoke/detail/task_scope.hpp>
#include <yoke/error.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <exception>
#include <latch>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#if defined(__linux__)
#include <pthread.h>
#endif

namespace yoke::detail {

/// Of which pool this thread is a worker, and which one.
struct worker_place {
    const void* pool = nullptr;
    std::size_t index = no_worker;
};
YOKE_SHARED_STATE inline thread_local worker_place this_worker;

/// Names the calling thread "name-index" for debuggers and `top`. Linux shows 15 bytes; the name is cut to
/// fit.
inline void name_this_thread(const std::string& name, std::size_t index) noexcept {
#if defined(__linux__)
    char number[8];
    const int digits = std::snprintf(number, sizeof number, "-%zu", index % 100000);
    char shown[16] = {};
    const std::size_t kept = name.copy(shown, sizeof shown - 1 - static_cast<std::size_t>(digits));
    std::memcpy(shown + kept, number, static_cast<std::size_t>(digits));
    ::pthread_setname_np(::pthread_self(), shown);
#else
    static_cast<void>(name);
    static_cast<void>(index);
#endif
}

template <class Queues>
class pool_core {
public:
    using node = typename Queues::node;

    /// A pool of `workers` threads, not started yet; at most `max_pending` tasks wait. The caller owns it.
    pool_core(std::size_t workers, std::size_t max_pending)
        : queues_(workers),
          door_(workers),
          places_(max_pending),
          owners_(workers + 1),
          workers_(workers),
          not_ready_(static_cast<std::ptrdiff_t>(workers)) {}
    pool_core(const pool_core&) = delete;
    pool_core& operator=(const pool_core&) = delete;

    /// Starts the threads. Each takes its name and calls a copy of `init` with its index before it works.
    /// Throws the system's error if a thread cannot be started, or the first exception of an `init`;
    /// abandon() then ends the threads.
    template <class Init>
    void start(const std::string& name, const Init& init) {
        constexpr bool may_fail = !std::is_nothrow_invocable_v<Init&, std::size_t>;
        try {
            threads_.reserve(workers_);
            while (threads_.size() != workers_) {
                threads_.emplace_back([this, self = threads_.size(), name, init]() mutable noexcept {
                    name_this_thread(name, self);
                    if constexpr (may_fail) {
                        try_init(init, self);
                    } else {
                        init(self);
                    }
                    work(self);
                    disown();
                });
            }
        } catch (...) {
            owners_.fetch_sub(workers_ - threads_.size(), std::memory_order_relaxed);
            throw;
        }
        if constexpr (may_fail) {
            not_ready_.wait();
            if (init_error_) std::rethrow_exception(init_error_);
        }
    }

    /// Gives the pool object's share of the core back: waits until all is done, unless this thread runs one
    /// of the pool's own tasks (which then cannot be waited for: the threads go on by themselves) or is in a
    /// forked child (where there are no threads: what they owned stays where it is).
    void abandon() noexcept {
        if (forked()) return;
        shutdown();
        const bool from_inside = inside_task_of(this);
        for (std::thread& thread : threads_) from_inside ? thread.detach() : thread.join();
        disown();
    }

    // Submission.

    /// The calling thread's number among this pool's workers, or no_worker.
    [[nodiscard]] std::size_t self() const noexcept {
        return this_worker.pool == this ? this_worker.index : no_worker;
    }

    /// Comes in through the door; false after shutdown.
    [[nodiscard]] bool enter() noexcept { return door_.enter(self()); }
    void leave() noexcept { leave(self()); }
    [[nodiscard]] bool try_take_place() noexcept { return places_.try_take(); }
    /// Waits for a place; false if the pool is shut down meanwhile.
    [[nodiscard]] bool take_place() noexcept {
        return places_.take([this]() noexcept { return door_.closed(); });
    }
    /// Takes a place even if there is none, for a task that begins at once.
    void take_extra_place() noexcept { places_.take_extra(); }
    void release_place() noexcept { places_.release(); }

    /// Queues a task that holds a place and is inside the door.
    void push(node& task) noexcept {
        queues_.push(task, self());
        sleep_.notify();
    }

    /// Somebody who did not take the task from the queues has begun or cancelled it.
    void note_overtaken() noexcept { queues_.note_overtaken(); }

    // Life cycle.

    void shutdown() noexcept {
        if (forked()) return;
        if (door_.close()) sleep_.notify_all();
        places_.wake_all();
    }
    void cancel_pending() noexcept {
        if (forked()) return;
        cancelling_.store(true, std::memory_order_relaxed);
        door_.enter_anyway();  // a completion might destroy the pool under us
        shutdown();
        {
            const task_scope running(this);  // completions run here
            while (task_node* const task = queues_.take()) task->stop();
        }
        leave(no_worker);
    }
    void wait() {
        if (forked()) throw yoke::forked();
        if (inside_task_of(this))
            throw deadlock_error("wait() inside a task of the same pool: the task would wait for itself");
        door_.wait();
    }

    [[nodiscard]] bool forked() const noexcept { return fork_.forked(); }
    [[nodiscard]] bool closed() const noexcept { return door_.closed(); }
    [[nodiscard]] std::size_t concurrency() const noexcept { return workers_; }

    void count_dropped_error() noexcept { dropped_errors_.fetch_add(1, std::memory_order_relaxed); }
    [[nodiscard]] std::uint64_t dropped_errors() const noexcept {
        return dropped_errors_.load(std::memory_order_relaxed);
    }

private:
    ~pool_core() {
        // Everybody has left; what remains are shells of tasks that others ran.
        while (task_node* const shell = queues_.take()) shell->stop();
    }

    void leave(std::size_t self) noexcept {
        door_.leave(self, [this]() noexcept { sleep_.notify_all(); });
    }

    void disown() noexcept {
        if (owners_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
    }

    template <class Init>
    void try_init(Init& init, std::size_t self) noexcept {
        try {
            init(self);
        } catch (...) {
            if (!init_failed_.test_and_set(std::memory_order_relaxed)) init_error_ = std::current_exception();
        }
        not_ready_.count_down();
    }

    /// The worker loop.
    void work(std::size_t self) noexcept {
        this_worker = {this, self};
        const task_scope running(this);
        while (task_node* const task = find_task(self)) {
            // relaxed: a task that misses the order by a hair began before it.
            if (cancelling_.load(std::memory_order_relaxed)) {
                task->stop();
            } else {
                task->run();
            }
        }
        this_worker = {};
    }

    /// The next task for this worker, or null when there will never be one again. Sleeps meanwhile.
    task_node* find_task(std::size_t self) noexcept {
        if (task_node* const task = queues_.next(self)) return task;
        sleep_.begin_search();
        for (;;) {
            if (task_node* const task = queues_.search(self)) {
                // While we searched nobody was woken, so if there is more work we send the next one.
                if (sleep_.end_search() && !queues_.empty()) sleep_.notify();
                return task;
            }
            sleep_.prepare_sleep();
            if (!queues_.empty()) {
                sleep_.withdraw();
            } else if (door_.settle(self, [this]() noexcept { sleep_.notify_all(); })) {
                return nullptr;
            } else {
                sleep_.sleep();
            }
        }
    }

    // What every task writes, what every push reads, and what hardly changes, each on lines of its own.
    Queues queues_;
    alignas(64) eventcount sleep_;
    alignas(64) admission door_;  // after what the last one out still touches
    alignas(64) places places_;
    alignas(64) std::atomic<bool> cancelling_{false};
    std::atomic<std::uint64_t> dropped_errors_{0};
    std::atomic<std::size_t> owners_;
    const std::size_t workers_;
    const fork_watch fork_;
    std::vector<std::thread> threads_;
    // Here and not on the constructor's stack: the last thread to count down may touch the latch a moment too
    // long.
    std::latch not_ready_;
    std::atomic_flag init_failed_;
    std::exception_ptr init_error_;
};

}  // namespace yoke::detail
