// SPDX-License-Identifier: MIT
#pragma once

/// The items of a range combined to one value, on any executor.
///
///     double sum = yoke::reduce(pool, numbers, 0.0, std::plus<>());
///     long longest = yoke::transform_reduce(pool, words, 0L, maximum, [](const std::string& w) { return length(w); });
///
/// The operation must be associative; it need not be commutative, for operands keep their order. Precisely: the range
/// is cut into chunks c1, c2, ... of neighbouring items; each is folded from left to right, in a worker, starting with
/// its first item (not with `init`); then the chunks' values are folded from left to right in the caller:
///
///     op(... op(op(init, fold(c1)), fold(c2)) ..., fold(cn))       fold(a, b, c) = op(op(T(a), b), c)
///
/// So `init` is used exactly once, and an empty range gives `init`. On executors that fork (thread_pool), with default
/// options, the chunks are as the workers happened to share the range, their values are folded pairwise like the
/// leaves of a tree before `init` is put at the left, and std::plus and std::multiplies of floating point items take eight
/// items of a chunk at a time. The sizes of chunks are chosen by measuring, so
/// with an operation that is only nearly associative, such as the addition of floating point numbers, the last digits
/// may differ from run to run; with `{.chunk = 1000}` they are the same in every run, on every executor.
///
/// What map.hpp says about references, threads, processes and errors holds here too.

#include <yoke/algorithm/loop/chunks.hpp>
#include <yoke/algorithm/map.hpp>  // for check_chunks_cross

#include <concepts>
#include <cstddef>
#include <functional>
#include <iterator>
#include <optional>
#include <ranges>
#include <type_traits>
#include <utility>

namespace yoke {

namespace detail {

template <class T>
struct reduce_kernel {
    template <class Cursor, class Op, class Proj>
    static T run(Cursor at, std::size_t count, Op& op, Proj& proj) {
        T folded = static_cast<T>(std::invoke(proj, *at));
        for (++at; --count != 0; ++at) folded = std::invoke(op, std::move(folded), std::invoke(proj, *at));
        return folded;
    }
};

/// The loop of reduce on an executor that forks.
template <class T, class Iterator, class Op, class Proj>
struct reduce_in_place {
    using value = std::optional<T>;
    Iterator first;
    Op& op;
    Proj& proj;

    void run(value& so_far, std::size_t& from, std::size_t to) {
        const std::size_t begin = from;
        T folded = fold(from, to);
        from = begin;  // what `add` throws is of all of them
        add(so_far, std::move(folded));
        from = to;
    }
    void join(value& left, value&& right) {
        if (right) add(left, std::move(*right));
    }

private:
    void add(value& left, T&& right) {
        if (left) {
            *left = std::invoke(op, std::move(*left), std::move(right));
        } else {
            left.emplace(std::move(right));
        }
    }

    T fold(std::size_t& from, std::size_t to) {
        if constexpr (std::is_floating_point_v<T> && (is_plus<Op> || is_multiplies<Op>)) {
            if (to - from >= 4 * lanes) return fold_in_lanes(from, to);
        }
        auto [at, end] = part_of(first, from, to);
        const progress_of reached(from, at);
        T folded = static_cast<T>(std::invoke(proj, *at));
        for (++at; at != end; ++at) folded = std::invoke(op, std::move(folded), std::invoke(proj, *at));
        return folded;
    }

    /// Every lane takes each eighth item, so that no operation waits for the one before and the processor does several at
    /// once. That changes the order of operands: for operations known to be commutative only.
    T fold_in_lanes(std::size_t& from, std::size_t to) {
        std::size_t left = (to - from) / lanes - 1;
        auto [at, end] = part_of(first, from, to);
        const progress_of reached(from, at);
        T folded[lanes];
        for (T& lane : folded) {
            lane = static_cast<T>(std::invoke(proj, *at));
            ++at;
        }
        for (; left != 0; --left) {
            std::size_t i = 0;
            try {
                for (; i != lanes; ++i)
                    folded[i] =
                        std::invoke(op, folded[i],
                                    std::invoke(proj, at[static_cast<std::iter_difference_t<Iterator>>(i)]));
            } catch (...) {
                from += i;
                throw;
            }
            at += lanes;
        }
        for (; at != end; ++at) folded[0] = std::invoke(op, folded[0], std::invoke(proj, *at));
        for (std::size_t i = 1; i != lanes; ++i) folded[0] = std::invoke(op, folded[0], folded[i]);
        return folded[0];
    }

