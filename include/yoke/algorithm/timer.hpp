// SPDX-License-Identifier: MIT
#pragma once

/// Work that begins later, once or again and again, on any executor.
///
///     yoke::timer timer;
///     yoke::future<int> late = timer.after(pool, 50ms, compute, 42);
///     yoke::future<void> beat = timer.every(pool, 1s, [&] { report(progress); });
///     ...
///     beat.cancel();
///     beat.wait();                  // now no report is being made, and none will be
///
/// Times are measured by the steady clock. A timer has one thread, which sleeps until the next time is due and starts with
/// the first use; it submits the tasks and runs none, with two exceptions, as everywhere where a task may not wait: an
/// inline_executor runs them there, and a thread pool that is full (`max_pending`) runs the task that has no place there.

#include <yoke/algorithm/timer/core.hpp>
#include <yoke/concept/executor.hpp>
#include <yoke/detail/future/helping.hpp>
#include <yoke/error.hpp>
#include <yoke/future.hpp>
#include <yoke/time_span.hpp>
#include <yoke/wire/bind_values.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>

namespace yoke {

namespace detail {

/// Done when its time has come.
class due_state final : public future_state<void>, public timer_entry {
public:
    explicit due_state(std::shared_ptr<timer_core> core) noexcept
        : future_state<void>(1), core_(std::move(core)) {}

    /// Once. If it throws, the state is done, as stopped.
    void start(deadline time) {
        acquire();
        try {
            if (!core_->add(core_, *this, time)) dropped();
        } catch (...) {
            dropped();
            throw;
        }
    }

    void due() noexcept override {
        const state_ref<due_state> from_heap(this);
        if (claim()) set_value();
    }
    void dropped() noexcept override {
        const state_ref<due_state> from_heap(this);
        if (claim()) set_stopped();
    }

private:
    ~due_state() override = default;

    state_ref<future_core> help_here(std::size_t&) noexcept override {
        core_->go_on_until([this] { return done(); });
        return {};
    }
    bool cancel_here(state_ref<future_core>&) noexcept override {
        if (!claim()) return false;
        if (core_->remove(*this)) release();  // not the last: the caller has one
        set_stopped();
        return true;
    }

    const std::shared_ptr<timer_core> core_;
};

/// When a series whose last run was due at `last` is due next: the first time after `now` that is a whole number of periods
/// after `last`. `period` is positive, and `last` is not after `now`.
constexpr deadline next_in_step(deadline last, deadline::duration period, deadline now) noexcept {
    const deadline next = deadline_after(period, last);
    if (next > now) return next;
    // No product that is too large: this is at most `now` and a period.
    const auto missed = (now - next) % period;
    return deadline_after(period - missed, now);
}

/// A call that is made again and again, at most one at a time.
///
///     waiting --due--> queued --begin--> running --end_run--> waiting
///
/// Each step is taken under the mutex. (For an executor elsewhere nobody sees the call begin: it runs from `due` on.)
/// `cancel()` ends the series from `waiting` and `queued`; from `running` it asks end_run() to. Who ends the series
/// completes the future. The future, the heap while it waits, and what the executor holds have a reference each.
///
/// `in_call_` is true while the function runs, in the task or in a waiter that helps. In the latter case the task puts the end
/// of its executor off until then (`kept_`), or, if that cannot be done, waits.
template <class E, class F>
class series_state final : public future_state<void>, public timer_entry {
    static constexpr bool local = local_executor<E>;

public:
    template <class G>
    series_state(std::shared_ptr<timer_core> core, E& ex, deadline first, deadline::duration period, G&& f)
        : future_state<void>(1),
          core_(std::move(core)),
          ex_(ex),
          time_(first),
          period_(period),
          home_(home_of(ex)),
          f_(std::in_place, std::forward<G>(f)) {}

    /// Once. Throws as timer_core::add does.
    void start() {
        if (!wait_for_time()) try_cancel();
    }

    void due() noexcept override {
        const state_ref<series_state> from_heap(this);
        {
            const std::lock_guard lock(mutex_);
            if (phase_ != phase::waiting) return;
            phase_ = local ? phase::queued : phase::running;
            accepted_ = false;
        }
        std::exception_ptr refused;
        receiver to(share());
        try {
            if constexpr (local) {
                ex_.execute(std::move(to), one_run{share()});
            } else {
                const task_scope placing(&never_waits);  // other entries are due, too
                ex_.execute(std::move(to), std::as_const(*f_));
            }
        } catch (...) {
            refused = std::current_exception();
        }
        if (refused) {
            end_unrun(std::move(refused));
        } else if (local) {
            {
                const std::lock_guard lock(mutex_);
                accepted_ = true;
            }
            news();
        }
    }
    [[nodiscard]] const char* description() const noexcept override {
        return "a series of timer::every whose future was dropped";
    }
    void dropped() noexcept override {
        const state_ref<series_state> from_heap(this);
        {
            const std::lock_guard lock(mutex_);
            if (std::exchange(phase_, phase::ended) == phase::ended) return;
        }
        complete(nullptr);
    }

private:
    enum class phase { waiting, queued, running, ended };

