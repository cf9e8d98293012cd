// SPDX-License-Identifier: MIT
#pragma once

/// A function applied to every item of a range, on any executor.
///
///     std::vector<double> roots = yoke::map(pool, numbers, [](double x) { return std::sqrt(x); });
///     yoke::for_each(pool, images, [](image& each) { each.sharpen(); });      // in place
///     yoke::map(processes, paths, parse);                                     // in worker processes
///
/// The range may be any input range (or a pair of iterators), read lazily. Items are worked on in chunks, whose sizes
/// are chosen by measuring (algorithm/loop/chunks.hpp says how); `{.chunk = 1}` sets them. At most `window` chunks are
/// under way at a time.
///
/// A thread pool with default options, and a random-access range of known size, need no chunks: the workers split the
/// range as they become idle (algorithm/loop/lazy_loop.hpp says how), and results are written in place. A caller that is not
/// one of its workers makes the first calls itself, for some microseconds, so a short loop never leaves it, and then
/// takes part in the others; up to four items for each thread are offered to the workers at once, as each may be a
/// long one. (On a pool whose threads are initialized, or with options, all calls are made by its threads.) The calls
/// are a part of the caller's task if it is a worker: then they go on after shutdown. They are one task of the pool
/// otherwise: it may be refused (pool_closed) or cancelled while it waits for its turn.
///
/// On threads the function is called with references to the caller's items; it is one object, called from several
/// threads at once. A range that is split is read by several threads at once too, which the standard's containers and
/// views can stand, unless a view calls a function that cannot. On worker processes, and for ranges without
/// references to items that stay, function and items are copied, so what the function does to its item is lost.
///
/// Both may be called inside a task of the same executor, also of one thread: the caller helps.

#include <yoke/algorithm/loop/chunks.hpp>

#include <cstddef>
#include <functional>
#include <iterator>
#include <optional>
#include <ranges>
#include <type_traits>
#include <utility>
#include <vector>

namespace yoke {

namespace detail {

/// The results of a chunk, in order.
template <class R>
struct map_kernel {
    template <class Cursor, class F>
    static std::vector<slot<R>> run(Cursor at, std::size_t count, F& f) {
        std::vector<slot<R>> results;
        results.reserve(count);
        for (; count != 0; --count, ++at) results.push_back(static_cast<slot<R>>(std::invoke(f, *at)));
        return results;
    }
};

/// The loop of map on an executor that forks: results are assigned to elements that exist.
template <class Iterator, class Out, class F>
struct map_in_place {
    using value = no_value;
    Iterator first;
    Out* out;
    F& f;

    void run(value&, std::size_t& from, std::size_t to) {
        Out* result = out + from;
        auto [at, end] = part_of(first, from, to);
        const progress_of reached(from, at);
        for (; at != end; ++at, ++result) *result = std::invoke(f, *at);
    }
    void join(value&, value&&) noexcept {}
};

/// The loop of for_each on an executor that forks.
template <class Iterator, class F>
struct for_each_in_place {
    using value = no_value;
    Iterator first;
    F& f;

