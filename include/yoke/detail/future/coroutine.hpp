// SPDX-License-Identifier: MIT
#pragma once

/// How coroutines await futures and are futures themselves: the awaiter of a future, the promise of a coroutine that
/// returns one, and the state they share with those who wait.

#include <yoke/detail/base/config.hpp>
#include <yoke/detail/future/awaited.hpp>
#include <yoke/detail/future/state.hpp>
#include <yoke/detail/future/task_scope.hpp>

#include <coroutine>
#include <cstddef>
#include <exception>
#include <utility>

namespace yoke {

template <class R>
class future;

namespace detail {

/// Suspends a coroutine until a future is done.
template <class R>
class future_awaiter final : private continuation {
public:
    explicit future_awaiter(state_ref<future_state<R>> state) noexcept : state_(std::move(state)) {}

    /// Tells it the coroutine it is in.
    void is_in(awaiting_coroutine coroutine) noexcept {
        coroutine_ = std::move(coroutine);
        coroutine_.awaits(state_.share());
    }

    [[nodiscard]] bool await_ready() const noexcept { return state_->done(); }
    bool await_suspend(std::coroutine_handle<> waiting) noexcept {
        waiting_ = waiting;
        const awaiting_coroutine coroutine = coroutine_.share();  // once told, this may be gone
        if (!state_->tell(*this)) return false;
        coroutine.news();
        return true;
    }
    R await_resume() { return future<R>::take(std::move(state_)); }

private:
    state_ref<future_core> future_done() noexcept override {
        // This is gone when the coroutine has gone on. What it ends there the caller publishes, not the coroutine.
        state_ref<future_core> coroutine = coroutine_.take_future();
        const publish_later later(coroutine.get());
        const task_scope running(nullptr, nullptr, coroutine.get());
        waiting_.resume();
        return later.due(std::move(coroutine));
    }
    state_ref<future_core> future_news() noexcept override { return coroutine_.future(); }

    state_ref<future_state<R>> state_;
    std::coroutine_handle<> waiting_;
    awaiting_coroutine coroutine_;
};

/// The state behind a coroutine's future. It knows what the coroutine awaits now, so that a waiter
/// can help with it.
template <class R>
class coroutine_state final : public future_state<R> {
public:
    coroutine_state() noexcept : future_state<R>(2) {}  // the future and the coroutine

    [[nodiscard]] const char* description() const noexcept override {
        return "a coroutine whose future was dropped";
    }
    [[nodiscard]] awaiting_coroutine link() noexcept {
        this->acquire();
        return {state_ref<future_core>(this), awaited_};
    }

    template <class... Values>
    void store_value(Values&&... values) noexcept {
        this->emplace([&]() -> decltype(auto) { return stored<R>(std::forward<Values>(values)...); });
    }
    using future_state<R>::store_error;
    /// The outcome is stored, and the coroutine's frame is gone.
    void end() noexcept {
        static_cast<void>(awaited_.take());  // or a chain would stay until its last future goes
        this->publish();
    }

private:
    state_ref<future_core> help_here(std::size_t&) noexcept override {
        this->want();
        if (auto awaited = awaited_.share(); awaited && !awaited->done()) return awaited;
        if (!this->done()) help_where_blocked<future_core>(*this);
        return {};
    }

    awaited_slot<future_core> awaited_;
};

/// The end of a coroutine: first its frame goes, with its parameters and locals, and then the outcome is published.
struct end_of_coroutine {
    [[nodiscard]] bool await_ready() const noexcept { return false; }
    // Not inlined: it must keep nothing in the frame that it destroys.
    template <class Promise>
    YOKE_NOINLINE void await_suspend(std::coroutine_handle<Promise> ended) const noexcept {
        const auto state = ended.promise().take_state();
        ended.destroy();
        state->end();
    }
    void await_resume() const noexcept {}
};

template <class R>
class coroutine_promise_base {
public:
    future<R> get_return_object() noexcept { return future<R>(state_ref<future_state<R>>(state_.get())); }
    std::suspend_never initial_suspend() noexcept { return {}; }
    end_of_coroutine final_suspend() noexcept { return {}; }
    void unhandled_exception() noexcept { state_->store_error(std::current_exception()); }
    [[nodiscard]] state_ref<coroutine_state<R>> take_state() noexcept { return std::move(state_); }

    template <class T>
    future_awaiter<T> await_transform(future<T>&& awaited) {
        auto awaiter = std::move(awaited).operator co_await();
        awaiter.is_in(state_->link());
        return awaiter;
    }
    template <class T>
    future_awaiter<T> await_transform(future<T>& awaited) {
        return await_transform(std::move(awaited));
    }
    template <class Awaitable>
    Awaitable&& await_transform(Awaitable&& other) noexcept {
        if constexpr (requires { other.is_in(awaiting_coroutine()); }) other.is_in(state_->link());
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
        this->state_->store_value(std::forward<Value>(value));
    }
};
template <>
class coroutine_promise<void> : public coroutine_promise_base<void> {
public:
    void return_void() noexcept { this->state_->store_value(); }
};

}  // namespace detail
}  // namespace yoke
