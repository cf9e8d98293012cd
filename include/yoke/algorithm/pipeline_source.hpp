// SPDX-License-Identifier: MIT
#pragma once

/// Where a pipeline's items come from (pipeline.hpp).

#include <yoke/algorithm/pipeline_stage.hpp>  // for not_connected
#include <yoke/concept/queue.hpp>

#include <concepts>
#include <functional>
#include <initializer_list>
#include <iterator>
#include <memory>
#include <optional>
#include <ranges>
#include <type_traits>
#include <utility>
#include <vector>

namespace yoke {

template <class Source, class... Links>
class pipeline;

namespace detail {

/// Something that returns the next item, or nothing at its end.
template <class G>
concept generator_function = std::invocable < std::decay_t<G>
& > &&is_optional<std::decay_t<std::invoke_result_t<std::decay_t<G>&>>>;

// A source has a `value_type`, and `start()`, which gives the thing whose `next()` is called.

/// Walks a range, not a step further than asked: for an input range, a step reads.
template <class R, bool Move>
class range_walk {
public:
    explicit range_walk(R& range) : range_(&range) {}

    using value_type = std::ranges::range_value_t<R>;

    std::optional<value_type> next() {
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

private:
    R* range_;
    std::optional<std::ranges::iterator_t<R>> at_;
};

/// Stands for a source that does not fit.
template <class R>
struct no_source {
    using value_type = not_connected;
};

/// A range by reference: its elements are copied.
template <class R>
struct borrowed_source {
    using value_type = std::ranges::range_value_t<R>;
    R* range;

    auto start() { return range_walk<R, false>(*range); }
};

/// A range of our own: its elements are moved out, but those of a view belong to somebody else and are copied.
template <class R>
struct owned_source {
    using value_type = std::ranges::range_value_t<R>;
    R range;

    auto start() {
        return range_walk < R, !std::ranges::view<R> && !std::ranges::borrowed_range < R >> (range);
    }
};

template <class G>
struct generated_source {
    using value_type = typename std::decay_t<std::invoke_result_t<G&>>::value_type;
    G generator;

    struct running {
        G& generator;
        std::optional<value_type> next() { return std::invoke(generator); }
    };
    running start() { return running{generator}; }
};

template <class Q>
struct queue_items {
    using value_type = queue_value<Q>;
    Q* queue;

    struct running {
        Q& queue;
        std::optional<value_type> next() { return queue.pop(); }
    };
    running start() { return running{*queue}; }
};

}  // namespace detail
}  // namespace yoke
