// SPDX-License-Identifier: MIT
#pragma once

/// The running totals of a range.
///
///     std::vector<long> ends(lengths.size());
///     yoke::inclusive_scan(pool, lengths, ends.begin());          // l0, l0 + l1, l0 + l1 + l2, ...
///     yoke::exclusive_scan(pool, lengths, begins.begin(), 0L);    // 0, l0, l0 + l1, ...
///
/// The operation must be associative; it need not be commutative, for operands keep their order. The type of the output's
/// elements is the one that totals are made in. How the operands are grouped depends on how the workers happened to share
/// the range; so with an operation that is only nearly associative, such as the addition of floating point numbers, the
/// last digits may differ from run to run.
///
/// On an executor that forks (`fork_join_executor`, such as thread_pool) a worker goes through the range from its
/// beginning and writes totals; idle workers take parts at the right (algorithm/loop/lazy_loop.hpp), where they write totals of the
/// part alone. A second pass, shared likewise, puts what lies left of each part before its totals. So the operation is
/// called once for an item that nobody took, and twice for another: with p threads expect no more than p * p / (2 * p - 1)
/// times the speed of one. On any other executor the caller does it all, in one pass.

#include <yoke/algorithm/loop/chunks.hpp>  // for splits_lazily

#include <algorithm>
#include <atomic>
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

enum class scan_kind { inclusive, exclusive };

/// The loops of a scan on an executor that forks.
///
/// A part's totals are *final* if it begins where all before is final: the item `frontier_`. Then there is a total to begin
/// with, `total_`. Only one part begins at that item, and only it moves the frontier on, so total_ is written and read by
/// one thread at a time; the release of the frontier by the part before and the acquire by the next one order the two.
template <scan_kind Kind, class T, class In, class Out, class Op>
class scan_in_place {
public:
    /// `init` may be nothing for an inclusive scan.
    scan_in_place(In first, Out out, Op& op, std::optional<T> init)
        : first_(std::move(first)), out_(std::move(out)), op_(op), total_(std::move(init)) {}

    /// Neighbouring items whose totals are made from the first of them, or final. `total` is that of all of them.
    struct segment {
        std::size_t from;
        std::size_t to;
        bool final;
        std::optional<T> total;
    };

    // The first pass, see lazy_loop.

    using value = std::vector<segment>;
    void run(value& so_far, std::size_t& from, std::size_t to) {
        if (so_far.empty() || so_far.back().to != from) {
            const bool final = frontier_.load(std::memory_order_acquire) == from;
            so_far.push_back({from, from, final, final ? std::move(total_) : std::nullopt});
        }
        segment& here = so_far.back();
        add_up(here.total, from, to);
        here.to = to;
        from = to;
        if (!here.final) return;
        total_ = here.total;
        frontier_.store(to, std::memory_order_release);
    }
    void join(value& left, value&& right) {
        left.insert(left.end(), std::make_move_iterator(right.begin()), std::make_move_iterator(right.end()));
    }

    /// The second pass.
    class completion {
    public:
        using value = no_value;
        /// Takes what came of the first pass.
        completion(scan_in_place& scan, std::vector<segment> segments)
            : scan_(scan), segments_(std::move(segments)) {
            std::optional<T> before;  // becomes the total of all segments so far
            for (segment& each : segments_) {
                if (each.final) {
                    before = each.total;
                    begin_ = each.to;
                    continue;
                }
                T through = std::invoke(scan_.op_, std::as_const(*before), std::as_const(*each.total));
                each.total = std::exchange(before, std::move(through));
            }
        }
        /// The first item that is not final.
        [[nodiscard]] std::size_t begin() const noexcept { return begin_; }

        /// Counted from begin().
        void run(value&, std::size_t& begun, std::size_t end_of_all) {
            std::size_t from = begun + begin_;
            const std::size_t to = end_of_all + begin_;
            auto here =
                std::upper_bound(segments_.begin(), segments_.end(), from,
                                 [](std::size_t item, const segment& each) { return item < each.to; });
            for (; from != to; ++here) {
                const std::size_t end = std::min(here->to, to);
                scan_.put_before(*here->total, from, end, from == here->from);
                from = end;
            }
            begun = end_of_all;
        }
        void join(value&, value&&) noexcept {}

    private:
        scan_in_place& scan_;
        std::vector<segment>
            segments_;  // the total is that of what lies before the segment, unless it is final
        std::size_t begin_ = 0;
    };

