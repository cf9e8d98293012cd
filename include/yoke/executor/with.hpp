// SPDX-License-Identifier: MIT
#pragma once

/// Gives every task of an executor the same options.
///
///     auto patient = yoke::with(processes, {.timeout = 5s, .attempts = 3});
///     auto pages = yoke::fetch(patient, source, {.limit = 1000});
///     auto urgent = yoke::with(patient, {.priority = 9});       // and the options of `patient`
///
/// The result is a view: an executor like any other, so it goes wherever one goes; it refers to the executor behind
/// it, which must outlive it, and owns nothing.

#include <yoke/concept/executor.hpp>
#include <yoke/detail/future/helping.hpp>
#include <yoke/error.hpp>
#include <yoke/future.hpp>
#include <yoke/future/merged_options.hpp>

#include <cstddef>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

namespace yoke {

namespace detail {

/// Owns the joined_stop of a task without a receiver until its future is done.
class stop_keeper {
public:
    /// Throws std::bad_alloc, so it comes before the submission.
    explicit stop_keeper(const merged_options& options)
        : kept_(options.joined() ? new kept(options.joined().share()) : nullptr) {}

    template <class R>
    void until_done(const future<R>& outcome) && noexcept {
        if (kept_ != nullptr && future_access::state(outcome)->tell(*kept_))
            static_cast<void>(kept_.release());
    }

private:
    struct kept final : continuation {
        explicit kept(state_ref<joined_stop> stop) noexcept : stop(std::move(stop)) {}
        state_ref<future_core> future_done() noexcept override {
            delete this;
            return {};
        }
        state_ref<future_core> future_news() noexcept override { return {}; }
        state_ref<joined_stop> stop;
    };
    std::unique_ptr<kept> kept_;
};

/// `submit` with options that have been merged.
template <class E, class F, class... Args>
auto submit_merged(E& ex, const merged_options& options, F&& f, Args&&... args)
    -> future<call_result<F, Args...>> {
    stop_keeper keeper(options);
    auto outcome = yoke::submit(ex, options.values(), std::forward<F>(f), std::forward<Args>(args)...);
    std::move(keeper).until_done(outcome);
    return outcome;
}

}  // namespace detail

/// The view that `with` returns. Copies refer to the same executor. Thread-safe as far as the executor is.
///
/// A task's own options (of its receiver, or given to `submit`, `try_submit` or `detach`) are merged with the view's: see
/// task_options.
template <executor E>
class executor_with {
public:
    executor_with(E& ex, task_options options) : executor_(&ex), options_(std::move(options)) {
        detail::check_options_for<E>(options_.values());
    }
    /// A view of the same executor whose tasks have these options and, where they are at their default, those of `view`.
    executor_with(const executor_with& view, const task_options& options)
        : executor_(view.executor_), options_(checked(view, options)) {}

    /// Throws what the executor behind the view would throw for these options.
    static void check_options(const task_options& options) { detail::check_options_for<E>(options); }

    [[nodiscard]] std::size_t concurrency() const { return executor_->concurrency(); }
    /// If the view was made of a view, and both have a stop token, `stop` follows both for as long as one of these lives: the
    /// view, a copy, a task of theirs.
    [[nodiscard]] const task_options& options() const noexcept { return options_.values(); }
    /// Which threads may run the executor's tasks while they wait for them.
    [[nodiscard]] detail::task_home home() const noexcept { return detail::home_of(*executor_); }

    /// As the executor's own execute.
    template <class R, class F, class... Args>
        requires executor_of<E, F, Args...> && receiver_of<R, call_result<F, Args...>>
    void execute(R&& receiver, F&& f, Args&&... args) {
        detail::merged_options options = options_.with(options_of(receiver));
        detail::execute_with(*executor_, std::forward<R>(receiver), std::move(options), std::forward<F>(f),
                             std::forward<Args>(args)...);
    }