    void run(value&, std::size_t& from, std::size_t to) {
        auto [at, end] = part_of(first, from, to);
        const progress_of reached(from, at);
        for (; at != end; ++at) std::invoke(f, *at);
    }
    void join(value&, value&&) noexcept {}
};

template <class R, class E, class Range, class F>
std::vector<R> map_by_forks(E& ex, Range& range, F& f, std::vector<failed_items>* failed) {
    const auto size = static_cast<std::size_t>(std::ranges::size(range));
    const auto into = [&]<class Out>(std::vector<Out>& results) {
        using loop = map_in_place<std::ranges::iterator_t<Range>, Out, F>;
        loop body{std::ranges::begin(range), results.data(), f};
        lazy_loop<E, loop>(ex, body, failed).run(size);
    };
    // Elements must exist to be assigned; where a result type has none to begin with, they are optional.
    if constexpr (std::is_default_constructible_v<R> && !std::is_same_v<R, bool>) {
        std::vector<R> results(size);
        into(results);
        return results;
    } else {
        std::vector<std::optional<R>> made(size);
        into(made);
        std::vector<R> results;
        results.reserve(size);
        for (auto& each : made) results.push_back(std::move(*each));
        return results;
    }
}

struct for_each_kernel {
    template <class Cursor, class F>
    static nothing run(Cursor at, std::size_t count, F& f) {
        for (; count != 0; --count, ++at) std::invoke(f, *at);
        return {};
    }
};

/// One sentence instead of a page when an executor cannot run the chunks.
template <class E, class Kernel, class Iterator, class... Functions>
constexpr void check_chunks_cross() {
    if constexpr (!local_executor<E>) {
        using item = std::iter_value_t<Iterator>;
        static_assert(executor_of<E, travelling_chunk<Kernel, item>, std::vector<slot<item>>, Functions...>,
                      "the function, the items or the results cannot cross to this executor's worker "
                      "processes: the function "
                      "must be a function pointer, a captureless lambda or yoke::bind_values(f, values...), "
                      "items and results "
                      "values without pointers, references and views");
    }
}

}  // namespace detail

/// `f(item)` for every item of `range`, in the order of the range. Blocks until all are there.
///
/// On an executor that forks, results of a type that can be default-constructed are: the elements exist before `f` is
/// called, and its results are assigned to them.
///
/// If calls throw, the exception of the first of them in the order of the range is thrown, as itself, after everything
/// under way has settled; `map_options::failed` names its item. Likewise what the range's iterators throw, and `pool_closed` or `cancelled` from the executor.
template <class E, std::ranges::input_range Range, class F>
    requires executor<std::remove_reference_t<E>>
[[nodiscard]] auto map(E&& ex, Range&& range, F f, map_options options = {}) {
    using ex_type = std::remove_reference_t<E>;
    using iterator = std::ranges::iterator_t<Range>;
    using sentinel = std::ranges::sentinel_t<Range>;
    using item = detail::item_for<ex_type, iterator>;
    static_assert(std::invocable<F&, item>,
                  "yoke::map: the function cannot be called with an item of the range");
    using result = std::decay_t<std::invoke_result_t<F&, item>>;
    static_assert(!std::is_void_v<result>, "yoke::map: the function returns nothing; use yoke::for_each");
    using kernel = detail::map_kernel<result>;
    detail::check_chunks_cross<ex_type, kernel, iterator, F>();
    if constexpr (detail::splits_lazily<ex_type, std::remove_reference_t<Range>>) {
        if (!detail::asks_for_chunks(options))
            return detail::map_by_forks<result>(ex, range, f, options.failed);
    }

    std::vector<result> results;
    const auto left = detail::size_if_known(range);
    if (left) results.reserve(*left);
    detail::run_chunks<std::vector<detail::slot<result>>>(
        ex, options,
        detail::chunks_for<ex_type, kernel, iterator, sentinel, F>(std::ranges::begin(range),
                                                                   std::ranges::end(range), f),
        left, [&](std::vector<detail::slot<result>>&& chunk) {
            results.insert(results.end(), std::make_move_iterator(chunk.begin()),
                           std::make_move_iterator(chunk.end()));
        });
    return results;
}
/// The same for the items from `first` up to `last`.
template <class E, std::input_iterator Iterator, std::sentinel_for<Iterator> Sentinel, class F>
    requires executor<std::remove_reference_t<E>>
[[nodiscard]] auto map(E&& ex, Iterator first, Sentinel last, F f, map_options options = {}) {
    return yoke::map(ex, detail::iterator_range(std::move(first), std::move(last)), std::move(f), options);
}

/// Calls `f(item)` for every item of `range`. Blocks until all calls have returned; throws as `map` does.
template <class E, std::ranges::input_range Range, class F>
    requires executor<std::remove_reference_t<E>>
void for_each(E&& ex, Range&& range, F f, map_options options = {}) {
    using ex_type = std::remove_reference_t<E>;
    using iterator = std::ranges::iterator_t<Range>;
    using sentinel = std::ranges::sentinel_t<Range>;
    static_assert(std::invocable<F&, detail::item_for<ex_type, iterator>>,
                  "yoke::for_each: the function cannot be called with an item of the range");
    using kernel = detail::for_each_kernel;
    detail::check_chunks_cross<ex_type, kernel, iterator, F>();
    if constexpr (detail::splits_lazily<ex_type, std::remove_reference_t<Range>>) {
        if (!detail::asks_for_chunks(options)) {
            using loop = detail::for_each_in_place<iterator, F>;
            loop body{std::ranges::begin(range), f};
            detail::lazy_loop<ex_type, loop>(ex, body, options.failed)
                .run(static_cast<std::size_t>(std::ranges::size(range)));
            return;
        }
    }
    const auto left = detail::size_if_known(range);
    detail::run_chunks<detail::nothing>(ex, options,
                                        detail::chunks_for<ex_type, kernel, iterator, sentinel, F>(
                                            std::ranges::begin(range), std::ranges::end(range), f),
                                        left, [](detail::nothing) {});
}
/// The same for the items from `first` up to `last`.
template <class E, std::input_iterator Iterator, std::sentinel_for<Iterator> Sentinel, class F>
    requires executor<std::remove_reference_t<E>>
void for_each(E&& ex, Iterator first, Sentinel last, F f, map_options options = {}) {
    yoke::for_each(ex, detail::iterator_range(std::move(first), std::move(last)), std::move(f), options);
}

}  // namespace yoke