    /// Writes the totals of the items [from, to), of which `total` is that of the items before, if there are any. It becomes
    /// that of all.
    void add_up(std::optional<T>& total, std::size_t from, std::size_t to) {
        auto [at, end] = part_of(first_, from, to);
        Out result = out_ + static_cast<std::iter_difference_t<Out>>(from);
        if (!total) {  // nothing is before the first item: an exclusive scan leaves its place to the second pass
            total.emplace(static_cast<T>(*at));
            if constexpr (Kind == scan_kind::inclusive) *result = *total;
            ++at;
            ++result;
        }
        T sum = std::move(*total);
        for (; at != end; ++at, ++result) {
            if constexpr (Kind == scan_kind::inclusive) {
                sum = std::invoke(op_, std::move(sum), *at);
                *result = sum;
            } else {
                T next = std::invoke(op_, std::as_const(sum), *at);  // the output may be the range itself
                *result = std::move(sum);
                sum = std::move(next);
            }
        }
        *total = std::move(sum);
    }

private:
    void put_before(const T& left, std::size_t from, std::size_t to, bool at_begin) {
        auto [at, end] = part_of(out_, from, to);
        if constexpr (Kind == scan_kind::exclusive) {
            if (at_begin) {
                *at = left;
                ++at;
            }
        }
        static_cast<void>(at_begin);
        for (; at != end; ++at) *at = std::invoke(op_, left, std::move(*at));
    }

    const In first_;
    const Out out_;
    Op& op_;
    std::optional<T> total_;
    std::atomic<std::size_t> frontier_{0};
};

template <scan_kind Kind, class E, class Range, class Out, class Op, class T>
Out scan(E& ex, Range& range, Out out, Op& op, std::optional<T> init) {
    using iterator = std::ranges::iterator_t<Range>;
    using item = std::ranges::range_reference_t<Range>;
    static_assert(std::is_constructible_v<T, item>,
                  "yoke::scan: an item of the range does not convert to the type of the output's elements");
    static_assert(
        std::is_copy_constructible_v<T> && std::is_copy_assignable_v<T>,
        "yoke::scan: the output's elements must be copyable, as each total is written and used for the next");
    static_assert(
        std::is_invocable_r_v<T, Op&, T, item> && std::is_invocable_r_v<T, Op&, const T&, item> &&
            std::is_invocable_r_v<T, Op&, const T&, T> && std::is_invocable_r_v<T, Op&, const T&, const T&>,
        "yoke::scan: the operation must take two values of the type of the output's elements, or one and an "
        "item, and return one");
    using work = scan_in_place<Kind, T, iterator, Out, Op>;
    const auto size = static_cast<std::size_t>(std::ranges::size(range));
    const Out end = out + static_cast<std::iter_difference_t<Out>>(size);
    // Two threads may write to neighbouring elements, so these must be objects (and not the bits of a byte).
    if constexpr (splits_lazily<E, Range> && std::is_lvalue_reference_v<std::iter_reference_t<Out>>) {
        work first(std::ranges::begin(range), out, op, std::move(init));
        const auto both_passes = [&] {
            typename work::completion second(first, lazy_loop<E, work>(ex, first).run(size));
            if (size != second.begin())
                lazy_loop<E, typename work::completion>(ex, second).run(size - second.begin());
        };
        call_where_admitted(ex, both_passes);  // between the passes the operation is called, too
    } else if (size != 0) {
        work(std::ranges::begin(range), out, op, std::nullopt).add_up(init, 0, size);
    }
    return end;
}

}  // namespace detail

/// Writes to `out[i]` the total of the items 0 to i of `range`: `op(... op(item 0, item 1) ..., item i)`, grouped in any way.
/// `out` may be the beginning of the range, but must not overlap it otherwise. Returns the end of the output. Blocks until
/// all is written.
///
/// `op` is one object, called from several threads at once; it takes values of the type of the output's elements, or such a
/// value and an item. Throws as `map` does; what the output holds then is not specified. An item costs O(1) calls
/// of `op`.
template <class E, std::ranges::random_access_range Range, std::random_access_iterator Out,
          class Op = std::plus<>>
    requires executor<std::remove_reference_t<E>> && std::ranges::sized_range<Range>
        Out inclusive_scan(E&& ex, Range&& range, Out out, Op op = {}) {
        using T = std::iter_value_t<Out>;
        return detail::scan<detail::scan_kind::inclusive>(ex, range, std::move(out), op, std::optional<T>());
    }
/// The same with `init` before the first item.
template <class E, std::ranges::random_access_range Range, std::random_access_iterator Out, class Op>
    requires executor<std::remove_reference_t<E>> && std::ranges::sized_range<Range>
        Out inclusive_scan(E&& ex, Range&& range, Out out, Op op, std::iter_value_t<Out> init) {
        using T = std::iter_value_t<Out>;
        return detail::scan<detail::scan_kind::inclusive>(ex, range, std::move(out), op,
                                                          std::optional<T>(std::move(init)));
    }

/// Writes to `out[i]` the total of `init` and the items before item i of `range`; all else as inclusive_scan.
template <class E, std::ranges::random_access_range Range, std::random_access_iterator Out,
          class Op = std::plus<>>
    requires executor<std::remove_reference_t<E>> && std::ranges::sized_range<Range>
        Out exclusive_scan(E&& ex, Range&& range, Out out, std::iter_value_t<Out> init, Op op = {}) {
        using T = std::iter_value_t<Out>;
        return detail::scan<detail::scan_kind::exclusive>(ex, range, std::move(out), op,
                                                          std::optional<T>(std::move(init)));
    }

}  // namespace yoke