    /// As yoke::submit with the executor behind the view.
    template <class F, class... Args>
        requires callable_with<F, Args...>
    auto submit(F&& f, Args&&... args) -> future<call_result<F, Args...>> {
        return detail::submit_merged(*executor_, options_, std::forward<F>(f), std::forward<Args>(args)...);
    }
    /// The same for a task with options of its own.
    template <class F, class... Args>
        requires callable_with<F, Args...>
    auto submit(const task_options& options, F&& f, Args&&... args) -> future<call_result<F, Args...>> {
        return detail::submit_merged(*executor_, merged(options), std::forward<F>(f),
                                     std::forward<Args>(args)...);
    }

    /// As the executor's own try_submit, if it has one.
    template <class F, class... Args>
        requires callable_with<F, Args...> &&
            requires(E& ex, const task_options& options, F&& f, Args&&... args) {
            ex.try_submit(options, std::forward<F>(f), std::forward<Args>(args)...);
        }
    auto try_submit(F&& f, Args&&... args) -> std::optional<future<call_result<F, Args...>>> {
        return try_submit(task_options{}, std::forward<F>(f), std::forward<Args>(args)...);
    }
    /// The same for a task with options of its own.
    template <class F, class... Args>
        requires callable_with<F, Args...> &&
            requires(E& ex, const task_options& options, F&& f, Args&&... args) {
            ex.try_submit(options, std::forward<F>(f), std::forward<Args>(args)...);
        }
    auto try_submit(const task_options& options, F&& f, Args&&... args)
        -> std::optional<future<call_result<F, Args...>>> {
        const detail::merged_options all = merged(options);
        detail::stop_keeper keeper(all);
        auto outcome = executor_->try_submit(all.values(), std::forward<F>(f), std::forward<Args>(args)...);
        if (outcome) std::move(keeper).until_done(*outcome);
        return outcome;
    }

    /// As the executor's own detach, if it has one.
    template <class F, class... Args>
        requires callable_with<F, Args...> &&
            requires(E& ex, const task_options& options, F&& f, Args&&... args) {
            ex.detach(options, std::forward<F>(f), std::forward<Args>(args)...);
        }
    void detach(F&& f, Args&&... args) {
        detach(task_options{}, std::forward<F>(f), std::forward<Args>(args)...);
    }
    /// The same for a task with options of its own.
    template <class F, class... Args>
        requires callable_with<F, Args...> &&
            requires(E& ex, const task_options& options, F&& f, Args&&... args) {
            ex.detach(options, std::forward<F>(f), std::forward<Args>(args)...);
        }
    void detach(const task_options& options, F&& f, Args&&... args) {
        detail::merged_options all = merged(options);
        if (all.joined()) {
            // Its receiver keeps the token going.
            detail::execute_with(*executor_, detail::nobody(), std::move(all), std::forward<F>(f),
                                 std::forward<Args>(args)...);
        } else {
            executor_->detach(all.values(), std::forward<F>(f), std::forward<Args>(args)...);
        }
    }

    /// Shuts down the executor behind the view.
    void shutdown() { executor_->shutdown(); }
    void shutdown(cancel_pending_t) { executor_->shutdown(cancel_pending); }

private:
    static detail::merged_options checked(const executor_with& view, const task_options& options) {
        check_options(options);
        return view.options_.with(options);
    }
    [[nodiscard]] detail::merged_options merged(const task_options& own) const {
        check_options(own);
        return options_.with(own);
    }

    E* executor_;
    detail::merged_options options_;
};

namespace detail {

template <class E>
inline constexpr bool is_view_with_options = false;
template <class E>
inline constexpr bool is_view_with_options<executor_with<E>> = true;

}  // namespace detail

/// All tasks given to the result carry `options`. Throws std::invalid_argument for options out of range, and
/// unsupported for those that the executor cannot honour.
template <executor E>
    requires(!detail::is_view_with_options<E>)
[[nodiscard]] executor_with<E> with(E& ex, task_options options) {
    return executor_with<E>(ex, std::move(options));
}
/// The same for a view, which need not outlive the result. (A temporary of another executor does not compile.)
template <executor E>
[[nodiscard]] executor_with<E> with(const executor_with<E>& view, const task_options& options) {
    return executor_with<E>(view, options);
}

}  // namespace yoke
