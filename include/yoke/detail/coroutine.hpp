// SPDX-License-Identifier: MIT
#pragma once

/// How coroutines await futures and are futures themselves: the awaiter of a future, the promise of a coroutine that
/// returns one, and the state they share with those who wait.

#include <yoke/detail/awaited.hpp>
#include <yoke/detail/future_state.hpp>

#include <coroutine>
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
    void future_done() noexcept override { waiting_.resume(); }
    void future_news() noexcept override { coroutine_.news(); }

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

    void help() noexcept override {
        if (const auto child = awaited_.share()) child->help();
    }
    [[nodiscard]] const char* description() const noexcept override {
        return "a coroutine whose future was dropped";
    }
    [[nodiscard]] awaiting_coroutine link() noexcept {
        this->acquire();
        return {state_ref<future_core>(this), awaited_};
    }

private:
    awaited_slot<future_core> awaited_;
};

template <class R>
class coroutine_promise_base {
public:
    future<R> get_return_object() noexcept { return future<R>(state_ref<future_state<R>>(state_.get())); }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void unhandled_exception() noexcept { state_->set_error(std::current_exception()); }

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
        this->state_->set_value(std::forward<Value>(value));
    }
};
template <>
class coroutine_promise<void> : public coroutine_promise_base<void> {
public:
    void return_void() noexcept { this->state_->set_value(); }
};

}  // namespace detail
}  // namespace yoke
