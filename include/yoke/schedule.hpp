// SPDX-License-Identifier: MIT
#pragma once

/// `schedule`: a coroutine that goes on as a task of an executor.
///
///     yoke::future<int> work(yoke::thread_pool& pool) {
///         co_await yoke::schedule(pool);       // or pool.schedule(); from here on a thread of the pool runs it
///         co_return heavy_computation();
///     }
///
/// For executors in this address space; a coroutine lives here and cannot go on in a worker process.

#include <yoke/concept/executor.hpp>
#include <yoke/detail/future/coroutine.hpp>
#include <yoke/detail/future/helping.hpp>
#include <yoke/detail/future/task_scope.hpp>
#include <yoke/error.hpp>
#include <yoke/future.hpp>

#include <atomic>
#include <coroutine>
#include <cstddef>
#include <exception>
#include <stop_token>
#include <utility>

namespace yoke {

namespace detail {

/// The rest of a coroutine, up to where it suspends next, as a task. Whoever claims it resumes the coroutine, once; it is done
/// when the coroutine has suspended again or has ended.
class resumption final : public future_core {
public:
    /// `coroutine` is its future; null if it has none.
    resumption(std::coroutine_handle<> waiting, state_ref<future_core> coroutine, std::stop_token stop,
               task_home home) noexcept
        : future_core(1),
          waiting_(waiting),
          coroutine_(std::move(coroutine)),
          stop_(std::move(stop)),
          home_(home) {}

    /// False if somebody else has claimed it.
    bool run() noexcept {
        if (!claim()) return false;
        stopped_ = stop_.stop_requested();
        go_on();
        return true;
    }
    void fail(std::exception_ptr error) noexcept {
        if (!claim()) return;
        error_ = std::move(error);
        go_on();
    }
    /// The executor has accepted it. Before, nobody may help: what the executor refuses goes on in the caller.
    void accepted() noexcept { accepted_.store(true, std::memory_order_release); }

    /// For the coroutine, when it is resumed.
    void check() const {
        if (error_) std::rethrow_exception(error_);
        if (stopped_) throw cancelled();
    }

private:
    state_ref<future_core> help_here(std::size_t&) noexcept override {
        if (may_help(awaited::one_of_several) && accepted_.load(std::memory_order_acquire))
            help_or_look([this] { return run(); }, home_);
        return {};
    }
    bool cancel_here(state_ref<future_core>&) noexcept override {
        if (!claim()) return false;
        stopped_ = true;
        go_on();
        return true;
    }

    void go_on() noexcept {
        {
            // Nobody but the coroutine's future waits for this.
            const state_ref<future_core> coroutine = std::move(coroutine_);
            const task_scope of_coroutine(nullptr, nullptr, coroutine.get());
            const task_scope running(nullptr, nullptr, this);
            waiting_.resume();
        }
        publish();
    }

    const std::coroutine_handle<> waiting_;
    state_ref<future_core> coroutine_;  // until it goes on
    const std::stop_token stop_;
    const task_home home_;
    std::exception_ptr error_;
    bool stopped_ = false;
    std::atomic<bool> accepted_{false};
};

template <class E>
class schedule_awaiter {
public:
    explicit schedule_awaiter(E& ex) noexcept : ex_(ex) {}

    /// Tells it the coroutine it is in.
    void is_in(awaiting_coroutine coroutine) noexcept { coroutine_ = std::move(coroutine); }

    [[nodiscard]] bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> waiting) {
        state_ref<resumption> state(
            new resumption(waiting, coroutine_.future(), stop_token_of(ex_), home_of(ex_)));
        state_ = state.share();
        const awaiting_coroutine coroutine = coroutine_.share();
        coroutine.awaits(state.share());
        claim_receiver<resumption> receiver(state.share());
        try {
            ex_.execute(std::move(receiver), claimable_call<resumption>{state.share()});
        } catch (...) {
            // The exception resumes the coroutine, so nobody else may.
            static_cast<void>(state->claim());
            throw;
        }
        // From the call of execute on the coroutine may run elsewhere, and be gone with this awaiter.
        state->accepted();
        coroutine.news();
    }
    void await_resume() const { state_->check(); }

private:
    E& ex_;
    state_ref<resumption> state_;
    awaiting_coroutine coroutine_;
};

}  // namespace detail

/// Awaited, it suspends the coroutine and resumes it as a task of `ex`, always through its queue, also if the coroutine runs
/// on `ex` already; the task lasts until the coroutine suspends again. A task that waits for the coroutine's future may
/// resume it itself, as the thread that it waits on may be the only one; who waits outside of tasks only waits. (With an
/// inline_executor it goes on at once where it is, on the same stack.)
///
/// The co_await throws what `ex.execute` throws (pool_closed), on the thread it was on; and `cancelled` if the task
/// is stopped before it begins, on the thread that stops it. Waits for a place as submit does. `ex` must live until then.
/// Works in every kind of coroutine; one whose `unhandled_exception()` throws must not be resumed like this.
template <executor E>
[[nodiscard]] auto schedule(E& ex) noexcept {
    static_assert(
        local_executor<E>,
        "schedule: a coroutine lives in this address space, so it cannot go on in this executor's worker "
        "processes; co_await yoke::submit(ex, f) runs a function there");
    return detail::schedule_awaiter<E>(ex);
}

}  // namespace yoke
