// SPDX-License-Identifier: MIT
#pragma once

/// A thread pool's tasks: calls with a future, calls with a receiver, and the right to queue one.
///
/// A task with a future is a block of its own, since two own it. A task with a receiver is known to its queue only; a
/// small one lies in the queue itself, a larger one in a block. All of them tell the pool when they begin (their place is
/// free then) and when they are over.

#include <yoke/concept/receiver.hpp>
#include <yoke/detail/base/config.hpp>
#include <yoke/detail/base/invoke.hpp>
#include <yoke/detail/base/until_ended.hpp>
#include <yoke/detail/future/block_cache.hpp>
#include <yoke/detail/future/helping.hpp>
#include <yoke/detail/future/state.hpp>
#include <yoke/detail/future/task_scope.hpp>
#include <yoke/error.hpp>
#include <yoke/executor/thread/task.hpp>
#include <yoke/executor/thread/task_ring.hpp>

#include <cstddef>
#include <cstdint>
#include <exception>
#include <new>
#include <stop_token>
#include <tuple>
#include <type_traits>
#include <utility>

namespace yoke::detail {

/// A task with a future in one block, owned by its queue and its future together. Whoever claims it runs it.
template <class Core, class R, class F, class... Args>
class future_task final : public task_state<R, F, Args...>, public Core::node {
public:
    template <class... Call>
    future_task(Core& pool, std::stop_token stop, Call&&... call)
        : task_state<R, F, Args...>(2, std::move(stop), std::forward<Call>(call)...),
          pool_(reinterpret_cast<std::uintptr_t>(&pool) | (pool.initialized() ? own_threads_only : 0)) {}

    // For the queue.
    void run() noexcept override { end(how::run); }
    void stop() noexcept override { end(how::stop); }
    [[nodiscard]] bool overtaken() const noexcept override { return this->begun(); }

    // For the future, that is for threads that do not have the task from its queue.
    state_ref<future_core> help_here(std::size_t&) noexcept override {
        this->help_or_look([this] { return overtake(how::run); }, home());
        return {};
    }
    bool cancel_here(state_ref<future_core>&) noexcept override { return overtake(how::stop); }

private:
    ~future_task() override = default;

    enum class how : bool { run, stop };
    static constexpr std::uintptr_t own_threads_only = 1;

    [[nodiscard]] Core& pool() const noexcept { return *reinterpret_cast<Core*>(pool_ & ~own_threads_only); }
    /// Which threads may run it. A waiter may ask when the task is over and the pool is gone, so this does not.
    [[nodiscard]] task_home home() const noexcept {
        return (pool_ & own_threads_only) != 0 ? task_home(&pool()) : task_home();
    }

    // Each is compiled once for every kind of task, so there is one of each, and it is not copied to where it is called.

    YOKE_NOINLINE void end(how way) noexcept {
        if (!this->claim()) return this->release();
        Core& pool = this->pool();
        pool.release_place();
        way == how::run ? this->run_claimed() : this->stop_claimed();
        // First what the block holds is gone, then the task is over.
        this->release();
        pool.finish();
    }
    /// For who did not take it from its queue. False if somebody else has begun it.
    YOKE_NOINLINE bool overtake(how way) noexcept {
        if (!this->claim()) return false;
        Core& pool = this->pool();  // lives until we say that the task is over
        const bool taken_back = pool.take_back(*this);
        if (taken_back) this->release();  // the queue's share
        pool.note_overtaken(!taken_back);
        pool.release_place();
        const task_scope running(&pool, &pool.drops());
        // A worker may have it in its hand to stop it.
        way == how::run && !pool.cancelling() ? this->run_claimed() : this->stop_claimed();
        pool.finish_overtaken();
        return true;
    }

    const std::uintptr_t pool_;  // its address, and `own_threads_only`
};

/// A call and its receiver. Exactly one of run(), stop() and being moved from ends the call, and must happen.
template <class Core, class Receiver, class F, class... Args>
class received_call {
public:
    template <class To, class... Call>
    explicit received_call(To&& receiver, Call&&... call)
        : receiver_(std::forward<To>(receiver)), call_(std::forward<Call>(call)...) {}
    received_call(received_call&& other) noexcept
        : receiver_(std::move(other.receiver_)), call_(std::move(other.call_.value)) {
        other.call_.end();
    }
    received_call& operator=(received_call&&) = delete;
    ~received_call() = default;

    /// Makes the call, unless a stop was requested. The call is gone before its outcome is told.
    void run(Core& pool) noexcept {
        if (options_of(receiver_).stop.stop_requested()) return stop(pool);
        pool.release_place();
        if constexpr (is_nobody<Receiver>) {
            try {
                static_cast<void>(call());
            } catch (...) {
                report_dropped_error(std::current_exception(), "a detached task", pool.drops().number());
            }
        } else {
            complete_with_call(std::move(receiver_), [this]() -> call_result<F, Args...> { return call(); });
        }
    }
    void stop(Core& pool) noexcept {
        pool.release_place();
        call_.end();
        std::move(receiver_).set_stopped();
    }

private:
    decltype(auto) call() {
        const struct end_of_call {
            received_call& mine;
            ~end_of_call() { mine.call_.end(); }
        } guard{*this};
        // By value: what the function returns may refer to the call, which ends here.
        return static_cast<call_result<F, Args...>>(std::apply(
            [](F& f, Args&... args) -> decltype(auto) {
                return detail::invoke(std::move(f), std::move(args)...);
            },
            call_.value));
    }

