// SPDX-License-Identifier: MIT
#pragma once

/// Gives every task of an executor the same options.
///
///     auto patient = yoke::with(processes, {.timeout = 5s, .attempts = 3});
///     auto pages = yoke::fetch(patient, source, {.limit = 1000});
///
/// The result is a view: an executor like any other, so it goes wherever one goes; it refers to the executor behind
/// it, which must outlive it, and owns nothing.

#include <yoke/concept/executor.hpp>
#include <yoke/detail/future/helping.hpp>
#include <yoke/error.hpp>
#include <yoke/future.hpp>

#include <cstddef>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

namespace yoke {

namespace detail {

/// A receiver that carries options for its task.
template <class R>
class receiver_with_options {
public:
    receiver_with_options(R receiver, const task_options& options)
        : receiver_(std::move(receiver)), options_(options) {}

    template <class... Values>
    void set_value(Values&&... values) noexcept {
        std::move(receiver_).set_value(std::forward<Values>(values)...);
    }
    void set_error(std::exception_ptr error) noexcept { std::move(receiver_).set_error(std::move(error)); }
    void set_stopped() noexcept { std::move(receiver_).set_stopped(); }
    [[nodiscard]] const task_options& options() const noexcept { return options_; }

private:
    R receiver_;
    task_options options_;
};

}  // namespace detail

/// The view that `with` returns. Copies refer to the same executor. Thread-safe as far as the executor is.
template <executor E>
class executor_with {
public:
    executor_with(E& ex, task_options options) : executor_(&ex), options_(std::move(options)) {
        detail::check_options_for<E>(options_);
    }

    /// Throws what the executor behind the view would throw for these options.
    static void check_options(const task_options& options) { detail::check_options_for<E>(options); }

    [[nodiscard]] std::size_t concurrency() const { return executor_->concurrency(); }
    [[nodiscard]] const task_options& options() const noexcept { return options_; }
    /// Which threads may run the executor's tasks while they wait for them.
    [[nodiscard]] detail::task_home home() const noexcept { return detail::home_of(*executor_); }

    template <class R, class F, class... Args>
        requires executor_of<E, F, Args...> && receiver_of<R, call_result<F, Args...>>
    void execute(R&& receiver, F&& f, Args&&... args) {
        executor_->execute(
            detail::receiver_with_options<std::decay_t<R>>(std::forward<R>(receiver), options_),
            std::forward<F>(f), std::forward<Args>(args)...);
    }

    /// As the executor's own submit.
    template <class F, class... Args>
        requires callable_with<F, Args...> &&
            requires(E& ex, const task_options& options, F&& f, Args&&... args) {
            ex.submit(options, std::forward<F>(f), std::forward<Args>(args)...);
        }
    auto submit(F&& f, Args&&... args) {
        return executor_->submit(options_, std::forward<F>(f), std::forward<Args>(args)...);
    }

    /// Shuts down the executor behind the view.
    void shutdown() { executor_->shutdown(); }
    void shutdown(cancel_pending_t) { executor_->shutdown(cancel_pending); }

private:
    E* executor_;
    task_options options_;
};

/// All tasks given to the result carry `options`. Throws std::invalid_argument for options out of range, and
/// unsupported for those that the executor cannot honour.
template <executor E>
[[nodiscard]] executor_with<E> with(E& ex, task_options options) {
    return executor_with<E>(ex, std::move(options));
}

}  // namespace yoke
