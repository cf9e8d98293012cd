// SPDX-License-Identifier: MIT
#pragma once

/// The items of a running pipeline: one node each, which carries the item from the source to the sink and keeps
/// its place among all others.
///
/// - `item_node` holds the item itself, in room for the largest type it has on its way, so an item costs one block of
///   memory for the whole pipeline and none for each stage.
/// - `order_list` is the order of the output. A node that becomes several hands its place on to all of them, a node
///   that vanishes leaves none, and the output is what stands at the front: each in constant time. Items overtake one
///   another anywhere between source and sink, and nothing holds back a stage to keep the order.
/// - `node_chain` (first come) and `cost_heap` (most expensive first) are what waits in front of a stage.
///
/// None of these allocates or throws. None locks: the pipeline's mutex does.

#include <cstddef>
#include <cstdint>
#include <new>
#include <utility>

namespace yoke::detail {

/// What a node is to the machinery, whatever its item is.
struct order_node {
    order_node* before = nullptr;  // neighbours in the order of the output
    order_node* after = nullptr;
    order_node* link = nullptr;                       // next in a chain; sibling in a heap
    order_node* child = nullptr;                      // first child in a heap
    void (*destroy)(order_node&) noexcept = nullptr;  // null: holds no item
    const void* place = nullptr;  // where it waits for others (a batch, the sink); null: on its way
    std::uint64_t number = 0;     // among those that entered the stage it is at
    double cost = 0;              // at a stage that begins with the most expensive
};

/// A node with room for an item of up to `Size` bytes.
template <std::size_t Size, std::size_t Align>
struct item_node : order_node {
    item_node() = default;
    item_node(const item_node&) = delete;
    item_node& operator=(const item_node&) = delete;
    ~item_node() { reset(); }

    template <class T>
    [[nodiscard]] T& get() noexcept {
        return *std::launder(reinterpret_cast<T*>(bytes));
    }
    /// Puts an item in. The node must be empty, and stays so if the constructor throws.
    template <class T, class... Args>
    void emplace(Args&&... args) {
        ::new (static_cast<void*>(bytes)) T(std::forward<Args>(args)...);
        destroy = [](order_node& node) noexcept { static_cast<item_node&>(node).template get<T>().~T(); };
    }
    /// Destroys the item, if there is one.
    void reset() noexcept {
        if (destroy != nullptr) std::exchange(destroy, nullptr)(*this);
    }

    alignas(Align) std::byte bytes[Size];
};

/// A singly linked chain of nodes, first in, first out. Owns nothing.
class node_chain {
public:
    node_chain() = default;
    explicit node_chain(order_node& only) noexcept : first_(&only), last_(&only) { only.link = nullptr; }
    node_chain(node_chain&& other) noexcept
        : first_(std::exchange(other.first_, nullptr)), last_(std::exchange(other.last_, nullptr)) {}
    node_chain& operator=(node_chain&& other) noexcept {
        first_ = std::exchange(other.first_, nullptr);
        last_ = std::exchange(other.last_, nullptr);
        return *this;
    }

    [[nodiscard]] bool empty() const noexcept { return first_ == nullptr; }
    [[nodiscard]] order_node* first() const noexcept { return first_; }

    void push(order_node& node) noexcept { append(node_chain(node)); }
    void append(node_chain other) noexcept {
        if (other.empty()) return;
        (empty() ? first_ : last_->link) = other.first_;
        last_ = other.last_;
    }
    /// Takes the first node; null if there is none.
    order_node* pop() noexcept {
        order_node* const node = first_;
        if (node == nullptr) return nullptr;
        first_ = std::exchange(node->link, nullptr);
        if (first_ == nullptr) last_ = nullptr;
        return node;
    }

private:
    order_node* first_ = nullptr;
    order_node* last_ = nullptr;
};

/// A pairing heap (Fredman, Sedgewick, Sleator, Tarjan 1986): the largest cost comes first, the smaller number among equals.
/// push O(1), pop O(log n) amortised. Owns nothing.
class cost_heap {
public:
    [[nodiscard]] bool empty() const noexcept { return root_ == nullptr; }
    /// The node to begin with; null if there is none.
    [[nodiscard]] order_node* first() const noexcept { return root_; }

    void push(order_node& node) noexcept {
        node.link = nullptr;
        node.child = nullptr;
        root_ = meld(root_, &node);
    }
    /// Takes the node to begin with; null if there is none.
    order_node* pop() noexcept {
        order_node* const top = root_;
        if (top == nullptr) return nullptr;
        order_node* pairs = nullptr;  // of the children, left to right ...
        for (order_node* left = std::exchange(top->child, nullptr); left != nullptr;) {
            order_node* const right = std::exchange(left->link, nullptr);
            order_node* const rest = right == nullptr ? nullptr : std::exchange(right->link, nullptr);
            order_node* const winner = meld(left, right);
            winner->link = std::exchange(pairs, winner);
            left = rest;
        }
        root_ = nullptr;
        while (pairs != nullptr) {  // ... and together again, right to left
            order_node* const next = std::exchange(pairs->link, nullptr);
            root_ = meld(root_, std::exchange(pairs, next));
        }
        return top;
    }

private:
    static bool comes_first(const order_node& a, const order_node& b) noexcept {
        return a.cost > b.cost || (!(b.cost > a.cost) && a.number < b.number);
    }
    /// One heap of two, either of which may be empty and neither of which has siblings.
    static order_node* meld(order_node* a, order_node* b) noexcept {
        if (a == nullptr) return b;
        if (b == nullptr) return a;
        if (comes_first(*b, *a)) std::swap(a, b);
        b->link = std::exchange(a->child, b);
        return a;
    }

    order_node* root_ = nullptr;
};

/// A doubly linked list through `before` and `after`. Owns nothing.
class order_list {
public:
    [[nodiscard]] bool empty() const noexcept { return front_ == nullptr; }
    [[nodiscard]] order_node* front() const noexcept { return front_; }

    void push_back(order_node& node) noexcept { insert(node, back_, nullptr); }
    /// Puts the chain's nodes, in their order, immediately before `place`.
    void insert_before(order_node& place, const node_chain& chain) noexcept {
        for (order_node* node = chain.first(); node != nullptr; node = node->link)
            insert(*node, place.before, &place);
    }
    void erase(order_node& node) noexcept {
        (node.before == nullptr ? front_ : node.before->after) = node.after;
        (node.after == nullptr ? back_ : node.after->before) = node.before;
        node.before = nullptr;
        node.after = nullptr;
    }

private:
    void insert(order_node& node, order_node* before, order_node* after) noexcept {
        node.before = before;
        node.after = after;
        (before == nullptr ? front_ : before->after) = &node;
        (after == nullptr ? back_ : after->before) = &node;
    }

    order_node* front_ = nullptr;
    order_node* back_ = nullptr;
};

}  // namespace yoke::detail
