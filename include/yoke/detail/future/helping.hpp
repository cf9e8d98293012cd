// SPDX-License-Identifier: MIT
#pragma once

/// The rule of helping: which thread may run a task that it waits for. Every kind of wait asks here.
///
/// A thread that waits runs an awaited task itself, if nobody has begun it and both of these hold:
///
/// 1. The task's executor admits the thread (`task_home`). A pool whose threads are initialized admits its own threads
///    only. Every other executor admits every thread.
/// 2. The wait cannot end before this task has ended, or the thread runs a task already (`may_help`). The thread may
///    then be the only one that could ever run the awaited task.
///
/// It never runs a task that it does not wait for. A timed wait runs nothing.
///
/// | wait | outside of tasks | inside a task |
/// |---|---|---|
/// | a future: submit, bulk, then, timer::after, timer::every | helps | helps |
/// | when_all, task_group | helps | helps |
/// | when_any, as_completed, map and fetch, whose wait ends with any one of several | only waits | helps |
/// | a coroutine in schedule(), which asked for another thread | only waits | helps |
/// | a pipeline, whose driver hands items to the stages | only waits | helps |
/// | loops, sort, scan, reduce, invoke on a pool of threads | takes part; initialized: only waits | the same |
///
/// In all of these an initialized pool's tasks run on that pool's threads only. If all of these wait, by whatever detour,
/// for a thread elsewhere that waits for such a task, they are told of it and run it (blocked_wait.hpp). The detour may
/// lead through any wait of the table, that for a part of a loop which another thread has taken and that for what a
/// pipeline's stages do included.
///
/// Not told is who waits for a task that nobody has begun while all threads of that task's pool wait: tasks of two
/// initialized pools that wait for each other's tasks can block, all of them. The remedy is to let only one of the
/// pools wait for the other, or to go on by then() or co_await in place of waiting.
///
/// It ends where nobody can know who is waited for: in a queue, a latch, a lock or a condition variable, in the
/// destructor or wait() of another pool, in a timed wait, in what a blocking source of a pipeline waits for. A task
/// of an initialized pool that waits in one of those must be sure that what it waits for needs no task of its own
/// pool; the remedy is to wait for a future, or one more thread in the pool.

#include <yoke/detail/future/task_scope.hpp>
#include <yoke/detail/future/worker_place.hpp>

namespace yoke::detail {

/// Which threads may run an executor's tasks. May outlive the executor.
class task_home {
public:
    /// Every thread.
    constexpr task_home() = default;
    /// The workers of this pool only.
    explicit constexpr task_home(const void* pool) noexcept : pool_(pool) {}

    [[nodiscard]] bool admits_this_thread() const noexcept {
        return pool_ == nullptr || pool_ == this_worker.pool;
    }

private:
    const void* pool_ = nullptr;
};

/// The home of an executor's tasks. A view of an executor has a member `home` that passes it on.
template <class E>
[[nodiscard]] task_home home_of(const E& ex) noexcept {
    if constexpr (requires { ex.home(); }) {
        return ex.home();
    } else {
        return {};
    }
}

/// How a wait depends on a task.
enum class awaited {
    needed,         // the wait cannot end before the task has ended
    one_of_several  // something else may end the wait, or the task asked for another thread
};

/// The second half of the rule.
[[nodiscard]] inline bool may_help(awaited how) noexcept { return how == awaited::needed || inside_task(); }

}  // namespace yoke::detail
