// SPDX-License-Identifier: MIT
#pragma once

/// How tasks with a future go through an executor's `execute`: the receivers, and the call of one that a waiter may begin.

#include <yoke/detail/future/block_cache.hpp>
#include <yoke/detail/future/helping.hpp>
#include <yoke/detail/future/state.hpp>
#include <yoke/detail/future/task_scope.hpp>
#include <yoke/error.hpp>

#include <cstddef>
#include <exception>
#include <new>
#include <stop_token>
#include <utility>

namespace yoke::detail {

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
    /// For an executor that did not accept the call: the future gets no outcome.
    void dismiss() noexcept { state_ = {}; }

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
    /// For an executor that did not accept the task: the future gets no outcome.
    void dismiss() noexcept { state_ = {}; }

    void set_value() noexcept { state_ = {}; }
    void set_error(std::exception_ptr error) noexcept { std::exchange(state_, {})->fail(std::move(error)); }
    void set_stopped() noexcept { std::exchange(state_, {})->try_cancel(); }

private:
    state_ref<State> state_;
};

/// The state of a task of an executor in this address space that has no `submit` of its own.
template <class R, class F, class... Args>
class executor_task final : public task_state<R, F, Args...> {
public:
    template <class... Call>
    executor_task(task_home home, std::stop_token stop, Call&&... call)
        : task_state<R, F, Args...>(1, std::move(stop), std::forward<Call>(call)...), home_(home) {}

private:
    state_ref<future_core> help_here(std::size_t&) noexcept override {
        this->help_or_look([this] { return this->run(); }, home_);
        return {};
    }

    const task_home home_;
};

/// Keeps an executor from its end until a future is done.
class end_put_off final : public continuation, public in_block {
public:
    /// Called inside a task of the executor. False if there is no memory.
    [[nodiscard]] static bool until_done(future_core& state, task_keeper& executor) noexcept {
        auto* const made = new (std::nothrow) end_put_off(executor);
        if (made == nullptr) return false;
        executor.keep();
        if (!state.tell(*made)) static_cast<void>(made->future_done());
        return true;
    }

private:
    explicit end_put_off(task_keeper& executor) noexcept : executor_(executor) {}
    state_ref<future_core> future_done() noexcept override {
        task_keeper& executor = executor_;
        delete this;
        executor.let_go();
        return {};
    }
    state_ref<future_core> future_news() noexcept override { return {}; }

    task_keeper& executor_;
};

/// An executor that waits for all of its tasks waits for this one also if a waiter runs it: a thread pool without a thread
/// that waits, another executor by a call that lasts until the task is done.
template <class State>
struct claimable_call {
    state_ref<State> state;
    void operator()() noexcept {
        if (state->run() || state->done()) return;
        task_keeper* const executor = keeper_here();
        if (executor == nullptr || !end_put_off::until_done(*state, *executor)) state->wait();
    }
};

}  // namespace yoke::detail
