// SPDX-License-Identifier: MIT
#pragma once

/// A sort by one thread that loses no item, whatever throws.
///
/// std::sort holds items outside the range while it compares; if the comparison throws, what it holds is gone. Here
/// every item is in the range whenever a comparison or a projection is called, or a destructor puts it back there.
///
/// Quicksort (Hoare) down to short ranges, which are sorted by insertion; a heap sort where the pivots are bad. Every
/// search has its bound, whatever the comparison says: one that is no strict weak order gives some order of the same
/// items.

#include <concepts>
#include <functional>
#include <iterator>
#include <type_traits>
#include <utility>

namespace yoke::detail {

template <class Iterator, class Compare, class Proj>
class quicksort {
    using difference = std::iter_difference_t<Iterator>;
    using value = std::iter_value_t<Iterator>;
    using reference = std::iter_reference_t<Iterator>;
    using moved = std::iter_rvalue_reference_t<Iterator>;

public:
    quicksort(Compare& comp, Proj& proj) noexcept : comp_(comp), proj_(proj) {}

    /// How many partitions deep a sort of `items` items may go before its pivots are bad.
    [[nodiscard]] static int depth(difference items) noexcept {
        int partitions = 2;
        for (; items > 1; items /= 2) partitions += 2;
        return partitions;
    }

    /// Sorts [first, last), at most `partitions` partitions deep.
    void sort(Iterator first, Iterator last, int partitions) {
        while (last - first > few) {
            if (partitions-- == 0) return heap_sort(first, last);
            const Iterator pivot = partition(first, last);
            if (pivot - first < last - pivot) {  // the longer side needs no stack
                sort(first, pivot, partitions);
                first = pivot + 1;
            } else {
                sort(pivot + 1, last, partitions);
                last = pivot;
            }
        }
        insertion_sort(first, last);
    }

    /// Puts an item where it belongs, none greater before it, none less behind it, and returns the place. There are at
    /// least three items.
    Iterator partition(Iterator first, Iterator last) {
        const Iterator chosen =
            last - first < many ? median_of_three(first, last) : median_of_nine(first, last);
        if (chosen != first) exchange(first, chosen);
        // Items equal to the pivot stop both searches, so that many equal items are divided evenly.
        Iterator up = first;
        Iterator down = last;
        for (;;) {
            do ++up;
            while (up != last && less(up, first));
            do --down;
            while (down != first && less(first, down));
            if (up >= down) break;
            exchange(up, down);
        }
        if (down != first) exchange(first, down);
        return down;
    }

private:
    /// Fewer items are sorted by insertion.
    static constexpr difference few = 24;
    /// From here on nine items are looked at for a pivot.
    static constexpr difference many = 256;

    /// True if an item can be taken out of its place and put back, and neither throws.
    static constexpr bool has_holes =
        std::same_as<reference, value&> && std::is_nothrow_constructible_v<value, moved> &&
        std::is_nothrow_assignable_v<reference, moved> && std::is_nothrow_assignable_v<reference, value>;

    [[nodiscard]] bool less(Iterator a, Iterator b) {
        return static_cast<bool>(std::invoke(comp_, std::invoke(proj_, *a), std::invoke(proj_, *b)));
    }

    [[nodiscard]] Iterator median(Iterator a, Iterator b, Iterator c) {
        if (less(b, a)) std::swap(a, b);
        if (!less(c, b)) return b;
        return less(c, a) ? a : c;
    }
    [[nodiscard]] Iterator median_of_three(Iterator first, Iterator last) {
        return median(first, first + (last - first) / 2, last - 1);
    }
    /// The median of three medians of three.
    [[nodiscard]] Iterator median_of_nine(Iterator first, Iterator last) {
        const difference step = (last - first) / 9;
        const auto at = [&](difference i) { return first + i * step; };
        return median(median(at(0), at(1), at(2)), median(at(3), at(4), at(5)), median(at(6), at(7), at(8)));
    }

    /// Exchanges two items, or throws and has exchanged nothing. That needs a move that throws to leave its source as
    /// it was, and the moves back, if they may throw too, to succeed.
    static void exchange(Iterator a, Iterator b) {
        if constexpr (noexcept(std::ranges::iter_swap(a, b)) || !std::same_as<reference, value&>) {
            std::ranges::iter_swap(a, b);
        } else {
            value held(std::ranges::iter_move(a));
            try {
                *a = std::ranges::iter_move(b);
            } catch (...) {
                *a = std::move(held);
                throw;
            }
            try {
                *b = std::move(held);
            } catch (...) {
                *b = std::ranges::iter_move(a);
                *a = std::move(held);
                throw;
            }
        }
    }

    /// An item that was taken out of its place. The destructor puts it where the hole is by then.
    class hole {
    public:
        explicit hole(Iterator at) noexcept : at_(at), item_(std::ranges::iter_move(at)) {}
        hole(const hole&) = delete;
        hole& operator=(const hole&) = delete;
        ~hole() { *at_ = std::move(item_); }

        [[nodiscard]] value& item() noexcept { return item_; }
        [[nodiscard]] Iterator at() const noexcept { return at_; }
        void move_down() noexcept {
            const Iterator next = at_ - 1;
            *at_ = std::ranges::iter_move(next);
            at_ = next;
        }

    private:
        Iterator at_;
        value item_;
    };

    void insertion_sort(Iterator first, Iterator last) {
        if (first == last) return;
        for (Iterator at = first + 1; at != last; ++at) insert(first, at);
    }
    /// Moves the item at `at`, behind [first, at), which are sorted, to where it belongs among them.
    void insert(Iterator first, Iterator at) {
        if (!less(at, at - 1)) return;
        if constexpr (has_holes) {
            hole free(at);
            do {
                free.move_down();
            } while (free.at() != first && std::invoke(comp_, std::invoke(proj_, free.item()),
                                                       std::invoke(proj_, *(free.at() - 1))));
        } else {
            do {
                exchange(at, at - 1);
                --at;
            } while (at != first && less(at, at - 1));
        }
    }

    void heap_sort(Iterator first, Iterator last) {
        const difference size = last - first;
        for (difference root = size / 2; root-- > 0;) sift_down(first, root, size);
        for (difference end = size; end-- > 1;) {
            exchange(first, first + end);
            sift_down(first, 0, end);
        }
    }
    /// Below `root` is a heap of [first, first + size); makes it one with the root.
    void sift_down(Iterator first, difference root, difference size) {
        for (difference child = 2 * root + 1; child < size; child = 2 * root + 1) {
            if (child + 1 < size && less(first + child, first + (child + 1))) ++child;
            if (!less(first + root, first + child)) return;
            exchange(first + root, first + child);
            root = child;
        }
    }

    Compare& comp_;
    Proj& proj_;
};

}  // namespace yoke::detail