    class receiver {
    public:
        explicit receiver(state_ref<series_state> series) noexcept : series_(std::move(series)) {}
        receiver(receiver&&) noexcept = default;
        receiver& operator=(receiver&&) = delete;
        ~receiver() {
            if (series_) series_->end_unrun(std::make_exception_ptr(broken_promise()));
        }
        template <class... Values>
        void set_value(Values&&...) noexcept {
            const auto series = std::exchange(series_, {});
            if (!local) series->end_run(nullptr);
        }
        void set_error(std::exception_ptr error) noexcept {
            std::exchange(series_, {})->end_unrun(std::move(error));
        }
        void set_stopped() noexcept { std::exchange(series_, {})->end_unrun(nullptr); }

    private:
        state_ref<series_state> series_;
    };

    struct one_run {
        state_ref<series_state> series;
        void operator()() noexcept {
            if (series->run_once(false) || series->put_off_end()) return;
            series->in_call_.wait(true, std::memory_order_acquire);
        }
    };

    ~series_state() override = default;

    state_ref<future_core> help_here(std::size_t&) noexcept override {
        want();
        if (run_once(true)) return {};
        help_where_blocked<future_core>(*this);
        core_->go_on_until([this] { return done(); });
        return {};
    }
    bool cancel_here(state_ref<future_core>&) noexcept override {
        {
            const std::lock_guard lock(mutex_);
            if (phase_ == phase::ended) return false;
            stop_wanted_ = true;
            if (phase_ == phase::running) return true;
            phase_ = phase::ended;
        }
        if (core_->remove(*this)) release();  // not the last: the caller has one
        complete(nullptr);
        return true;
    }

    [[nodiscard]] state_ref<series_state> share() noexcept {
        acquire();
        return state_ref<series_state>(this);
    }

    /// False if the timer has ended.
    [[nodiscard]] bool wait_for_time() {
        state_ref<series_state> for_heap = share();
        if (!core_->add(core_, *this, time_)) return false;
        static_cast<void>(for_heap.detach());
        return true;
    }

    /// False if there is nothing to run.
    bool run_once([[maybe_unused]] bool helps) noexcept {
        if constexpr (!local) {
            return false;
        } else {
            {
                const std::lock_guard lock(mutex_);
                if (phase_ != phase::queued) return false;
                if (helps && !accepted_) return false;
                if (helps && !home_.admits_this_thread()) {
                    help_refused = true;
                    return false;
                }
                phase_ = phase::running;
                in_call_.store(true, std::memory_order_relaxed);  // the task reads it after this mutex, too
            }
            std::exception_ptr error;
            try {
                const task_scope running(nullptr, nullptr, this);
                std::invoke(*f_);
            } catch (...) {
                error = std::current_exception();
            }
            task_keeper* kept = nullptr;
            {
                const std::lock_guard lock(mutex_);
                in_call_.store(false, std::memory_order_release);
                kept = std::exchange(kept_, nullptr);
            }
            in_call_.notify_all();
            if (kept != nullptr) kept->let_go();
            end_run(std::move(error));
            return true;
        }
    }
    /// In a task whose call a waiter makes, or has made: true if the executor will not end before the call has.
    bool put_off_end() noexcept {
        const std::lock_guard lock(mutex_);
        // A task that comes late finds a later call, whose own task may have been here.
        if (!in_call_.load(std::memory_order_relaxed) || kept_ != nullptr) return true;
        kept_ = keeper_here();
        if (kept_ == nullptr) return false;
        kept_->keep();
        return true;
    }
    /// The function has returned, or has thrown `error`.
    void end_run(std::exception_ptr error) noexcept {
        {
            const std::lock_guard lock(mutex_);
            if (!error && !stop_wanted_) {
                try {
                    time_ = next_in_step(time_, period_, std::chrono::steady_clock::now());
                    phase_ = phase::waiting;
                    if (wait_for_time()) return;
                } catch (...) {
                    error = std::current_exception();
                }
            }
            phase_ = phase::ended;
        }
        complete(std::move(error));
    }
    /// The executor has not run the function this time, and that is the end; null for stopped.
    void end_unrun(std::exception_ptr error) noexcept {
        {
            const std::lock_guard lock(mutex_);
            if (phase_ != (local ? phase::queued : phase::running)) return;
            phase_ = phase::ended;
        }
        complete(std::move(error));
    }
    void complete(std::exception_ptr error) noexcept {
        const auto core = core_;  // this may be gone with its future
        static_cast<void>(claim());
        f_.reset();  // before anybody hears of the end
        error ? set_error(std::move(error)) : set_stopped();
        core->look_again();
    }

