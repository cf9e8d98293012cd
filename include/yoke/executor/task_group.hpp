// SPDX-License-Identifier: MIT
#pragma once

/// Any number of tasks that are waited for together.
///
///     yoke::task_group group(pool);
///     for (const auto& folder : folders) group.run([&] { scan(folder, group); });     // which may run more
///     group.wait();
///
/// For work whose parts come up as one goes along. Where it is known from the start what the parts are,
/// `yoke::invoke`, `for_each` and `reduce` cost less.

#include <yoke/concept/executor.hpp>
#include <yoke/detail/base/invoke.hpp>
#include <yoke/detail/os/fork_detector.hpp>
#include <yoke/error.hpp>
#include <yoke/executor/thread/call_errors.hpp>
#include <yoke/future.hpp>

#include <atomic>
#include <concepts>
#include <cstddef>
#include <exception>
#include <mutex>
#include <new>
#include <type_traits>
#include <utility>
#include <vector>

namespace yoke {

/// Tasks of one executor in this address space, which must outlive the group. `run` and `cancel` may be called from any
/// thread, also from the group's own tasks; `wait` by one thread at a time, and not by the group's own tasks. In a
/// child that was forked since the group was made `run` and `wait` throw `forked`, and the destructor does nothing.
template <local_executor Executor>
class task_group {
public:
    explicit task_group(Executor& ex) noexcept : ex_(ex) {}
    task_group(const task_group&) = delete;
    task_group& operator=(const task_group&) = delete;
    /// Waits for all tasks. Their exceptions are dropped (see dropped_error.hpp).
    ~task_group() {
        if (!process_.forked()) settle_all();
    }

    /// Submits a copy of `f`, called once without arguments; what it returns is ignored. Throws what the executor's
    /// submission throws (pool_closed), and then has done nothing, or std::bad_alloc. After cancel() it does nothing.
    template <class F>
    void run(F&& f) {
        static_assert(std::invocable<std::decay_t<F>>,
                      "yoke::task_group: a task is called without arguments; capture what it needs");
        if (process_.forked()) throw forked();
        if (is_cancelled()) return;
        auto task = submit(ex_, [this, f = std::decay_t<F>(std::forward<F>(f))]() mutable {
            if (!is_cancelled()) static_cast<void>(detail::invoke(std::move(f)));
        });
        try {
            const std::lock_guard lock(mutex_);
            if (tasks_.size() >= sweep_at_) sweep();
            tasks_.push_back(std::move(task));
        } catch (...) {
            task.wait();
            throw;
        }
    }

    /// Blocks until all tasks have ended, those included that were run meanwhile. This thread calls those that nobody has
    /// begun, if the executor admits it (see future.hpp), and never anything else.
    ///
    /// If one task has thrown, its exception is thrown; if several have, task_errors; std::bad_alloc if there was no memory
    /// to keep them all. The group can be used again, also after cancel().
    void wait() {
        if (process_.forked()) throw forked();
        settle_all();
        std::vector<future<void>> failed;
        bool lost = false;
        {
            const std::lock_guard lock(mutex_);
            failed.swap(failed_);
            lost = std::exchange(lost_errors_, false);
        }
        cancelled_.store(false, std::memory_order_relaxed);
        if (lost) throw std::bad_alloc();
        std::vector<std::exception_ptr> errors;
        errors.reserve(failed.size());
        for (auto& task : failed) {
            try {
                task.get();
            } catch (...) {
                errors.push_back(std::current_exception());
            }
        }
        if (!errors.empty()) detail::throw_errors(std::move(errors));
    }

    /// Tasks that have not begun will not be called. Those that run may ask is_cancelled().
    void cancel() noexcept { cancelled_.store(true, std::memory_order_relaxed); }
    /// True after cancel(), until wait() has returned.
    [[nodiscard]] bool is_cancelled() const noexcept { return cancelled_.load(std::memory_order_relaxed); }

private:
    static constexpr std::size_t fewest_to_sweep = 64;

    void settle_all() noexcept {
        for (;;) {
            std::vector<future<void>> tasks;
            {
                const std::lock_guard lock(mutex_);
                tasks.swap(tasks_);
            }
            if (tasks.empty()) return;
            // First all that nobody has begun, the youngest before the others, as they are the last to be begun elsewhere;
            // without the lock, for they may run more.
            for (std::size_t i = tasks.size(); i != 0; --i)
                detail::future_access::state(tasks[i - 1])->help();
            for (auto& task : tasks) {
                task.wait();
                const std::lock_guard lock(mutex_);
                keep_if_failed(task);
            }
        }
    }
    /// Lets go of what has ended, so that a group whose tasks come and go does not grow. Rare enough to cost nothing:
    /// as many tasks come between two sweeps as the first of them left.
    void sweep() {
        std::size_t kept = 0;
        for (auto& task : tasks_) {
            if (task.ready()) {
                keep_if_failed(task);
            } else {
                std::swap(tasks_[kept++], task);
            }
        }
        tasks_.resize(kept);
        sweep_at_ = 2 * kept > fewest_to_sweep ? 2 * kept : fewest_to_sweep;
    }
    void keep_if_failed(future<void>& ended) noexcept {
        auto* const state = detail::future_access::state(ended);
        if (state->value()) return;
        try {
            failed_.push_back(std::move(ended));
        } catch (...) {
            lost_errors_ = true;  // which wait() tells
        }
    }

    const detail::process_stamp process_;
    Executor& ex_;
    std::atomic<bool> cancelled_{false};
    std::mutex mutex_;
    std::vector<future<void>> tasks_;
    std::size_t sweep_at_ = fewest_to_sweep;
    std::vector<future<void>> failed_;
    bool lost_errors_ = false;
};

}  // namespace yoke
