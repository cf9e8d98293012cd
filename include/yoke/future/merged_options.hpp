// SPDX-License-Identifier: MIT
#pragma once

/// The options of a task that were given in more than one place: with the submission or by the receiver, and by the views
/// of its executor (executor/with.hpp).
///
/// A field that is not at its default where it was given nearer to the task wins. Two stop tokens both count.

#include <yoke/concept/receiver.hpp>
#include <yoke/detail/future/block_cache.hpp>
#include <yoke/detail/future/continuation.hpp>
#include <yoke/detail/os/fork_detector.hpp>

#include <atomic>
#include <exception>
#include <memory>
#include <stop_token>
#include <type_traits>
#include <utility>

namespace yoke::detail {

/// A stop token that follows two others.
///
/// Its owners are those through whom a request is to arrive: the views whose tasks carry the token, the receivers that
/// carry it, and, for a task with a future, the future until it is done. The last one takes the callbacks off both tokens, so a token
/// that outlives many tasks does not collect them. That may be inside such a callback: a request may complete the task.
/// In a forked child it does nothing: another thread of the parent may have been at work on the tokens.
class joined_stop {
public:
    /// One reference, for the caller. `one` may itself be the token of `keeps`.
    joined_stop(const std::stop_token& one, const std::stop_token& other, state_ref<joined_stop> keeps)
        : keeps_(std::move(keeps)), on_one_(one, pass_on{source_}), on_other_(other, pass_on{source_}) {}
    joined_stop(const joined_stop&) = delete;
    joined_stop& operator=(const joined_stop&) = delete;

    [[nodiscard]] std::stop_token token() const noexcept { return source_.get_token(); }

    void acquire() noexcept { references_.fetch_add(1, std::memory_order_relaxed); }
    void release() noexcept {
        // acq_rel: what the other owners did with it comes before its end.
        if (references_.fetch_sub(1, std::memory_order_acq_rel) == 1 && !process_.forked()) delete this;
    }

private:
    struct pass_on {
        std::stop_source to;
        void operator()() const noexcept {
            std::stop_source source = to;  // this may be gone before request_stop() returns
            source.request_stop();
        }
    };

    ~joined_stop() = default;

    std::atomic<int> references_{1};
    const process_stamp process_;
    const state_ref<joined_stop> keeps_;
    std::stop_source source_;
    std::stop_callback<pass_on> on_one_;
    std::stop_callback<pass_on> on_other_;
};

/// Options, and the joined_stop that their stop token needs, if it is the token of one.
class merged_options {
public:
    explicit merged_options(task_options options) noexcept : values_(std::move(options)) {}
    merged_options(const merged_options& other) : values_(other.values_), joined_(other.joined_.share()) {}
    merged_options(merged_options&&) noexcept = default;
    merged_options& operator=(merged_options other) noexcept {
        values_ = std::move(other.values_);
        joined_ = std::move(other.joined_);
        return *this;
    }
    ~merged_options() = default;

    [[nodiscard]] const task_options& values() const noexcept { return values_; }
    [[nodiscard]] const state_ref<joined_stop>& joined() const noexcept { return joined_; }
    /// The token's work is done.
    void let_go_of_stop() noexcept { joined_ = {}; }

    /// These options for a task for which `own` was given, too. Throws std::bad_alloc if both have a stop token.
    [[nodiscard]] merged_options with(const task_options& own) const {
        const task_options defaults;
        merged_options merged(*this);
        task_options& to = merged.values_;
        // Does not compile if there is another field, which would have to be merged, too.
        const auto& [stop, timeout, attempts, priority, grace, queue_timeout] = own;
        if (timeout != defaults.timeout) to.timeout = timeout;
        if (attempts != defaults.attempts) to.attempts = attempts;
        if (priority != defaults.priority) to.priority = priority;
        if (grace != defaults.grace) to.grace = grace;
        if (queue_timeout != defaults.queue_timeout) to.queue_timeout = queue_timeout;
        if (!stop.stop_possible() || stop == to.stop) return merged;
        if (to.stop.stop_possible()) {
            merged.joined_ =
                state_ref<joined_stop>(new joined_stop(to.stop, stop, std::move(merged.joined_)));
            to.stop = merged.joined_->token();
        } else {
            to.stop = stop;
        }
        return merged;
    }

private:
    task_options values_;
    state_ref<joined_stop> joined_;
};

/// A receiver that carries options for its task.
template <class R>
class receiver_with_options {
public:
    /// `options` are merged with the receiver's own already.
    receiver_with_options(R receiver, merged_options options)
        : receiver_(std::move(receiver)), options_(std::move(options)) {}

    template <class... Values>
    void set_value(Values&&... values) noexcept {
        options_.let_go_of_stop();
        std::move(receiver_).set_value(std::forward<Values>(values)...);
    }
    void set_error(std::exception_ptr error) noexcept {
        options_.let_go_of_stop();
        std::move(receiver_).set_error(std::move(error));
    }
    void set_stopped() noexcept {
        options_.let_go_of_stop();
        std::move(receiver_).set_stopped();
    }
    [[nodiscard]] const task_options& options() const noexcept { return options_.values(); }

    /// For an executor that did not accept the task: puts the receiver back to where it came from, as it is.
    void give_back_to(R& origin) noexcept {
        if constexpr (std::is_move_assignable_v<R>) {
            origin = std::move(receiver_);
        } else {
            std::destroy_at(&origin);
            std::construct_at(&origin, std::move(receiver_));
        }
    }

private:
    R receiver_;
    merged_options options_;
};

template <>
inline constexpr bool is_nobody<receiver_with_options<nobody>> = true;

/// Hands `receiver` with these options to `ex.execute`, with the call. If that throws, the receiver is as it was, as far as the
/// executor has left it so.
template <class E, class R, class F, class... Args>
void execute_with(E& ex, R&& receiver, merged_options options, F&& f, Args&&... args) {
    receiver_with_options<std::decay_t<R>> carrier(std::forward<R>(receiver), std::move(options));
    if constexpr (std::is_lvalue_reference_v<R>) {
        ex.execute(std::move(carrier), std::forward<F>(f), std::forward<Args>(args)...);
    } else {
        try {
            ex.execute(std::move(carrier), std::forward<F>(f), std::forward<Args>(args)...);
        } catch (...) {
            carrier.give_back_to(receiver);
            throw;
        }
    }
}

}  // namespace yoke::detail
