// SPDX-License-Identifier: MIT
#pragma once

/// `submit` and the future it returns.
///
///     yoke::future<int> answer = yoke::submit(pool, [](int x) { return x + 1; }, 41);
///     answer.get();                       // 42, or throws what the task threw
///
/// A future can also be awaited from a coroutine, and is itself a coroutine's return type:
///
///     yoke::future<int> total(yoke::thread_pool& pool) {
///         int a = co_await pool.submit(first);
///         int b = co_await pool.submit(second);
///         co_return a + b;
///     }
///
/// Unlike std::future: dropping one never blocks, waiting never deadlocks a pool of threads (the waiter runs the awaited
/// task itself when nobody has begun it; it never runs anything else), and a task can be cancelled before it begins.

#include <yoke/concept/executor.hpp>
#include <yoke/detail/future_state.hpp>
#include <yoke/error.hpp>

#include <chrono>
#include <coroutine>
#include <mutex>
#include <type_traits>
#include <utility>

namespace yoke {

template <class R>
class future;

namespace detail {

struct future_access;
template <class R>
class coroutine_promise;
template <class R>
class future_awaiter;

}  // namespace detail

/// The outcome of a call that runs elsewhere. Move-only. One thread at a time may use a future object; the task
/// behind it may complete on any thread meanwhile.
template <class R>
class [[nodiscard]] future {
public:
    using value_type = R;
    using promise_type = detail::coroutine_promise<R>;

    /// An empty future: `valid()` is false.
    future() = default;

    /// True until `get()`, `co_await` or a move takes the outcome away.
    [[nodiscard]] bool valid() const noexcept { return static_cast<bool>(state_); }

    /// True if `get()` would not block. Throws no_state.
    [[nodiscard]] bool ready() const { return state().done(); }

    /// Waits as `wait()` does, then returns the task's result or throws its exception; `cancelled` if it was stopped. Leaves the future
    /// empty. Throws no_state if it is empty already.
    R get() {
        state().wait();
        return take(std::exchange(state_, {}));
    }

    /// Blocks until the outcome is there. If nobody has begun the awaited task, it runs here, in the calling thread, be
    /// that a worker or not; a task of a process pool runs in its worker in any case. For a task that must run on its
    /// pool's own threads use `wait_until(std::chrono::steady_clock::time_point::max())`. Throws no_state.
    void wait() const { state().wait(); }

    /// Blocks until the outcome is there (true) or the time is over (false). Runs nothing itself, so inside a task
    /// of a pool without a free worker it only waits. Throws no_state.
    template <class Rep, class Period>
    bool wait_for(const std::chrono::duration<Rep, Period>& time) const {
        return wait_until(std::chrono::steady_clock::now() + time);
    }
    /// As wait_for, up to a point of the steady clock (the wall clock may jump).
    template <class Duration>
    bool wait_until(const std::chrono::time_point<std::chrono::steady_clock, Duration>& time) const {
        return state().wait_until(std::chrono::time_point_cast<std::chrono::steady_clock::duration>(time));
    }

    /// True: the task will not run, and `get()` throws `cancelled`. False: it is running, or has run. Throws no_state.
    bool cancel() { return state().try_cancel(); }

    /// Suspends the coroutine until the outcome is there and takes it, as `get()` does. The coroutine goes on
    /// on the thread that completed the task. Throws no_state.
    detail::future_awaiter<R> operator co_await() {
        state();
        return detail::future_awaiter<R>(std::exchange(state_, {}));
    }

private:
    friend struct detail::future_access;
    friend class detail::future_awaiter<R>;
    using state_type = detail::future_state<R>;

    explicit future(detail::state_ref<state_type> state) noexcept : state_(std::move(state)) {}

    state_type& state() const {
        if (!state_) throw no_state();
        return *state_;
    }

    static R take(detail::state_ref<state_type> state) {
        // Moved out, so that the exception dies with its last reader and not on the thread that threw it.
        if (state->error()) std::rethrow_exception(std::exchange(state->error(), nullptr));
        if (!state->value()) throw cancelled();
        if constexpr (!std::is_void_v<R>) return std::move(*state->value());
    }

    detail::state_ref<state_type> state_;
};

namespace detail {

/// The algorithms' way into a future.
struct future_access {
    template <class R>
    static future<R> make(state_ref<future_state<R>> state) noexcept {
        return future<R>(std::move(state));
    }
    /// The future's state; null if it is empty. Owned by the future.
    template <class R>
    static future_state<R>* state(const future<R>& f) noexcept {
        return f.state_.get();
    }
};

template <class R>
class future_awaiter final : private continuation {
public:
    explicit future_awaiter(state_ref<future_state<R>> state) noexcept : state_(std::move(state)) {}

    [[nodiscard]] bool await_ready() const noexcept { return state_->done(); }
    bool await_suspend(std::coroutine_handle<> waiting) noexcept {
        waiting_ = waiting;
        return state_->tell(*this);
    }
    R await_resume() { return future<R>::take(std::move(state_)); }

    [[nodiscard]] state_ref<future_core> awaited() const noexcept { return state_.share(); }

private:
    void future_done() noexcept override { waiting_.resume(); }