    const std::shared_ptr<timer_core> core_;
    E& ex_;
    deadline time_;
    const deadline::duration period_;
    const task_home home_;
    std::optional<F> f_;  // until the series has ended
    std::mutex mutex_;
    phase phase_ = phase::waiting;
    bool stop_wanted_ = false;
    bool accepted_ = false;  // by the executor; before, a waiter may not help
    std::atomic<bool> in_call_{false};
    task_keeper* kept_ = nullptr;  // only while in_call_
};

}  // namespace detail

/// Submits tasks when their time has come. All members are thread-safe. An executor must live until the futures of its tasks
/// are done. In a forked child, which has no such thread, `after`, `at` and `every` throw `forked` and the
/// destructor does nothing.
class timer {
public:
    using clock = std::chrono::steady_clock;

    timer() : core_(std::make_shared<detail::timer_core>()) {}
    timer(const timer&) = delete;
    timer& operator=(const timer&) = delete;

    /// Completes what is not due as stopped (`cancelled`). What was submitted is the executor's and runs. Waits for its
    /// thread, which may be inside an `execute`; destroyed on that thread it does not wait.
    ~timer() {
        if (core_->forked()) {
            new std::shared_ptr<detail::timer_core>(
                std::move(core_));  // keep off: its thread is the parent's
        } else {
            core_->end();
        }
    }

    /// Runs `f(args...)` on `ex` after this time; at once, that is by way of the timer's thread, if it is not positive (or not a
    /// number), and never if it is beyond the range of the clock. The rest
    /// is as for `future::then`: `cancel()` of the future is true if `f` will not run, and frees the entry; what `ex.execute`
    /// throws arrives in the future; who waits for the future runs `f` once it is due, if nobody has begun it. Of several with
    /// the same time the first given is the first submitted. O(log n) for n that are not due. Throws std::system_error if the
    /// thread cannot be started, bad_alloc, and what copying `f` and `args` throws; then nothing will run.
    template <executor E, class F, class... Args>
    auto after(E& ex, time_span time, F&& f, Args&&... args) {
        return at(ex, detail::deadline_after(time, clock::now()), std::forward<F>(f),
                  std::forward<Args>(args)...);
    }
    /// The same, at a point of the steady clock, in whatever unit.
    template <executor E, class Duration, class F, class... Args>
    auto at(E& ex, const std::chrono::time_point<clock, Duration>& time, F&& f, Args&&... args) {
        static_assert(callable_with<F, Args...>,
                      "timer: the function cannot be called with copies of these arguments");
        if constexpr (!callable_with<F, Args...>) {
            return;
        } else if constexpr (sizeof...(Args) != 0) {
            return at(ex, time, bind_values(std::forward<F>(f), std::forward<Args>(args)...));
        } else {
            detail::state_ref<detail::due_state> due(new detail::due_state(core_));
            auto outcome = detail::future_access::make<void>(due.share()).then(ex, std::forward<F>(f));
            due->start(detail::deadline_at(time));
            return outcome;
        }
    }

    /// Runs `f()` on `ex` again and again: one period from now, two periods from now, and so on. At most one run is queued or
    /// running; times that pass meanwhile are left out, so late runs do not pile up, and the others stay in step.
    ///
    /// The future is never done with a value. It ends with what `f` or `ex.execute` throws, which ends the series; as `cancelled`
    /// if the timer is destroyed, or the executor drops a run. `cancel()` is true if it ends the series: no run begins after it.
    /// If one is running then, the future is done when that has ended, so after `cancel()` and `wait()` what `f` uses
    /// may go (not inside `f`, of course). Dropping the future leaves the series running.
    ///
    /// `f` is decay-copied, and called as an lvalue; for an executor of worker processes, each run gets a copy of it. Throws
    /// std::invalid_argument if the period is not positive or not a number, else as `after`.
    template <executor E, class F>
    future<void> every(E& ex, time_span period, F&& f) {
        using function = std::decay_t<F>;
        constexpr bool runs =
            local_executor<E> ? std::is_invocable_v<function&> : executor_of<E, const function&>;
        static_assert(
            runs,
            "timer::every: the function must be callable without arguments again and again, and cross to "
            "worker processes if the executor has such");
        if (period <= time_span())
            throw std::invalid_argument("timer::every: the period is " +
                                        std::to_string(std::chrono::duration<double>(period).count()) +
                                        " s; it must be positive");
        if constexpr (runs) {
            using series = detail::series_state<E, function>;
            const auto now = clock::now();
            const auto first = detail::deadline_after(period, now);
            detail::state_ref<series> made(new series(core_, ex, first, first - now, std::forward<F>(f)));
            made->start();
            return detail::future_access::make<void>(
                detail::state_ref<detail::future_state<void>>(std::move(made)));
        } else {
            return {};
        }
    }

private:
    std::shared_ptr<detail::timer_core> core_;
};

}  // namespace yoke
