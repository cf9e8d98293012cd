// SPDX-License-Identifier: MIT
#pragma once

/// The executor concept: runs `f(args...)` *somewhere* and brings the outcome back *here*.
///
/// That is the most that a thread pool, a process pool and a cluster have in common, so it is the whole concept:
///
///     ex.execute(receiver, f, args...);        // runs f(args...), completes receiver
///     ex.concurrency();                        // how many tasks can run at once, at least 1
///     ex.shutdown();                           // takes no more work; what was accepted still runs
///     ex.shutdown(yoke::cancel_pending);       // ... and what has not begun completes as stopped
///
/// What every model promises (tests/conformance checks it for each of them):
///
/// - `execute` either throws, and then has touched none of its arguments, or accepts the task; an accepted task
///   completes its receiver exactly once, whatever happens. After `shutdown` it throws `pool_closed`.
/// - An exception thrown by `f` arrives at `set_error`; none ever terminates the program.
/// - A task whose `task_options::stop` is requested before it begins completes as stopped.
/// - `shutdown` is idempotent and may be called from any thread and from inside a task; the destructor is
///   `shutdown()` and waits. Nothing accepted is dropped.
/// - Waiting for a future inside a task never deadlocks; where it would have to, it throws `deadlock_error`. The waiting
///   thread runs the awaited task itself if nobody has begun it. (Where only the executor's own threads may do that it
///   has a member `home()`, as yoke's pools have; a view of such an executor passes it on.)
/// - An idle executor uses no CPU.
///
/// Executors are passed by reference and are not copied. All members may be called from any thread.

#include <yoke/concept/receiver.hpp>

#include <concepts>
#include <cstddef>
#include <exception>

namespace yoke {

/// Tag for `shutdown(cancel_pending)`.
struct cancel_pending_t {
    explicit cancel_pending_t() = default;
};
inline constexpr cancel_pending_t cancel_pending{};

namespace archetype {

/// The least a receiver can be: move-only, takes anything. Used to ask an executor what it can run.
struct receiver {
    receiver() = default;
    receiver(receiver&&) = default;
    receiver& operator=(receiver&&) = default;

    template <class... Values>
    void set_value(Values&&...) noexcept {}
    void set_error(std::exception_ptr) noexcept {}
    void set_stopped() noexcept {}
};

}  // namespace archetype

/// Runs at least a plain function without arguments.
template <class E>
concept executor = requires(E& ex, void (*f)()) {
    ex.execute(archetype::receiver{}, f);
    ex.shutdown();
    ex.shutdown(cancel_pending);
    { ex.concurrency() } -> std::convertible_to<std::size_t>;
};

/// Runs *this* call: for a process pool, only if function, arguments and result can cross to a worker.
template <class E, class F, class... Args>
concept executor_of = executor<E> && callable_with<F, Args...> && requires(E& ex, F&& f, Args&&... args) {
    ex.execute(archetype::receiver{}, std::forward<F>(f), std::forward<Args>(args)...);
};

namespace archetype {

/// A call that can be made in this address space only: it holds a pointer.
struct local_call {
    void* target;
    explicit local_call(void* where) noexcept : target(where) {}
    local_call(local_call&&) = default;
    local_call& operator=(local_call&&) = default;
    void operator()() noexcept {}
};

}  // namespace archetype

/// Runs its tasks in this address space, so that a task may refer to the caller's objects.
template <class E>
concept local_executor = executor_of<E, archetype::local_call>;

/// Runs each task inside `execute`, in the caller, and says so: `static constexpr bool runs_in_caller = true`.
template <class E>
inline constexpr bool runs_in_caller = requires {
    requires bool(E::runs_in_caller);
};

/// Runs calls that may run together, cheaply and to any depth, on its own workers:
///
///     ex.invoke(f, g, ...);       // calls all, perhaps at the same time; returns when all have ended
///     ex.take_part(f);            // calls f here, with this thread as one more worker: what f forks is offered to the others
///     ex.forks_here();            // true in a worker of ex, and in f, where invoke() begins at once with the first call
///     ex.wants_forks();           // in a worker: true if a further invoke() may find an idle worker
///     ex.admits_callers();        // false if only ex's own threads may make the calls, as they were prepared for it
///     ex.require_open();          // throws pool_closed (or what else execute would throw) if it is shut down
///
/// While a worker waits in `invoke`, it runs nothing but parts of what it waits for. What `invoke` returns and throws is
/// described in algorithm/invoke.hpp.
template <class E>
concept fork_join_executor = local_executor<E> && requires(E& ex, const E& asked, void (*f)()) {
    ex.invoke(f, f);
    ex.take_part(f);
    { asked.forks_here() } -> std::same_as<bool>;
    { asked.wants_forks() } -> std::same_as<bool>;
    { asked.admits_callers() } -> std::same_as<bool>;
    asked.require_open();
};

}  // namespace yoke
