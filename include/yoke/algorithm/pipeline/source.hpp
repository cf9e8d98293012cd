// SPDX-License-Identifier: MIT
#pragma once

/// Where a pipeline's items come from (pipeline.hpp).

#include <yoke/algorithm/pipeline/stage.hpp>  // for not_connected
#include <yoke/concept/queue.hpp>

#include <concepts>
#include <functional>
#include <initializer_list>
#include <iterator>
#include <memory>
#include <optional>
#include <ranges>
#include <stop_token>
#include <type_traits>
#include <utility>
#include <vector>

namespace yoke {

template <class Source, class... Links>
class pipeline;

namespace detail {

/// Something that returns the next item, or nothing at its end; it may take a stop token.
template <class G, class... Args>
concept returns_optional = std::invocable < std::decay_t<G>
&, Args... > &&is_optional<std::decay_t<std::invoke_result_t<std::decay_t<G>&, Args...>>>;
template <class G>
concept generator_function = returns_optional<G> || returns_optional<G, std::stop_token>;

// A source has a `value_type`, and `start()`, which gives the thing that walks through it:
//
//     next(over)   the next item, or nothing at the end; called by one thread at a time. `over` tells that no
//                  further item is wanted
//     wait(stop)   if `waits`: returns true when next() will not block, false when a stop is requested
//     abandon()    the run has failed or was stopped, or next() threw: nobody will take the rest. Any thread, during next()
//                  too, twice too
//
// and constants:
//
//     may_block    next() may block for any time although no function of the user's is at work
//     may_be_left  next() may go on when the run is over: all it needs is in the source
//     listens      next() looks at `over`
//     waits        has wait()

/// Constants of a source that gives what it has.
struct ready_source {
    static constexpr bool may_block = false;
    static constexpr bool may_be_left = false;
    static constexpr bool listens = false;
    static constexpr bool waits = false;
};

/// A range that can be waited for, such as the pages of a fetch.
template <class R>
concept waitable_range = std::ranges::input_range<R> && requires(R& range, const std::stop_token& stop) {
    { range.wait(stop) } -> std::same_as<bool>;
    { range.next() } -> std::same_as<std::optional<std::ranges::range_value_t<R>>>;
};

/// Walks a range, not a step further than asked: for an input range, a step reads.
template <class R, bool Move>
class range_walk {
public:
    explicit range_walk(R& range) : range_(&range) {}

    using value_type = std::ranges::range_value_t<R>;

    std::optional<value_type> next(const std::stop_token&) {
        if (!at_) {
            at_.emplace(std::ranges::begin(*range_));
        } else {
            ++*at_;
        }
        if (*at_ == std::ranges::end(*range_)) return std::nullopt;
        if constexpr (Move) {
            return std::optional<value_type>(std::in_place, std::ranges::iter_move(*at_));
        } else {
            return std::optional<value_type>(std::in_place, **at_);
        }
    }
    void abandon() noexcept {}

private:
    R* range_;
    std::optional<std::ranges::iterator_t<R>> at_;
};
template <waitable_range R, bool Move>
class range_walk<R, Move> {
public:
    explicit range_walk(R& range) : range_(&range) {}

    using value_type = std::ranges::range_value_t<R>;

    bool wait(const std::stop_token& stop) { return range_->wait(stop); }
    std::optional<value_type> next(const std::stop_token&) { return range_->next(); }
    void abandon() noexcept {}

private:
    R* range_;
};

/// Stands for a source that does not fit.
template <class R>
struct no_source {
    using value_type = not_connected;
};

/// A range by reference: its elements are copied.
template <class R>
struct borrowed_source : ready_source {
    using value_type = std::ranges::range_value_t<R>;
    static constexpr bool waits = waitable_range<R>;
    R* range;

    explicit borrowed_source(R& from) noexcept : range(&from) {}
    auto start() { return range_walk<R, false>(*range); }
};

/// A range of our own: its elements are moved out, but those of a view belong to somebody else and are copied.
template <class R>
struct owned_source : ready_source {
    using value_type = std::ranges::range_value_t<R>;
    static constexpr bool waits = waitable_range<R>;
    R range;

    explicit owned_source(R&& from) : range(std::move(from)) {}
    auto start() {
        return range_walk < R, !std::ranges::view<R> && !std::ranges::borrowed_range < R >> (range);
    }
};

/// A function; it is given a stop token if it takes one.
template <class G>
struct generated_source : ready_source {
    static constexpr bool listens = returns_optional<G, std::stop_token>;
    static auto call(G& generator, const std::stop_token& over) {
        if constexpr (listens) {
            return std::invoke(generator, over);
        } else {
            return std::invoke(generator);
        }
    }
    using value_type =
        typename decltype(call(std::declval<G&>(), std::declval<const std::stop_token&>()))::value_type;
    G generator;

    template <class F>
    explicit generated_source(std::in_place_t, F&& from) : generator(std::forward<F>(from)) {}

    struct running {
        G& generator;
        std::optional<value_type> next(const std::stop_token& over) { return call(generator, over); }
        void abandon() noexcept {}
    };
    running start() { return running{generator}; }
};

/// What `blocking` returns.
template <class G>
struct blocking_generator {
    G generator;
};
template <class G>
struct blocking_source : generated_source<G> {
    using generated_source<G>::generated_source;
    static constexpr bool may_block = true;
    static constexpr bool may_be_left = true;
};

template <class Q>
struct queue_items {
    using value_type = queue_value<Q>;
    static constexpr bool may_block = true;
    static constexpr bool may_be_left = false;
    static constexpr bool listens = requires(Q & queue, std::stop_token stop) {
        { queue.pop(stop) } -> std::derived_from<std::optional<value_type>>;
    };
    static constexpr bool waits = false;
    Q* queue;

    struct running {
        Q& queue;
        std::optional<value_type> next(const std::stop_token& over) {
            if constexpr (listens) {
                auto popped = queue.pop(over);
                std::optional<value_type>& item = popped;  // which may be a part of what pop() returns
                return std::move(item);
            } else {
                return queue.pop();
            }
        }
        /// As consume() does when nobody is left to take anything: producers wake.
        void abandon() noexcept {
            if constexpr (requires { queue.close(); }) {
                try {
                    queue.close();
                } catch (...) {  // NOLINT(bugprone-empty-catch)
                    // A queue that cannot even be closed (its lock is broken) fails every other call, too.
                }
            }
        }
    };
    running start() { return running{*queue}; }
};

}  // namespace detail
}  // namespace yoke