    static constexpr std::size_t lanes = 8;
    template <class F>
    static constexpr bool is_plus = std::is_same_v<F, std::plus<>> || std::is_same_v<F, std::plus<T>>;
    template <class F>
    static constexpr bool is_multiplies =
        std::is_same_v<F, std::multiplies<>> || std::is_same_v<F, std::multiplies<T>>;
};

}  // namespace detail

/// `op` over `init` and `proj(item)` for every item of `range`, in the order given above. `T` is what the values are
/// folded in: `proj`'s results convert to it, and `op(T, T)` and `op(T, proj's result)` return it. Throws as `map` does.
template <class E, std::ranges::input_range Range, class T, class Op, class Proj>
    requires executor<std::remove_reference_t<E>>
[[nodiscard]] T transform_reduce(E&& ex, Range&& range, T init, Op op, Proj proj, map_options options = {}) {
    using ex_type = std::remove_reference_t<E>;
    using iterator = std::ranges::iterator_t<Range>;
    using sentinel = std::ranges::sentinel_t<Range>;
    using item = detail::item_for<ex_type, iterator>;
    static_assert(std::invocable<Proj&, item>,
                  "yoke::transform_reduce: the projection cannot be called with an item of the range");
    using projected = std::invoke_result_t<Proj&, item>;
    static_assert(
        std::is_constructible_v<T, projected>,
        "yoke::reduce: an item (or what the projection makes of it) does not convert to the type of init");
    static_assert(std::is_invocable_r_v<T, Op&, T, projected> && std::is_invocable_r_v<T, Op&, T, T>,
                  "yoke::reduce: the operation must take two values of the type of init, or one and an item, "
                  "and return one");
    using kernel = detail::reduce_kernel<T>;
    detail::check_chunks_cross<ex_type, kernel, iterator, Op, Proj>();
    if constexpr (detail::splits_lazily<ex_type, std::remove_reference_t<Range>>) {
        if (!detail::asks_for_chunks(options)) {
            using loop = detail::reduce_in_place<T, iterator, Op, Proj>;
            loop body{std::ranges::begin(range), op, proj};
            const auto fold = [&] {
                auto folded = detail::lazy_loop<ex_type, loop>(ex, body, options.failed)
                                  .run(static_cast<std::size_t>(std::ranges::size(range)));
                if (folded) init = static_cast<T>(std::invoke(op, std::move(init), std::move(*folded)));
            };
            detail::call_where_admitted(ex, fold);
            return init;
        }
    }
    detail::run_chunks<T>(ex, options,
                          detail::chunks_for<ex_type, kernel, iterator, sentinel, Op, Proj>(
                              std::ranges::begin(range), std::ranges::end(range), op, proj),
                          detail::size_if_known(range),
                          [&](T&& chunk) { init = std::invoke(op, std::move(init), std::move(chunk)); });
    return init;
}
/// The same for the items from `first` up to `last`.
template <class E, std::input_iterator Iterator, std::sentinel_for<Iterator> Sentinel, class T, class Op,
          class Proj>
    requires executor<std::remove_reference_t<E>>
[[nodiscard]] T transform_reduce(E&& ex, Iterator first, Sentinel last, T init, Op op, Proj proj,
                                 map_options options = {}) {
    return yoke::transform_reduce(ex, detail::iterator_range(std::move(first), std::move(last)),
                                  std::move(init), std::move(op), std::move(proj), options);
}

/// `op` over `init` and every item of `range`, in the order given above.
template <class E, std::ranges::input_range Range, class T, class Op = std::plus<>>
    requires executor<std::remove_reference_t<E>>
[[nodiscard]] T reduce(E&& ex, Range&& range, T init, Op op = {}, map_options options = {}) {
    return yoke::transform_reduce(ex, std::forward<Range>(range), std::move(init), std::move(op),
                                  std::identity(), options);
}
/// The same for the items from `first` up to `last`.
template <class E, std::input_iterator Iterator, std::sentinel_for<Iterator> Sentinel, class T,
          class Op = std::plus<>>
    requires executor<std::remove_reference_t<E>>
[[nodiscard]] T reduce(E&& ex, Iterator first, Sentinel last, T init, Op op = {}, map_options options = {}) {
    return yoke::transform_reduce(ex, detail::iterator_range(std::move(first), std::move(last)),
                                  std::move(init), std::move(op), std::identity(), options);
}

}  // namespace yoke
