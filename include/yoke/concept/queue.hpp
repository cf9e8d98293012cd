// SPDX-License-Identifier: MIT
#pragma once

/// What a queue between workers is, and the pill that stops one of them.
///
///     while (auto job = queue.pop()) work(*job);     // a consumer; ends when the queue is closed and drained,
///                                                    // or when it took a pill
///     queue.push(job);                               // a producer; waits for room, false: the queue is closed
///     queue.push(yoke::poison_pill);                 // stops exactly one consumer, after all items before it
///     queue.close();                                 // stops all of them, after all items
///
/// The names are those of P0260. What every model promises:
///
/// - *One total order.* All consumers together see items and pills in the order in which they were pushed, whoever
///   pushed them. Only then is a pill safe: nothing that was pushed before it can come after it.
/// - `close()` is the pill that stops everybody: it needs no room, wakes all who wait, may be called any number of
///   times and from any thread. Items already in are handed out first; nobody counts consumers.
/// - A `push` that returns false has not touched its argument: a producer that was waiting for room when
///   the queue was closed still has its item.
/// - Waiting uses no CPU.

#include <concepts>
#include <optional>
#include <type_traits>
#include <utility>

namespace yoke {

/// The type of `poison_pill`.
struct poison_pill_t {
    explicit poison_pill_t() = default;
};

/// `queue.push(poison_pill)` stops exactly one consumer: its `pop()` returns nothing. A pill keeps its place among
/// the items, and needs no room. To stop all consumers, close the queue.
inline constexpr poison_pill_t poison_pill{};

namespace detail {

template <class T>
inline constexpr bool is_optional = false;
template <class T>
inline constexpr bool is_optional<std::optional<T>> = true;

}  // namespace detail

/// Something consumers take from: `pop()` waits and returns the next item, or nothing when this consumer is done.
template <class Q>
concept queue_source = requires(Q& queue) {
    {queue.pop()};
    requires detail::is_optional<std::decay_t<decltype(queue.pop())>>;
};

/// What a queue's `pop()` hands out.
template <queue_source Q>
using queue_value = typename std::decay_t<decltype(std::declval<Q&>().pop())>::value_type;

/// A queue of `T` with both of its ends.
template <class Q, class T>
concept queue_of = queue_source<Q> && std::same_as<queue_value<Q>, T> && requires(Q& queue, T item) {
    { queue.push(std::move(item)) } -> std::same_as<bool>;
    { queue.try_push(std::move(item)) } -> std::same_as<bool>;
    { queue.push(poison_pill) } -> std::same_as<bool>;
    { queue.try_pop() } -> std::same_as<std::optional<T>>;
    { queue.is_closed() } -> std::convertible_to<bool>;
    queue.close();
};

}  // namespace yoke
