// SPDX-License-Identifier: MIT
#pragma once

/// A range sorted by several threads.
///
///     yoke::sort(pool, names);
///     yoke::sort(pool, people, std::greater<>(), &person::age);
///
/// Quicksort (Hoare): the two sides of a partition are sorted at the same time on an executor that forks
/// (`fork_join_executor`, such as thread_pool), short ones by std::ranges::sort, which is also what any other executor's
/// caller does. In place; O(n log n) comparisons, O(log n) stack. The first partition goes through all items in one thread,
/// so with p threads expect no more than log2(n) / (2 + log2(n) / p) times the speed of one.

#include <yoke/concept/executor.hpp>
#include <yoke/detail/function_ref.hpp>

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <functional>
#include <iterator>
#include <ranges>
#include <type_traits>
#include <utility>

namespace yoke {

namespace detail {

template <class Executor, class Iterator, class Compare, class Proj>
class parallel_quicksort {
    using difference = std::iter_difference_t<Iterator>;

public:
    /// Fewer items are sorted by one thread.
    static constexpr difference serial = 4096;

    parallel_quicksort(Executor& ex, Compare& comp, Proj& proj) noexcept
        : ex_(ex), comp_(comp), proj_(proj) {}

    /// `partitions` bounds the depth: where pivots are so bad that it is reached, std::ranges::sort takes over.
    void sort(Iterator first, Iterator last, int partitions) {
        if (last - first <= serial || partitions == 0 || !ex_.forks_here())
            return static_cast<void>(std::ranges::sort(first, last, std::ref(comp_), std::ref(proj_)));
        const Iterator pivot = partition(first, last);
        const auto left = [&, this] { sort(first, pivot, partitions - 1); };
        const auto right = [&, this] { sort(pivot + 1, last, partitions - 1); };
        ex_.invoke(function_ref(left), function_ref(right));
    }

private:
    [[nodiscard]] bool less(Iterator a, Iterator b) {
        return static_cast<bool>(std::invoke(comp_, std::invoke(proj_, *a), std::invoke(proj_, *b)));
    }
    [[nodiscard]] Iterator median(Iterator a, Iterator b, Iterator c) {
        if (less(b, a)) std::swap(a, b);
        if (!less(c, b)) return b;
        return less(c, a) ? a : c;
    }

    /// Puts an item where it belongs, none greater before it, none less behind it, and returns the place.
    Iterator partition(Iterator first, Iterator last) {
        // The median of three medians of three.
        const difference step = (last - first) / 9;
        const auto at = [&](difference i) { return first + i * step; };
        std::ranges::iter_swap(first, median(median(at(0), at(1), at(2)), median(at(3), at(4), at(5)),
                                             median(at(6), at(7), at(8))));
        // Items equal to the pivot stop both searches, so that many equal items are divided evenly. The pivot itself
        // stops the one downwards.
        Iterator up = first;
        Iterator down = last;
        for (;;) {
            do ++up;
            while (up != last && less(up, first));
            do --down;
            while (less(first, down));
            if (up >= down) break;
            std::ranges::iter_swap(up, down);
        }
        std::ranges::iter_swap(first, down);
        return down;
    }

    Executor& ex_;
    Compare& comp_;
    Proj& proj_;
};

}  // namespace detail

/// Sorts `range` so that `comp(proj(b), proj(a))` is false for all a before b. Not stable. `comp` and `proj` are one object
/// each, called from several threads at once, and so must not change what they hold. Blocks until the range is sorted.
///
/// If a call throws, so does sort, once all has settled: its exception, or task_errors if several have thrown at the same
/// time; the range then holds the same items in some order. Throws pool_closed after shutdown if called from outside the
/// pool's workers.
template <class E, std::ranges::random_access_range Range, class Compare = std::ranges::less,
          class Proj = std::identity>
    requires executor<std::remove_reference_t<E>>
void sort(E&& ex, Range&& range, Compare comp = {}, Proj proj = {}) {
    using ex_type = std::remove_reference_t<E>;
    using iterator = std::ranges::iterator_t<Range>;
    static_assert(
        std::sortable<iterator, Compare, Proj>,
        "yoke::sort: the range cannot be sorted with this comparison and projection: its items must be "
        "movable and not const, and comp(proj(item), proj(item)) a bool");
    const iterator first = std::ranges::begin(range);
    const iterator last = std::ranges::next(first, std::ranges::end(range));
    // Two threads may write to neighbouring items, so these must be objects (and not the bits of a byte).
    if constexpr (fork_join_executor<ex_type> &&
                  std::is_lvalue_reference_v<std::iter_reference_t<iterator>>) {
        using quicksort = detail::parallel_quicksort<ex_type, iterator, Compare, Proj>;
        if (!ex.forks_here()) ex.require_open();
        int partitions = 2;
        for (auto n = last - first; n > 1; n /= 2) partitions += 2;
        quicksort work(ex, comp, proj);
        const auto sort_here = [&] { work.sort(first, last, partitions); };
        if (!ex.forks_here() && !ex.admits_callers()) return ex.invoke(sort_here);
        if (last - first > quicksort::serial && ex.concurrency() > 1) return ex.take_part(sort_here);
    }
    static_cast<void>(ex);
    std::ranges::sort(first, last, std::ref(comp), std::ref(proj));
}

}  // namespace yoke
