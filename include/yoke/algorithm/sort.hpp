// SPDX-License-Identifier: MIT
#pragma once

/// A range sorted by several threads.
///
///     yoke::sort(pool, names);
///     yoke::sort(pool, people, std::greater<>(), &person::age);
///
/// Quicksort (Hoare): the two sides of a partition are sorted at the same time on an executor that forks
/// (`fork_join_executor`, such as thread_pool), short ones by one thread. On any other executor the caller sorts. In
/// place; O(n log n) comparisons, O(log n) stack. The first partition goes through all items in one thread, so with p
/// threads expect no more than log2(n) / (2 + log2(n) / p) times the speed of one.

#include <yoke/algorithm/loop/quicksort.hpp>
#include <yoke/concept/executor.hpp>
#include <yoke/detail/base/function_ref.hpp>

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

    parallel_quicksort(Executor& ex, quicksort<Iterator, Compare, Proj>& here) noexcept
        : ex_(ex), here_(here) {}

    void sort(Iterator first, Iterator last, int partitions) {
        if (last - first <= serial || partitions == 0 || !ex_.forks_here())
            return here_.sort(first, last, partitions);
        const Iterator pivot = here_.partition(first, last);
        const auto left = [&, this] { sort(first, pivot, partitions - 1); };
        const auto right = [&, this] { sort(pivot + 1, last, partitions - 1); };
        ex_.invoke(function_ref(left), function_ref(right));
    }

private:
    Executor& ex_;
    quicksort<Iterator, Compare, Proj>& here_;
};

}  // namespace detail

/// Sorts `range` so that `comp(proj(b), proj(a))` is false for all a before b. Not stable. `comp` and `proj` are one
/// object each, called from several threads at once, and so must not change what they hold. Blocks until the range is
/// sorted.
///
/// If a call throws, so does sort, once all has settled: its exception, or task_errors if several have thrown at the
/// same time; the range then holds the same items in some order. The same holds if moving an item throws, provided
/// that such a move leaves its source as it was, and that the moves that put both items back succeed. A comparison
/// that is no strict weak order gives some order of the same items. Throws pool_closed after shutdown if called from
/// outside the pool's workers.
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
    using serial = detail::quicksort<iterator, Compare, Proj>;
    serial here(comp, proj);
    const int partitions = serial::depth(last - first);
    // Two threads may write to neighbouring items, so these must be objects (and not the bits of a byte).
    if constexpr (fork_join_executor<ex_type> &&
                  std::is_lvalue_reference_v<std::iter_reference_t<iterator>>) {
        using parallel = detail::parallel_quicksort<ex_type, iterator, Compare, Proj>;
        if (!ex.forks_here()) ex.require_open();
        parallel work(ex, here);
        const auto sort_here = [&] { work.sort(first, last, partitions); };
        if (!ex.forks_here() && !ex.admits_callers()) return ex.invoke(sort_here);
        if (last - first > parallel::serial && ex.concurrency() > 1) return ex.take_part(sort_here);
    }
    static_cast<void>(ex);
    here.sort(first, last, partitions);
}

}  // namespace yoke
