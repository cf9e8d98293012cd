// SPDX-License-Identifier: MIT
#pragma once

/// Many futures at once: as they complete, all of them, any of them.
///
///     for (auto& done : yoke::as_completed(std::move(futures)))     // in the order of completion
///         std::cout << names[done.index()] << ": " << done.get() << '\n';
///
///     std::vector<int> all = yoke::when_all(std::move(futures)).get();
///     auto [number, text] = yoke::when_all(std::move(a), std::move(b)).get();
///     auto first = yoke::when_any(std::move(futures)).get();        // first.futures[first.index] is ready
///     first.cancel_others();
///
/// The futures may come from different executors. Waiting uses no CPU, and inside a task it never deadlocks: tasks
/// among those waited for that nobody has begun are run by the waiter.

#include <yoke/detail/future/completion_set.hpp>
#include <yoke/detail/future/joint_state.hpp>
#include <yoke/error.hpp>
#include <yoke/future.hpp>

#include <atomic>
#include <cstddef>
#include <exception>
#include <iterator>
#include <optional>
#include <stdexcept>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>  // for monostate
#include <vector>

namespace yoke {

namespace detail {

/// A second owner of the future's state. Throws no_state for an empty future, forked for one that a forked child has
/// inherited.
template <class R>
state_ref<future_core> core_of(const future<R>& f) {
    auto* const state = future_access::state(f);
    if (state == nullptr) throw no_state();
    if (state->inherited()) throw forked();
    state->acquire();
    return state_ref<future_core>(state);
}

template <class R>
std::vector<state_ref<future_core>> cores_of(const std::vector<future<R>>& futures) {
    std::vector<state_ref<future_core>> cores;
    cores.reserve(futures.size());
    for (const auto& f : futures) cores.push_back(core_of(f));
    return cores;
}

/// A future that has failed already.
template <class R>
future<R> failed_future(std::exception_ptr error) {
    state_ref<future_state<R>> state(new future_state<R>(1));
    state->set_error(std::move(error));
    return future_access::make<R>(std::move(state));
}

/// Builds the state and returns its future.
template <class R, class State, class... Args>
future<R> make_joint(Args&&... args) {
    state_ref<State> state(new State(std::forward<Args>(args)...));
    State* const running = state.get();
    auto joint = future_access::make<R>(std::move(state));
    running->start();
    return joint;
}

}  // namespace detail

/// A future that is ready, and which of the given ones it was.
template <class R>
class [[nodiscard]] completed_future : public future<R> {
public:
    completed_future() = default;
    completed_future(future<R>&& done, std::size_t index) noexcept
        : future<R>(std::move(done)), index_(index) {}

    /// Its place among the futures given to `as_completed`, counted from 0.
    [[nodiscard]] std::size_t index() const noexcept { return index_; }

private:
    std::size_t index_ = 0;
};

/// What `as_completed` returns: an input range, to be gone through once, by one thread at a time.
template <class R>
class [[nodiscard]] completion_range {
public:
    class iterator {
    public:
        using value_type = completed_future<R>;
        using difference_type = std::ptrdiff_t;
        using iterator_concept = std::input_iterator_tag;

        iterator() = default;
        [[nodiscard]] completed_future<R>& operator*() const noexcept { return *range_->current_; }
        [[nodiscard]] completed_future<R>* operator->() const noexcept { return &*range_->current_; }
        iterator& operator++() {
            range_->current_ = range_->next();
            return *this;
        }
        void operator++(int) { ++*this; }
        bool operator==(std::default_sentinel_t) const noexcept { return !range_->current_; }

    private:
        friend class completion_range;
        explicit iterator(completion_range& range) noexcept : range_(&range) {}
        completion_range* range_ = nullptr;
    };

    explicit completion_range(std::vector<future<R>> futures) : futures_(std::move(futures)) {
        auto cores = detail::cores_of(futures_);
        for (std::size_t i = 0; i != cores.size(); ++i) watched_.add(std::move(cores[i]), i);
    }

    /// Waits until a further future has completed, and hands it over; nothing once all have been. O(1).
    [[nodiscard]] std::optional<completed_future<R>> next() {
        if (watched_.size() == 0) return std::nullopt;
        const auto index = static_cast<std::size_t>(watched_.take());
        return completed_future<R>(std::move(futures_[index]), index);
    }

