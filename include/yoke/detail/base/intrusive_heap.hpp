// SPDX-License-Identifier: MIT
#pragma once

/// A heap whose links are in its elements, from the middle of which elements can be taken.
///
/// A pairing heap (Fredman, Sedgewick, Sleator, Tarjan, "The pairing heap", 1986). Nothing allocates or throws. push O(1), pop
/// and remove O(log n) amortised. Owns nothing and locks nothing.

#include <utility>

namespace yoke::detail {

/// An element's place in one heap.
template <class T>
struct heap_links {
    T* child = nullptr;
    T* next = nullptr;      // sibling
    T* previous = nullptr;  // sibling, or the parent of a first child
};

/// `Links` is the member of `T` for this heap; `Before{}(a, b)` tells that `a` comes out before `b`.
template <class T, heap_links<T> T::*Links, class Before>
class intrusive_heap {
public:
    [[nodiscard]] bool empty() const noexcept { return root_ == nullptr; }
    /// The element that comes out first; null if there is none.
    [[nodiscard]] T* top() const noexcept { return root_; }

    void push(T& element) noexcept {
        links(element) = {};
        root_ = meld(root_, &element);
    }
    /// Takes the first out; null if there is none.
    T* pop() noexcept {
        T* const first = root_;
        if (first != nullptr) root_ = join(std::exchange(links(*first).child, nullptr));
        return first;
    }
    /// Takes an element out that is in this heap.
    void remove(T& element) noexcept {
        if (root_ == &element) {
            pop();
            return;
        }
        heap_links<T>& own = links(element);
        heap_links<T>& before = links(*own.previous);
        (before.child == &element ? before.child : before.next) = own.next;
        if (own.next != nullptr) links(*own.next).previous = own.previous;
        root_ = meld(root_, join(std::exchange(own.child, nullptr)));
    }

private:
    static heap_links<T>& links(T& element) noexcept { return element.*Links; }

    /// One heap of two, either of which may be empty and neither of which has siblings.
    static T* meld(T* a, T* b) noexcept {
        if (a == nullptr) return b;
        if (b == nullptr) return a;
        if (Before{}(*b, *a)) std::swap(a, b);
        T* const first = std::exchange(links(*a).child, b);
        links(*b).next = first;
        links(*b).previous = a;
        if (first != nullptr) links(*first).previous = b;
        return a;
    }
    /// One heap of siblings: in pairs from the first to the last, and those together from the last to the first.
    static T* join(T* first) noexcept {
        T* pairs = nullptr;
        while (first != nullptr) {
            T* const left = first;
            T* const right = links(*left).next;
            first = right != nullptr ? links(*right).next : nullptr;
            alone(left);
            alone(right);
            T* const pair = meld(left, right);
            links(*pair).next = pairs;
            pairs = pair;
        }
        T* root = nullptr;
        while (pairs != nullptr) {
            T* const rest = std::exchange(links(*pairs).next, nullptr);
            root = meld(root, pairs);
            pairs = rest;
        }
        return root;
    }
    static void alone(T* element) noexcept {
        if (element != nullptr) links(*element).next = links(*element).previous = nullptr;
    }

    T* root_ = nullptr;
};

}  // namespace yoke::detail
