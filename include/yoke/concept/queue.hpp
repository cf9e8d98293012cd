// SPDX-License-Identifier: MIT
#pragma once

/// What a queue between workers is, and the pill that stops one of them.
///
///     while (auto job = queue.pop()) work(*job);     // a consumer; ends when the queue is closed and drained,
///                                                    // or when it took a pill
///     queue.push(job);                               // a producer; waits for room, false: the queue is closed
///     queue.push(yoke::poison_pill);                 // stops exactly one consumer, after all items before it
///     queue.close();                                 // stops all of them, after all items
///     auto rest = queue.close(yoke::hand_back);      // ... and gives the items that nobody has taken back
///
///     if (auto job = queue.pop_for(1s)) work(*job);  // waits no longer than that: job.status says why it is empty
///     while (auto job = queue.pop(token)) ...        // ends also when a stop is requested
///     if (!queue.push_for(job, 1s)) keep(job);       // no room within that time, or closed
///
/// The names are those of P0260, no more: there are no error codes. What every model promises:
///
/// - *One total order.* All consumers together see items and pills in the order in which they were pushed, whoever
///   pushed them. Only then is a pill safe: nothing that was pushed before it can come after it.
/// - `close()` is the pill that stops everybody: it needs no room, wakes all who wait, may be called any number of
///   times and from any thread. Items already in are handed out first; nobody counts consumers.
/// - A `push` that returns false has not touched its argument: a producer that was waiting for room when
///   the queue was closed still has its item.
/// - What returns without an item has taken none, and no pill, unless its status is `done`: neither time, nor stop, nor close
///   loses an item. So an item that was pushed is handed out exactly once, or given back by `close(hand_back)`, or dies with
///   the queue.
/// - A time that is over at once (zero, negative, not a number) makes the call take what is there now. One beyond the
///   range of the clock is never over. Only waiting counts, not what the call does besides.
/// - After a stop request `pop` and `push` with its token do nothing, whatever they could: a consumer that is never short of
///   items ends, too.
/// - Waiting uses no CPU.

#include <yoke/time_span.hpp>

#include <chrono>
#include <concepts>
#include <optional>
#include <stop_token>
#include <type_traits>
#include <utility>
#include <vector>

namespace yoke {

/// The type of `poison_pill`.
struct poison_pill_t {
    explicit poison_pill_t() = default;
};

/// `queue.push(poison_pill)` stops exactly one consumer: its `pop()` returns nothing. A pill keeps its place among
/// the items, and needs no room. To stop all consumers, close the queue.
inline constexpr poison_pill_t poison_pill{};

/// The type of `hand_back`.
struct hand_back_t {
    explicit hand_back_t() = default;
};

/// `queue.close(hand_back)`: what nobody has taken goes to who closes the queue, and not to its consumers.
inline constexpr hand_back_t hand_back{};

/// How a timed or stoppable `pop` has ended.
enum class queue_status : unsigned char {
    item,     ///< It has an item.
    done,     ///< This consumer is done: the queue is closed and drained, or it took a pill.
    timeout,  ///< The time is over; nothing was taken.
    stopped   ///< A stop was requested; nothing was taken.
};

/// What a timed or stoppable `pop` returns: an optional that knows why it is empty. A plain value.
template <class T>
struct pop_result : std::optional<T> {
    pop_result(queue_status why) noexcept : status(why) {}  // NOLINT: reads as `return queue_status::done`
    pop_result(std::optional<T>&& item) noexcept(std::is_nothrow_move_constructible_v<T>)
        : std::optional<T>(std::move(item)), status(queue_status::item) {}

    /// `item` if and only if it had a value when it was returned.
    queue_status status;
};

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

/// One whose calls wait for a time, or until a stop is requested, and that gives back what it holds.
template <class Q, class T>
concept timed_queue_of = queue_of<Q, T> && requires(Q& queue, T item, time_span time, std::stop_token stop,
                                                    std::chrono::steady_clock::time_point until) {
    { queue.pop(stop) } -> std::same_as<pop_result<T>>;
    { queue.pop_for(time, stop) } -> std::same_as<pop_result<T>>;
    { queue.pop_until(until, stop) } -> std::same_as<pop_result<T>>;
    { queue.push(std::move(item), stop) } -> std::same_as<bool>;
    { queue.push_for(std::move(item), time, stop) } -> std::same_as<bool>;
    { queue.push_until(std::move(item), until, stop) } -> std::same_as<bool>;
    { queue.close(hand_back) } -> std::same_as<std::vector<T>>;
};

}  // namespace yoke