    /// Waits for the first; `++` waits for the next. Iterators refer to the range.
    [[nodiscard]] iterator begin() {
        if (!current_) current_ = next();
        return iterator(*this);
    }
    [[nodiscard]] std::default_sentinel_t end() const noexcept { return {}; }

private:
    std::vector<future<R>> futures_;
    detail::completion_set watched_;
    std::optional<completed_future<R>> current_;
};

/// The futures in the order in which they complete; each is ready when it is handed over, with a value or an
/// error. It starts nothing, so no more is under way, and no more results wait to be taken, than there are futures.
/// Dropping the range early drops the others, as dropping a future does: they run on. Throws no_state if a future is
/// empty.
template <class R>
[[nodiscard]] completion_range<R> as_completed(std::vector<future<R>> futures) {
    return completion_range<R>(std::move(futures));
}

/// What `when_all` makes of the results of several `future<R>`: their vector; void for void.
template <class R>
using all_results = std::conditional_t<std::is_void_v<R>, void, std::vector<detail::stored<R>>>;

/// What one future contributes to the tuple of `when_all`: std::monostate for void.
template <class R>
using tuple_result = std::conditional_t<std::is_void_v<R>, std::monostate, R>;

namespace detail {

template <class R>
class all_of_vector final : public joint_state<all_results<R>> {
public:
    explicit all_of_vector(std::vector<future<R>> futures)
        : joint_state<all_results<R>>(cores_of(futures)), futures_(std::move(futures)) {}

private:
    void all_done() noexcept override {
        auto futures = std::move(futures_);
        this->emplace([&futures] {
            if constexpr (std::is_void_v<R>) {
                for (auto& f : futures) f.get();
            } else {
                std::vector<R> results;
                results.reserve(futures.size());
                for (auto& f : futures) results.push_back(f.get());
                return results;
            }
        });
        for (auto& f : futures) future_access::drop_outcome(f);
        this->publish();
    }
    std::vector<future<R>> futures_;
};

template <class R>
tuple_result<R> take_for_tuple(future<R>& done) {
    if constexpr (std::is_void_v<R>) {
        done.get();
        return {};
    } else {
        return done.get();
    }
}

template <class... R>
class all_of_tuple final : public joint_state<std::tuple<tuple_result<R>...>> {
public:
    explicit all_of_tuple(future<R>... futures)
        : joint_state<std::tuple<tuple_result<R>...>>(cores(futures...)), futures_(std::move(futures)...) {}

private:
    static std::vector<state_ref<future_core>> cores(const future<R>&... futures) {
        std::vector<state_ref<future_core>> all;
        all.reserve(sizeof...(R));
        (all.push_back(core_of(futures)), ...);
        return all;
    }
    void all_done() noexcept override {
        auto futures = std::move(futures_);
        this->emplace([&futures] {
            return std::apply(
                // In braces: from left to right, so the first error in the order of arguments wins.
                [](future<R>&... f) { return std::tuple<tuple_result<R>...>{take_for_tuple(f)...}; },
                futures);
        });
        std::apply([](future<R>&... f) { (future_access::drop_outcome(f), ...); }, futures);
        this->publish();
    }
    std::tuple<future<R>...> futures_;
};

}  // namespace detail

/// A future of all results, in the order of the arguments. It completes when all have completed; if some failed (or were
/// cancelled), with the error of the first of those in the order of the arguments. It cannot be cancelled itself.
/// Throws no_state if a future is empty.
template <class R>
[[nodiscard]] future<all_results<R>> when_all(std::vector<future<R>> futures) {
    return detail::make_joint<all_results<R>, detail::all_of_vector<R>>(std::move(futures));
}
/// The same for futures of different types; a `future<void>` contributes std::monostate.
template <class... R>
    requires(sizeof...(R) != 0)
[[nodiscard]] future<std::tuple<tuple_result<R>...>> when_all(future<R>... futures) {
    return detail::make_joint<std::tuple<tuple_result<R>...>, detail::all_of_tuple<R...>>(
        std::move(futures)...);
}

/// What `when_any` yields.
template <class R>
struct any_result {
    /// Which one completed first; it may hold an error.
    std::size_t index = 0;
    /// All futures that were given, in the order given.
    std::vector<future<R>> futures;

    /// Cancels all others; returns how many of them will not run. The rest runs on, or has run.
    std::size_t cancel_others() {
        std::size_t cancelled = 0;
        for (std::size_t i = 0; i != futures.size(); ++i)
            if (i != index && futures[i].valid() && futures[i].cancel()) ++cancelled;
        return cancelled;
    }
};

namespace detail {

template <class R>
class any_of_vector final : public joint_state<any_result<R>> {
public:
    explicit any_of_vector(std::vector<future<R>> futures)
        : joint_state<any_result<R>>(cores_of(futures), awaited::one_of_several),
          futures_(std::move(futures)) {}

private:
    void one_done(std::size_t index) noexcept override {
        if (first_seen_.exchange(true, std::memory_order_acq_rel)) return;
        this->emplace([&] { return any_result<R>{index, std::move(futures_)}; });
        this->publish();
    }
    std::vector<future<R>> futures_;
    std::atomic<bool> first_seen_{false};
};

}  // namespace detail

/// A future that completes as soon as one of the given ones does, and hands all of them back. Never completes with an
/// error of its own. Throws no_state if a future is empty, std::invalid_argument if there is none.
template <class R>
[[nodiscard]] future<any_result<R>> when_any(std::vector<future<R>> futures) {
    if (futures.empty())
        throw std::invalid_argument("when_any: no future was given, so none can ever be the first");
    return detail::make_joint<any_result<R>, detail::any_of_vector<R>>(std::move(futures));
}

}  // namespace yoke
