// SPDX-License-Identifier: MIT
#pragma once

/// Where an executor delivers the outcome of one task.
///
/// A receiver is a move-only value with three completions, the vocabulary of P2300 ("std::execution"):
///
///     std::move(r).set_value(result);   // the call returned; no argument for a void call
///     std::move(r).set_error(error);    // it threw, or its worker was lost
///     std::move(r).set_stopped();       // it will not run
///
/// Once `execute` has accepted a task, exactly one of them is called, exactly once, on any thread. Completions do
/// not throw and return soon: they run on the executor's own thread.
///
/// A receiver may carry wishes for its task: a member `const task_options& options() const noexcept`. An
/// executor that cannot honour one of them refuses the task.

#include <yoke/detail/base/invoke.hpp>
#include <yoke/error.hpp>
#include <yoke/time_span.hpp>

#include <chrono>
#include <concepts>
#include <cstdint>
#include <exception>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <type_traits>
#include <utility>

namespace yoke {

/// What a caller may ask for one task. An executor honours what the table says and refuses the rest: the call that is given
/// the options throws `unsupported`, which names option, value and remedy, and std::invalid_argument for a value that is
/// out of range; nothing is queued then, and the arguments are untouched. (At run time: the type of an executor tells
/// what it can honour, but these are values, so no type tells what was asked.)
///
/// | option | inline_executor | thread pools | priority thread pools | process pools |
/// |---|---|---|---|---|
/// | `stop` | honoured | honoured | honoured | honoured, also while the task runs |
/// | `priority` | refused | refused | honoured | honoured |
/// | `timeout`, `queue_timeout`, `grace`, `attempts` | refused | refused | refused | honoured |
///
/// A task can get options in several places: by the views of its executor (`with`), then by who submits it (its receiver,
/// `submit(options, ...)`, `stage_options`). A field that is not at its default in the latter wins; of two views the outer
/// one's. All stop tokens count. To undo what a view asks for, use the executor behind it.
struct task_options {
    /// Completes the task as stopped if it has not begun when stop is requested. A task that runs in a worker process
    /// hears of it by `yoke::this_task` (executor/this_task.hpp).
    std::stop_token stop{};
    /// Longest run time, counted from the task's start; 0 means no limit. The worker is killed then, as only a process
    /// can be stopped from outside. Process pools only.
    time_span timeout{};
    /// How often the task may be started when the worker that runs it dies; more than 1 is for tasks that
    /// may be repeated without harm. At least 1. More than 1 on process pools only.
    int attempts = 1;
    /// Larger begins earlier, on executors that order by priority: process pools, and thread pools of that policy.
    int priority = 0;
    /// How long a running task may go on after stop was requested before its worker is killed and it completes as stopped.
    /// The default is for ever. Process pools only.
    time_span grace = std::chrono::nanoseconds::max();
    /// Longest time from its acceptance until the task begins; 0 means no limit. A task that has not begun by then never
    /// does, and fails with `task_timeout`. Process pools only.
    time_span queue_timeout{};
};

/// What `f(args...)` yields when it runs elsewhere: `f` and its arguments are decay-copied first, and the
/// result comes back by value, so a returned reference is copied.
template <class F, class... Args>
using call_result = std::decay_t<std::invoke_result_t<std::decay_t<F>, std::decay_t<Args>...>>;

namespace detail {

/// Throws std::invalid_argument for values that no executor can honour.
inline void check_option_values(const task_options& options) {
    if (options.attempts < 1)
        throw std::invalid_argument("task_options::attempts is " + std::to_string(options.attempts) +
                                    "; a task must be started at least once");
    const auto positive = [](time_span time, const char* name, const char* zero) {
        if (time < time_span())
            throw std::invalid_argument("task_options::" + std::string(name) +
                                        " is negative or not a number; 0 means " + zero);
    };
    positive(options.timeout, "timeout", "no limit");
    positive(options.queue_timeout, "queue_timeout", "no limit");
    positive(options.grace, "grace", "that a running task is killed as soon as stop is requested");
}
/// For executors on threads: throws as above, and `unsupported` for what `who` cannot honour.
inline void check_options_on_threads(const task_options& options, const char* who, bool by_priority) {
    check_option_values(options);
    const auto refuse = [who](const char* name, std::int64_t value, const char* remedy) {
        throw unsupported(std::string(who) + " cannot honour task_options::" + name + " (" +
                          std::to_string(value) + "): " + remedy);
    };
    constexpr const char* elsewhere =
        "a thread cannot be ended from outside; leave the option out, or use a process_pool";
    if (options.timeout != time_span()) refuse("timeout", options.timeout.count(), elsewhere);
    if (options.grace != time_span::max()) refuse("grace", options.grace.count(), elsewhere);
    if (options.queue_timeout != time_span())
        refuse("queue_timeout", options.queue_timeout.count(), "leave it out, or use a process_pool");
    if (options.attempts != 1)
        refuse("attempts", options.attempts, "its workers do not die; leave it at 1, or use a process_pool");
    if (options.priority != 0 && !by_priority)
        refuse("priority", options.priority,
               "it has no order by priority; leave it at 0, or use basic_thread_pool<priority<>> or a "
               "process_pool");
}
/// Throws what `E` would throw for these options.
template <class E>
void check_options_for(const task_options& options) {
    check_option_values(options);
    if constexpr (requires { std::remove_cvref_t<E>::check_options(options); })
        std::remove_cvref_t<E>::check_options(options);
}

template <class T>
inline constexpr bool copies_by_decay = std::constructible_from<std::decay_t<T>, T>;

template <class R, class Value>
inline constexpr bool takes_value = requires(R receiver, Value value) {
    requires noexcept(std::move(receiver).set_value(std::move(value)));
};
template <class R>
inline constexpr bool takes_value<R, void> = requires(R receiver) {
    requires noexcept(std::move(receiver).set_value());
};

/// The receiver of detached tasks, for whose outcome nobody waits: their errors are dropped (dropped_error.hpp).
struct nobody {
    template <class... Values>
    void set_value(Values&&...) noexcept {}
    void set_error(std::exception_ptr) noexcept {}
    void set_stopped() noexcept {}
};
/// True for such receivers, with options or without.
template <class R>
inline constexpr bool is_nobody = std::is_same_v<R, nobody>;

template <class R>
concept has_options = requires(const R& receiver) {
    requires noexcept(receiver.options());
    requires std::same_as<decltype(receiver.options()), const task_options&>;
};

}  // namespace detail

/// `f(args...)` can be called with decayed copies.
template <class F, class... Args>
concept callable_with = std::invocable<std::decay_t<F>, std::decay_t<Args>...> &&
    std::conjunction_v<std::bool_constant<detail::copies_by_decay<F>>,
                       std::bool_constant<detail::copies_by_decay<Args>>...>;

/// Takes the outcome of a call that returns `Value` (which may be void).
template <class R, class Value>
concept receiver_of = std::move_constructible<std::decay_t<R>> &&
    detail::takes_value<std::decay_t<R>, Value> &&
    requires(std::decay_t<R> receiver, std::exception_ptr error) {
    requires noexcept(std::move(receiver).set_error(std::move(error)));
    requires noexcept(std::move(receiver).set_stopped());
};

/// The receiver's wishes for its task, or the defaults. The reference lives as long as the receiver.
template <class R>
[[nodiscard]] const task_options& options_of(const R& receiver) noexcept {
    if constexpr (detail::has_options<R>) {
        return receiver.options();
    } else {
        // Never destroyed: an executor with static storage may still run tasks after main().
        static const union undying {
            undying() noexcept : options() {}
            ~undying() {}
            task_options options;
        } defaults;
        return defaults.options;
    }
}

/// Runs `f(args...)` here and now and completes `receiver` with what becomes of it. This is the whole of what
/// an executor does once it has found a place to run.
template <class R, class F, class... Args>
void complete_with_call(R&& receiver, F&& f, Args&&... args) noexcept {
    using result = std::decay_t<std::invoke_result_t<F, Args...>>;
    std::exception_ptr error;
    try {
        if constexpr (std::is_void_v<result>) {
            detail::invoke(std::forward<F>(f), std::forward<Args>(args)...);
            std::forward<R>(receiver).set_value();
        } else {
            result value = detail::invoke(std::forward<F>(f), std::forward<Args>(args)...);
            std::forward<R>(receiver).set_value(std::move(value));
        }
        return;
    } catch (...) {
        error = std::current_exception();
    }
    // Outside the handler: a receiver may destroy the exception's last owner, or resume a coroutine.
    std::forward<R>(receiver).set_error(std::move(error));
}

}  // namespace yoke