    [[no_unique_address]] Receiver receiver_;
    until_ended<std::tuple<F, Args...>> call_;
};

/// A task with a receiver in a block.
template <class Core, class Call>
class block_task final : public Core::node, public in_block {
public:
    template <class... Parts>
    explicit block_task(Core& pool, Parts&&... parts) : pool_(pool), call_(std::forward<Parts>(parts)...) {}

    void run() noexcept override {
        call_.run(pool_);
        leave();
    }
    void stop() noexcept override {
        call_.stop(pool_);
        leave();
    }

private:
    ~block_task() = default;

    void leave() noexcept {
        Core& pool = pool_;
        delete this;
        pool.finish();
    }

    Core& pool_;
    Call call_;
};

/// A task with a receiver in a slot of the queue, which it leaves before it begins: see task_ring.hpp.
template <class Core, class Call>
class slot_task final : public task {
public:
    template <class... Parts>
    explicit slot_task(Core& pool, Parts&&... parts) : pool_(pool), call_(std::forward<Parts>(parts)...) {}

    void run() noexcept override {
        leave_and([](Call& call, Core& pool) noexcept { call.run(pool); });
    }
    void stop() noexcept override {
        leave_and([](Call& call, Core& pool) noexcept { call.stop(pool); });
    }

private:
    ~slot_task() = default;

    template <class Rest>
    void leave_and(Rest rest) noexcept {
        Core& pool = pool_;
        {
            Call call(std::move(call_));
            this->~slot_task();
            task_ring::vacate(this);
            rest(call, pool);
        }
        pool.finish();
    }

    Core& pool_;
    Call call_;
};

/// Such a task can be made in a slot. It is moved out of it, which must not throw.
template <class Core, class Receiver, class F, class... Args>
inline constexpr bool
    fits_slot = sizeof(slot_task<Core, received_call<Core, Receiver, F, Args...>>) <= task_ring::slot::size &&
                alignof(slot_task<Core, received_call<Core, Receiver, F, Args...>>) <= alignof(void*) &&
                std::is_nothrow_move_constructible_v<Receiver>&& std::is_nothrow_move_constructible_v<F> &&
                (std::is_nothrow_move_constructible_v<Args> && ...);

/// In a slot that was claimed for a task which could not be made.
class no_task final : public task {
public:
    void run() noexcept override {
        this->~no_task();
        task_ring::vacate(this);
    }
    void stop() noexcept override { run(); }

private:
    ~no_task() = default;
};

/// The right to queue one task: inside the door, and holding a place. Gives both back if it is not used.
template <class Core>
class admitted_task {
public:
    enum class when_full { wait, fail };

    /// Throws pool_closed, forked, or, if there is no thread and none to be had, std::system_error. With `fail` and a
    /// full pool: an empty right.
    admitted_task(Core& pool, when_full policy) {
        if (pool.forked()) throw forked();
        pool.attend();
        if (!pool.try_take_place()) {
            if (pool.closed()) throw pool_closed();
            if (policy == when_full::fail) return;
            begins_here_ = inside_task() && pool.home().admits_this_thread();
            if (begins_here_ || must_not_wait()) {
                pool.take_extra_place();
            } else if (!pool.take_place()) {
                throw pool_closed();
            }
        }
        if (!pool.enter()) {
            pool.release_place();
            throw pool_closed();
        }
        pool_ = &pool;
    }
    admitted_task(admitted_task&& other) noexcept
        : pool_(std::exchange(other.pool_, nullptr)), begins_here_(other.begins_here_) {}
    admitted_task& operator=(admitted_task&&) = delete;
    ~admitted_task() {
        if (pool_ == nullptr) return;
        pool_->release_place();
        pool_->withdraw();
    }

    explicit operator bool() const noexcept { return pool_ != nullptr; }
    [[nodiscard]] Core& pool() const noexcept { return *pool_; }

    /// Uses the right for a task that is made in a slot of the pool's queue. False if there is none to be had; then nothing
    /// has happened. Throws what making the task throws, in which case the right is still there.
    template <class Task, class... Parts>
    [[nodiscard]] bool queue_in_slot(Parts&&... parts) {
        if (begins_here_) return false;
        task_ring::slot* const place = pool_->claim_slot();
        if (place == nullptr) return false;
        try {
            ::new (place->room()) Task(*pool_, std::forward<Parts>(parts)...);
        } catch (...) {
            ::new (place->room()) no_task;
            pool_->publish(*place);
            throw;
        }
        std::exchange(pool_, nullptr)->publish(*place);
        return true;
    }
    /// Uses the right for this task.
    void queue(typename Core::node& task, int priority) && noexcept {
        Core& pool = *std::exchange(pool_, nullptr);
        if constexpr (requires { task.priority; }) task.priority = priority;
        if (begins_here_) {
            const task_scope running(&pool, &pool.drops());
            task.run();
        } else {
            pool.push(task);
        }
    }

private:
    Core* pool_ = nullptr;
    bool begins_here_ = false;
};

}  // namespace yoke::detail
