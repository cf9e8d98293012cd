// SPDX-License-Identifier: MIT
#pragma once

/// An executor that runs every task at once, in the caller.
///
/// The serial baseline of every comparison, the reference that the conformance suite measures the others by, and
/// the debugger's friend: replace the pool by it and the stack trace shows who asked for what.

#include <yoke/concept/executor.hpp>
#include <yoke/detail/base/invoke.hpp>
#include <yoke/detail/base/until_ended.hpp>
#include <yoke/detail/future/task_scope.hpp>
#include <yoke/error.hpp>
#include <yoke/future.hpp>

#include <atomic>
#include <cstddef>
#include <optional>
#include <tuple>
#include <utility>

namespace yoke {

/// Runs tasks in the calling thread before `execute` or `submit` returns. Thread-safe; nothing is ever pending,
/// so `cancel()` on one of its futures always comes too late.
class inline_executor {
public:
    inline_executor() = default;
    inline_executor(const inline_executor&) = delete;
    inline_executor& operator=(const inline_executor&) = delete;

    /// See concept/executor.hpp.
    static constexpr bool runs_in_caller = true;

    /// Always 1.
    [[nodiscard]] std::size_t concurrency() const noexcept { return 1; }

    /// Throws for options that this executor cannot honour: unsupported, or std::invalid_argument.
    static void check_options(const task_options& options) {
        detail::check_options_on_threads(options, "inline_executor", false);
    }

    /// Runs `f(args...)` and completes `receiver`. Throws pool_closed after shutdown, the arguments untouched.
    template <class Receiver, class F, class... Args>
        requires callable_with<F, Args...> && receiver_of<Receiver, call_result<F, Args...>>
    void execute(Receiver&& receiver, F&& f, Args&&... args) {
        if (closed_.load(std::memory_order_relaxed)) throw pool_closed();
        if constexpr (detail::has_options<std::decay_t<Receiver>>) check_options(options_of(receiver));
        std::decay_t<Receiver> to(std::forward<Receiver>(receiver));
        if (options_of(to).stop.stop_requested()) return std::move(to).set_stopped();
        const detail::task_scope running;
        detail::until_ended<std::tuple<std::decay_t<F>, std::decay_t<Args>...>> copies(
            std::forward<F>(f), std::forward<Args>(args)...);
        const auto call = [&copies]() -> call_result<F, Args...> {
            // The copies end with the call, before the receiver is told.
            const struct end_of_call {
                decltype(copies)& mine;
                ~end_of_call() { mine.end(); }
            } guard{copies};
            return std::apply(
                [](auto& function, auto&... arguments) -> call_result<F, Args...> {
                    return detail::invoke(std::move(function), std::move(arguments)...);
                },
                copies.value);
        };
        complete_with_call(std::move(to), call);
    }

    /// Runs `f(args...)`; the future is ready. Throws pool_closed after shutdown, the arguments untouched.
    template <class F, class... Args>
        requires callable_with<F, Args...>
    auto submit(F&& f, Args&&... args) -> future<call_result<F, Args...>> {
        return submit(task_options{}, std::forward<F>(f), std::forward<Args>(args)...);
    }
    /// The same with options, of which only `stop` can be honoured here; others are refused.
    template <class F, class... Args>
        requires callable_with<F, Args...>
    auto submit(const task_options& options, F&& f, Args&&... args) -> future<call_result<F, Args...>> {
        if (closed_.load(std::memory_order_relaxed)) throw pool_closed();
        check_options(options);
        using result = call_result<F, Args...>;
        using state = detail::task_state<result, std::decay_t<F>, std::decay_t<Args>...>;
        detail::state_ref<state> task(
            new state(1, options.stop, std::forward<F>(f), std::forward<Args>(args)...));
        task->run();
        return detail::future_access::make<result>(std::move(task));
    }
    /// As submit; there is always room.
    template <class F, class... Args>
        requires callable_with<F, Args...>
    auto try_submit(F&& f, Args&&... args) -> std::optional<future<call_result<F, Args...>>> {
        return submit(std::forward<F>(f), std::forward<Args>(args)...);
    }
    template <class F, class... Args>
        requires callable_with<F, Args...>
    auto try_submit(const task_options& options, F&& f, Args&&... args)
        -> std::optional<future<call_result<F, Args...>>> {
        return submit(options, std::forward<F>(f), std::forward<Args>(args)...);
    }

    /// Returns at once: everything accepted has run.
    void wait() noexcept {}
    /// Takes no more work.
    void shutdown() noexcept { closed_.store(true, std::memory_order_relaxed); }
    void shutdown(cancel_pending_t) noexcept { shutdown(); }

private:
    std::atomic<bool> closed_{false};
};

static_assert(local_executor<inline_executor>);

}  // namespace yoke
