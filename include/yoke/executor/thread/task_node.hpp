// SPDX-License-Identifier: MIT
#pragma once

/// What a thread pool's queues hold: a task with a link in it, so that queueing allocates nothing.

#include <yoke/executor/thread/task.hpp>

#include <cstddef>
#include <cstdint>
#include <utility>

namespace yoke::detail {

/// A task that can be in a list, or stand in a ring.
class task_node : public task {
public:
    /// No position in a task_ring.
    static constexpr std::uint64_t nowhere = static_cast<std::uint64_t>(-1);

    /// True if somebody else has begun or cancelled the task, so that only its shell is left in the queue.
    [[nodiscard]] virtual bool overtaken() const noexcept { return false; }

protected:
    task_node() = default;
    ~task_node() = default;

private:
    friend class intake;
    friend class task_list;
    template <class Compare>
    friend class priority_queue;
    task_node* next_ = nullptr;
    /// Written by who pushes the node, before anybody else can know of it; so who waits for the task may read it.
    std::uint64_t position_ = nowhere;
};

/// A first-in first-out chain of nodes. Not thread-safe; owns nothing.
class task_list {
public:
    task_list() = default;
    task_list(task_list&& other) noexcept
        : head_(std::exchange(other.head_, nullptr)),
          tail_(std::exchange(other.tail_, nullptr)),
          size_(std::exchange(other.size_, 0)) {}
    task_list& operator=(task_list&& other) noexcept {
        head_ = std::exchange(other.head_, nullptr);
        tail_ = std::exchange(other.tail_, nullptr);
        size_ = std::exchange(other.size_, 0);
        return *this;
    }

    [[nodiscard]] bool empty() const noexcept { return head_ == nullptr; }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }

    void push(task_node& node) noexcept {
        node.next_ = nullptr;
        (tail_ == nullptr ? head_ : tail_->next_) = &node;
        tail_ = &node;
        ++size_;
    }
    /// The oldest node, or null.
    task_node* pop() noexcept {
        task_node* const node = head_;
        if (node == nullptr) return nullptr;
        head_ = node->next_;
        if (head_ == nullptr) tail_ = nullptr;
        --size_;
        return node;
    }
    /// Takes over all nodes of `other`, behind the present ones.
    void append(task_list other) noexcept {
        if (other.empty()) return;
        (tail_ == nullptr ? head_ : tail_->next_) = other.head_;
        tail_ = other.tail_;
        size_ += other.size_;
    }
    /// Turns the order round.
    void reverse() noexcept {
        tail_ = head_;
        task_node* reversed = nullptr;
        while (head_ != nullptr) reversed = std::exchange(head_, std::exchange(head_->next_, reversed));
        head_ = reversed;
    }
    /// Takes the overtaken nodes out, in order.
    [[nodiscard]] task_list remove_overtaken() noexcept {
        task_list kept;
        task_list removed;
        while (task_node* const node = pop()) (node->overtaken() ? removed : kept).push(*node);
        *this = std::move(kept);
        return removed;
    }
    /// Completes all nodes as stopped (those that were overtaken are only let go).
    void stop_all() noexcept {
        while (task_node* const node = pop()) node->stop();
    }

private:
    task_node* head_ = nullptr;
    task_node* tail_ = nullptr;
    std::size_t size_ = 0;
};

}  // namespace yoke::detail
