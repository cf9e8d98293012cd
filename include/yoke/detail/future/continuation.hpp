// SPDX-License-Identifier: MIT
#pragma once

/// What waits for a future without a thread, and who publishes what is done because of that: see detail/future/state.hpp.

#include <yoke/detail/base/config.hpp>

#include <type_traits>
#include <utility>

namespace yoke::detail {

class future_core;
template <class State>
class state_ref;

/// Something to be told, once, that a future is done, on the thread that completes the future (or, rarely, on one that has
/// news of it at that moment).
class continuation {
public:
    /// Returns the future whose outcome is in place now because of that, for the caller to publish; or null.
    virtual state_ref<future_core> future_done() noexcept = 0;
    /// Before that, any number of times: there may be something to help with that was not there before. Returns the future
    /// that waits for the one that has the news, for the caller to pass them on to; or null.
    virtual state_ref<future_core> future_news() noexcept = 0;

protected:
    continuation() = default;
    ~continuation() = default;

private:
    friend class future_core;
    continuation* next_ = nullptr;
};

/// An owner of a future_core or a class derived from it.
template <class State>
class state_ref {
public:
    state_ref() = default;
    /// Takes over one reference that the caller owns.
    explicit state_ref(State* state) noexcept : state_(state) {}
    state_ref(state_ref&& other) noexcept : state_(std::exchange(other.state_, nullptr)) {}
    template <class Derived>
        requires std::is_convertible_v<Derived*, State*> state_ref(state_ref<Derived>&& other)
    noexcept : state_(other.detach()) {}
    state_ref& operator=(state_ref&& other) noexcept {
        state_ref(std::move(other)).swap(*this);
        return *this;
    }
    ~state_ref() {
        if (state_ != nullptr) state_->release();
    }

    /// A second owner of the same state.
    [[nodiscard]] state_ref share() const noexcept {
        if (state_ != nullptr) state_->acquire();
        return state_ref(state_);
    }
    void swap(state_ref& other) noexcept { std::swap(state_, other.state_); }
    [[nodiscard]] State* detach() noexcept { return std::exchange(state_, nullptr); }
    [[nodiscard]] State* get() const noexcept { return state_; }
    State* operator->() const noexcept { return state_; }
    State& operator*() const noexcept { return *state_; }
    explicit operator bool() const noexcept { return state_ != nullptr; }

private:
    State* state_ = nullptr;
};

/// Stands where other code is called that may complete `state` as the last thing it does, on this thread: it is
/// then not published there, on top of that code's stack, but by who made this, who owns a reference. Null: none.
class publish_later {
public:
    explicit publish_later(const future_core* state) noexcept;
    ~publish_later();
    publish_later(const publish_later&) = delete;
    publish_later& operator=(const publish_later&) = delete;

    /// `owned`, a reference to the state, if it is to be published now; else null.
    template <class State>
    [[nodiscard]] state_ref<future_core> due(state_ref<State> owned) const noexcept {
        return due_ ? state_ref<future_core>(std::move(owned)) : state_ref<future_core>();
    }

    /// True if `state` will be published by who waits for that.
    [[nodiscard]] static bool catches(const future_core* state) noexcept;

private:
    const future_core* const state_;
    publish_later* const outer_;
    bool due_ = false;
};
YOKE_SHARED_STATE inline thread_local publish_later* innermost_publish_later = nullptr;

inline publish_later::publish_later(const future_core* state) noexcept
    : state_(state), outer_(innermost_publish_later) {
    innermost_publish_later = this;
}
inline publish_later::~publish_later() { innermost_publish_later = outer_; }
inline bool publish_later::catches(const future_core* state) noexcept {
    publish_later* const innermost = innermost_publish_later;
    if (innermost == nullptr || innermost->state_ != state) return false;
    return innermost->due_ = true;
}

}  // namespace yoke::detail
