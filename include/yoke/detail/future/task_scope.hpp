// SPDX-License-Identifier: MIT
#pragma once

/// Marks the stretches of a thread's stack on which an executor runs a task.
///
/// Waiting code asks `inside_task()`: a thread that is itself running a task must not just sleep, because the
/// work it waits for may sit in a queue that only this thread would ever empty. An executor asks
/// `inside_task_of(this)` before it waits for all of its own tasks, of which the caller may be one.

#include <yoke/detail/base/config.hpp>

namespace yoke::detail {

class drop_counter;
class future_core;

class task_scope;
YOKE_SHARED_STATE inline thread_local const task_scope* innermost_task = nullptr;

/// An executor whose end can be put off, by a task that has found that another thread does its work.
class task_keeper {
public:
    /// For a task of the executor, while it runs: until let_go() the executor counts one task more.
    virtual void keep() noexcept = 0;
    /// Once for each keep(), on any thread. The executor may be gone then.
    virtual void let_go() noexcept = 0;

protected:
    task_keeper() = default;
    ~task_keeper() = default;
};
/// The keeper of the tasks that this thread runs directly within `scope`.
struct keeper_of_scope {
    const task_scope* scope = nullptr;
    task_keeper* keeper = nullptr;
};
YOKE_SHARED_STATE inline thread_local keeper_of_scope keeper_of_this_thread;

/// Work that a thread does for another one which waits for it in another way than for a future: a forked call that was
/// stolen, calls of a pipeline's stages. It lives while a task_scope names it.
class lent_work {
public:
    /// The innermost task of the thread that will not go on before this work has ended; null if it runs none, or if
    /// it does not wait yet: then it calls blocked_wait's tell_waiters() when it does.
    [[nodiscard]] virtual const task_scope* waiter() const noexcept = 0;
    /// Lets that thread look at what the work waits for (see blocked_wait.hpp).
    virtual void wake_waiter() noexcept = 0;
    /// True if the waiter's tasks lead to all that the thread was in when it began the work.
    [[nodiscard]] virtual bool nests() const noexcept = 0;

protected:
    lent_work() = default;
    ~lent_work() = default;
};

/// Every executor holds one of these while it runs a call; `executor` names it if it wants to be found, and `drops`
/// counts the errors of its tasks that nobody receives. `task` is the call's future, if it has one.
class task_scope {
public:
    explicit task_scope(const void* executor = nullptr, drop_counter* drops = nullptr,
                        future_core* task = nullptr) noexcept
        : executor_(executor), drops_(drops), work_(task), outer_(innermost_task) {
        innermost_task = this;
    }
    /// A thread does `lent` work, which the one who waits for it calls `work`.
    task_scope(const void* work, lent_work& lent) noexcept : task_scope() {
        work_ = const_cast<void*>(work);
        lent_ = &lent;
    }
    ~task_scope() { innermost_task = outer_; }
    task_scope(const task_scope&) = delete;
    task_scope& operator=(const task_scope&) = delete;

    [[nodiscard]] const void* executor() const noexcept { return executor_; }
    /// True if `work`, a task's future or lent work, cannot end before `innermost` has: it is on that stack, or on
    /// one that waits for lent work there. The thread must not leave `innermost` meanwhile.
    [[nodiscard]] static bool leads_to(const task_scope* innermost, const void* work) noexcept {
        return any(innermost, [work](const task_scope& scope) noexcept { return scope.work_ == work; });
    }
    /// Calls `f(future)` for each task that cannot end before `innermost` has, and lets those look who wait for lent
    /// work there. The thread must not leave `innermost` meanwhile.
    template <class F>
    static void tell_waiters(const task_scope* innermost, F f) noexcept {
        any(innermost, [f](const task_scope& scope) noexcept {
            if (scope.lent_ != nullptr) {
                scope.lent_->wake_waiter();
            } else if (scope.work_ != nullptr) {
                f(*static_cast<future_core*>(scope.work_));
            }
            return false;
        });
    }

    friend bool inside_task_of(const void* executor) noexcept;
    friend drop_counter* counter_of_drops() noexcept;

private:
    template <class Found>
    static bool any(const task_scope* scope, Found found) noexcept {
        while (scope != nullptr) {
            if (found(*scope)) return true;
            const task_scope* const waiter = scope->lent_ != nullptr ? scope->lent_->waiter() : nullptr;
            if (waiter != nullptr && scope->lent_->nests()) {
                scope = waiter;
                continue;
            }
            if (waiter != nullptr && any(waiter, found)) return true;
            scope = scope->outer_;
        }
        return false;
    }

    const void* executor_;
    drop_counter* drops_;
    void* work_;  // what others wait for: a future_core, or, with `lent_`, what they know that by
    lent_work* lent_ = nullptr;  // not with a future
    const task_scope* outer_;
};

/// True while this thread runs a task of any executor.
[[nodiscard]] inline bool inside_task() noexcept { return innermost_task != nullptr; }

/// True while this thread runs a task of this executor, be it at the bottom of a stack of tasks.
[[nodiscard]] inline bool inside_task_of(const void* executor) noexcept {
    for (const task_scope* scope = innermost_task; scope != nullptr; scope = scope->outer_) {
        if (scope->executor_ == executor) return true;
    }
    return false;
}

/// The counter of the innermost executor that has one and of which this thread runs a task; null if there is none.
[[nodiscard]] inline drop_counter* counter_of_drops() noexcept {
    for (const task_scope* scope = innermost_task; scope != nullptr; scope = scope->outer_) {
        if (scope->drops_ != nullptr) return scope->drops_;
    }
    return nullptr;
}

/// The keeper of the task that this thread runs; null if its executor has none.
[[nodiscard]] inline task_keeper* keeper_here() noexcept {
    const keeper_of_scope& here = keeper_of_this_thread;
    return innermost_task == here.scope ? here.keeper : nullptr;
}

/// Names a task_scope in which a submission must not wait for a place in a queue that is full: the thread may be the one that
/// others wait for, who make that place.
YOKE_SHARED_STATE inline constexpr char never_waits = 0;
[[nodiscard]] inline bool must_not_wait() noexcept {
    return innermost_task != nullptr && innermost_task->executor() == &never_waits;
}

}  // namespace yoke::detail
