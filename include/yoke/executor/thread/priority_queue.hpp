// SPDX-License-Identifier: MIT
#pragma once

/// A queue of tasks for any number of producers and consumers that gives out the greatest priority first, and
/// among equals the oldest.
///
/// A pairing heap (Fredman, Sedgewick, Sleator, Tarjan, "The pairing heap", 1986) under a lock: its links are
/// in the tasks, so pushing allocates nothing and cannot fail. push O(1), pop O(log n) amortized. Shells of
/// overtaken tasks are swept out as in injection_queue.hpp.

#include <yoke/executor/thread/task_node.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <utility>

namespace yoke::detail {

/// A task that a priority_queue can hold.
class prioritized_node : public task_node {
public:
    int priority = 0;

private:
    template <class Compare>
    friend class priority_queue;
    prioritized_node* child_ = nullptr;  // first of those that come after this one
    std::uint64_t number_ = 0;           // counts the pushes, to keep equals in order
};

/// `Compare{}(a, b)` tells that priority `a` comes after `b`; it must not throw.
template <class Compare>
class priority_queue {
public:
    priority_queue() = default;
    priority_queue(const priority_queue&) = delete;
    priority_queue& operator=(const priority_queue&) = delete;

    /// Adds a task.
    void push(prioritized_node& task) noexcept {
        task_list shells;
        {
            const std::lock_guard lock(mutex_);
            task.number_ = ++pushes_;
            add(task);
            const std::size_t overtaken = overtaken_.load(std::memory_order_relaxed);
            if (overtaken >= fewest_to_sweep && overtaken >= count_ / 2) {
                overtaken_.fetch_sub(overtaken, std::memory_order_relaxed);
                shells = sweep();
            }
            publish_size();
        }
        shells.stop_all();  // outside the lock: this may destroy what the user gave us
    }

    /// Takes the task that comes first, or returns null.
    [[nodiscard]] task_node* pop() noexcept {
        if (empty()) return nullptr;
        const std::lock_guard lock(mutex_);
        prioritized_node* const first = take();
        publish_size();
        return first;
    }

    /// True if no task waits. May be outdated at once, but sees every push that came before.
    [[nodiscard]] bool empty() const noexcept { return size_.load(std::memory_order_seq_cst) == 0; }

    /// A task that may be in this queue was begun or cancelled by somebody else.
    void note_overtaken() noexcept { overtaken_.fetch_add(1, std::memory_order_relaxed); }

private:
    static constexpr std::size_t fewest_to_sweep = 1024;

    static prioritized_node* sibling(prioritized_node& node) noexcept {
        return static_cast<prioritized_node*>(node.next_);
    }

    static bool comes_after(const prioritized_node& a, const prioritized_node& b) noexcept {
        if (Compare{}(a.priority, b.priority)) return true;
        return !Compare{}(b.priority, a.priority) && a.number_ > b.number_;
    }

    /// Joins two heaps; either may be null.
    static prioritized_node* meld(prioritized_node* a, prioritized_node* b) noexcept {
        if (a == nullptr) return b;
        if (b == nullptr) return a;
        if (comes_after(*a, *b)) std::swap(a, b);
        b->next_ = a->child_;
        a->child_ = b;
        return a;
    }

    void add(prioritized_node& task) noexcept {
        task.child_ = nullptr;
        task.next_ = nullptr;
        root_ = meld(root_, &task);
        ++count_;
    }

    /// Removes the root: its children are joined in pairs, then the pairs with each other, from the last to
    /// the first.
    prioritized_node* take() noexcept {
        prioritized_node* const first = root_;
        if (first == nullptr) return nullptr;
        prioritized_node* pairs = nullptr;
        for (prioritized_node* left = first->child_; left != nullptr;) {
            prioritized_node* const right = sibling(*left);
            prioritized_node* const rest = right != nullptr ? sibling(*right) : nullptr;
            prioritized_node* const pair = meld(left, right);
            pair->next_ = pairs;
            pairs = pair;
            left = rest;
        }
        root_ = nullptr;
        while (pairs != nullptr) {
            prioritized_node* const rest = sibling(*pairs);
            root_ = meld(root_, pairs);
            pairs = rest;
        }
        if (root_ != nullptr) root_->next_ = nullptr;
        --count_;
        return first;
    }

    /// Takes the overtaken tasks out.
    task_list sweep() noexcept {
        task_list shells;
        prioritized_node* heap = std::exchange(root_, nullptr);
        count_ = 0;
        for (prioritized_node* node = heap; node != nullptr;) {
            // Flatten: the children are put in front of the siblings still to be visited.
            prioritized_node* rest = sibling(*node);
            for (prioritized_node* child = node->child_; child != nullptr;) {
                prioritized_node* const next = sibling(*child);
                child->next_ = rest;
                rest = child;
                child = next;
            }
            if (node->overtaken()) {
                shells.push(*node);
            } else {
                add(*node);
            }
            node = rest;
        }
        return shells;
    }

    /// seq_cst for the sake of the sleepers: see eventcount.hpp.
    void publish_size() noexcept { size_.store(count_, std::memory_order_seq_cst); }

    std::mutex mutex_;
    prioritized_node* root_ = nullptr;
    std::size_t count_ = 0;
    std::uint64_t pushes_ = 0;
    std::atomic<std::size_t> size_{0};
    std::atomic<std::size_t> overtaken_{0};
};

}  // namespace yoke::detail
