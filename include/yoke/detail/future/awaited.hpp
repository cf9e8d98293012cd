// SPDX-License-Identifier: MIT
#pragma once

/// What a future waits for at this moment, for those who want to help with it.

#include <yoke/detail/future/state.hpp>

#include <mutex>
#include <utility>

namespace yoke::detail {

/// An owner of a future's state that one thread may take away while others look. (A state_ref alone may not be copied
/// on one thread and emptied on another.) All members are thread-safe.
template <class State>
class awaited_slot {
public:
    awaited_slot() = default;
    explicit awaited_slot(state_ref<State> state) noexcept : state_(std::move(state)) {}

    /// Replaces what is in it.
    void set(state_ref<State> next) noexcept {
        const std::lock_guard lock(mutex_);
        state_.swap(next);  // `next` dies after the lock: with it may go a whole chain
    }
    /// Empties it.
    [[nodiscard]] state_ref<State> take() noexcept {
        const std::lock_guard lock(mutex_);
        return std::move(state_);
    }
    [[nodiscard]] state_ref<State> share() const noexcept {
        const std::lock_guard lock(mutex_);
        return state_.share();
    }

private:
    mutable std::mutex mutex_;
    state_ref<State> state_;
};

/// A coroutine whose future others may wait for, as the awaiters in it see it. An awaiter in a coroutine of another kind
/// has an empty one, whose members do nothing.
class awaiting_coroutine {
public:
    awaiting_coroutine() = default;
    awaiting_coroutine(state_ref<future_core> state, awaited_slot<future_core>& slot) noexcept
        : state_(std::move(state)), slot_(&slot) {}

    [[nodiscard]] awaiting_coroutine share() const noexcept {
        return state_ ? awaiting_coroutine(state_.share(), *slot_) : awaiting_coroutine();
    }
    /// From now on who helps with the coroutine helps with `core`.
    void awaits(state_ref<future_core> core) const noexcept {
        if (slot_ != nullptr) slot_->set(std::move(core));
    }
    void news() const noexcept {
        if (state_) state_->news();
    }
    /// The coroutine's future; null if there is none.
    [[nodiscard]] state_ref<future_core> future() const noexcept { return state_.share(); }
    /// The same, which leaves this empty.
    [[nodiscard]] state_ref<future_core> take_future() noexcept { return std::move(state_); }

private:
    state_ref<future_core> state_;
    awaited_slot<future_core>* slot_ = nullptr;
};

}  // namespace yoke::detail
