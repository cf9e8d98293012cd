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

/// Every executor holds one of these while it runs a call; `executor` names it if it wants to be found, and `drops`
/// counts the errors of its tasks that nobody receives. `task` is the call's future, if it has one.
class task_scope {
public:
    explicit task_scope(const void* executor = nullptr, drop_counter* drops = nullptr,
                        future_core* task = nullptr) noexcept
        : executor_(executor), drops_(drops), task_(task), outer_(innermost_task) {
        innermost_task = this;
    }
    ~task_scope() { innermost_task = outer_; }
    task_scope(const task_scope&) = delete;
    task_scope& operator=(const task_scope&) = delete;

    [[nodiscard]] const void* executor() const noexcept { return executor_; }
    /// True if `task` runs on this stack, whose thread must not leave it meanwhile.
    [[nodiscard]] static bool runs(const task_scope* innermost, const future_core& task) noexcept {
        const task_scope* scope = innermost;
        while (scope != nullptr && scope->task_ != &task) scope = scope->outer_;
        return scope != nullptr;
    }
    /// Calls `f(task)` for each task with a future that this thread runs.
    template <class F>
    static void for_each_task(F f) noexcept {
        for (const task_scope* scope = innermost_task; scope != nullptr; scope = scope->outer_) {
            if (scope->task_ != nullptr) f(*scope->task_);
        }
    }

    friend bool inside_task_of(const void* executor) noexcept;
    friend drop_counter* counter_of_drops() noexcept;

private:
    const void* executor_;
    drop_counter* drops_;
    future_core* task_;
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