    state_ref<future_state<R>> state_;
    std::coroutine_handle<> waiting_;
};

/// The state behind a coroutine's future. It knows what the coroutine awaits now, so that a waiter inside a task
/// can help with it: the waiter is told (news) whenever that changes.
template <class R>
class coroutine_state final : public future_state<R> {
public:
    coroutine_state() noexcept : future_state<R>(2) {}  // the future and the coroutine

    void help() noexcept override {
        if (const auto child = awaited()) child->help();
    }
    void awaits(state_ref<future_core> child) noexcept {
        {
            const std::lock_guard lock(mutex_);
            awaited_.swap(child);
        }
        this->news();
    }

private:
    state_ref<future_core> awaited() noexcept {
        const std::lock_guard lock(mutex_);
        return awaited_.share();
    }

    std::mutex mutex_;
    state_ref<future_core> awaited_;
};

template <class R>
class coroutine_promise_base {
public:
    future<R> get_return_object() noexcept {
        return future_access::make<R>(state_ref<future_state<R>>(state_.get()));
    }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void unhandled_exception() noexcept { state_->set_error(std::current_exception()); }

    template <class T>
    future_awaiter<T> await_transform(future<T>&& awaited) {
        auto awaiter = std::move(awaited).operator co_await();
        state_->awaits(awaiter.awaited());
        return awaiter;
    }
    template <class T>
    future_awaiter<T> await_transform(future<T>& awaited) {
        return await_transform(std::move(awaited));
    }
    template <class Awaitable>
    Awaitable&& await_transform(Awaitable&& other) noexcept {
        return std::forward<Awaitable>(other);
    }

protected:
    state_ref<coroutine_state<R>> state_{new coroutine_state<R>};
};

template <class R>
class coroutine_promise : public coroutine_promise_base<R> {
public:
    template <class Value>
    void return_value(Value&& value) noexcept {
        this->state_->set_value(std::forward<Value>(value));
    }
};
template <>
class coroutine_promise<void> : public coroutine_promise_base<void> {
public:
    void return_void() noexcept { this->state_->set_value(); }
};

/// Puts the outcome of `execute` into a future's state; for executors whose tasks run in another address space.
template <class R>
class promise_receiver {
public:
    explicit promise_receiver(state_ref<future_state<R>> state) noexcept : state_(std::move(state)) {}
    promise_receiver(promise_receiver&&) noexcept = default;
    promise_receiver& operator=(promise_receiver&&) = delete;
    ~promise_receiver() {
        if (state_) state_->set_error(std::make_exception_ptr(broken_promise()));
    }

    template <class... Values>
    void set_value(Values&&... values) noexcept {
        std::exchange(state_, {})->set_value(std::forward<Values>(values)...);
    }
    void set_error(std::exception_ptr error) noexcept {
        std::exchange(state_, {})->set_error(std::move(error));
    }
    void set_stopped() noexcept { std::exchange(state_, {})->set_stopped(); }

private:
    state_ref<future_state<R>> state_;
};

/// Passes a claimable task through `execute`; the task itself publishes its outcome.
template <class State>
class claim_receiver {
public:
    explicit claim_receiver(state_ref<State> state) noexcept : state_(std::move(state)) {}
    claim_receiver(claim_receiver&&) noexcept = default;
    claim_receiver& operator=(claim_receiver&&) = delete;
    ~claim_receiver() {
        if (state_) state_->fail(std::make_exception_ptr(broken_promise()));
    }

    void set_value() noexcept { state_ = {}; }
    void set_error(std::exception_ptr error) noexcept { std::exchange(state_, {})->fail(std::move(error)); }
    void set_stopped() noexcept { std::exchange(state_, {})->try_cancel(); }

private:
    state_ref<State> state_;
};

template <class State>
struct claimable_call {
    state_ref<State> state;
    void operator()() noexcept { state->run(); }
};

template <class E>
std::stop_token stop_token_of(const E& ex) noexcept {
    if constexpr (requires { ex.options().stop; }) {
        return ex.options().stop;
    } else {
        return {};
    }
}

}  // namespace detail

/// Runs `f(args...)` on `ex` and returns the future of its result. `f` and `args` are decay-copied.
///
/// Throws what `ex.execute` throws (pool_closed after shutdown). Executors with a member `submit` leave the arguments
/// untouched then; for one without it they may have been moved from.
template <class E, class F, class... Args>
    requires executor<E> && callable_with<F, Args...>
auto submit(E& ex, F&& f, Args&&... args) -> future<call_result<F, Args...>> {
    using result = call_result<F, Args...>;
    if constexpr (requires { ex.submit(std::forward<F>(f), std::forward<Args>(args)...); }) {
        return ex.submit(std::forward<F>(f), std::forward<Args>(args)...);
    } else if constexpr (local_executor<E>) {
        using state = detail::task_state<result, std::decay_t<F>, std::decay_t<Args>...>;
        detail::state_ref<state> task(
            new state(1, detail::stop_token_of(ex), std::forward<F>(f), std::forward<Args>(args)...));
        auto outcome = detail::future_access::make<result>(task.share());
        ex.execute(detail::claim_receiver<state>(task.share()), detail::claimable_call<state>{task.share()});
        return outcome;
    } else {
        using state = detail::future_state<result>;
        detail::state_ref<state> task(new state(1));
        auto outcome = detail::future_access::make<result>(task.share());
        ex.execute(detail::promise_receiver<result>(task.share()), std::forward<F>(f),
                   std::forward<Args>(args)...);
        return outcome;
    }
}

}  // namespace yoke
