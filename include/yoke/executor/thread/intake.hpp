// SPDX-License-Identifier: MIT
#pragma once

/// Where a thread pool's tasks from outside wait, first in, first out: a ring (task_ring.hpp), and a list for what the ring
/// has no room for.
///
/// While there is something in the list, further tasks go there too, and it is taken from only when the ring is empty; so who
/// submits one task after another finds them begun in that order. Tasks that were claimed in the ring but are not
/// published yet keep the list back as well: their producer wakes somebody when it goes on.
///
/// The list costs several times as much as the ring: memory for each task, and a lock that all producers meet at. Once it
/// has begun it lasts until it is empty. So a thread from outside that finds the ring full first gives way a few times: where
/// producers have pushed the workers off the processors that is enough for them to make room. It is a courtesy, not a
/// wait: if the workers are busy with long tasks, it ends after `courtesy` turns, and as long as the list is in use
/// there is none.

#include <yoke/detail/sync/parking.hpp>
#include <yoke/executor/thread/injection_queue.hpp>
#include <yoke/executor/thread/task_node.hpp>
#include <yoke/executor/thread/task_ring.hpp>

#include <cstddef>
#include <new>
#include <utility>

namespace yoke::detail {

class intake {
public:
    /// Gets the ring's memory. Before the first task, one thread at a time; throws std::bad_alloc.
    void open() { ring_.open(); }

    /// A place for a small task; null if the task must become a node.
    [[nodiscard]] task_ring::slot* claim() noexcept { return list_.empty() ? ring_.claim() : nullptr; }
    /// The same for a thread that is no worker.
    [[nodiscard]] task_ring::slot* claim_from_outside() noexcept {
        for (int turns = 0;; ++turns) {
            task_ring::slot* const place = claim();
            if (place != nullptr || turns == courtesy || !list_.empty()) return place;
            give_way();
        }
    }

    void push(task_node& node) noexcept { push_at(claim(), node); }
    void push_from_outside(task_node& node) noexcept { push_at(claim_from_outside(), node); }
    /// Takes out the node, which was pushed here or elsewhere, if it is the oldest in the ring.
    [[nodiscard]] bool take_back(task_node& node) noexcept {
        if (node.position_ == task_node::nowhere || !ring_.take_oldest(node.position_)) return false;
        static_cast<ring_node&>(ring_.at(node.position_)).leave();
        return true;
    }
    /// Tasks that need not come behind those in the ring.
    void push(task_list nodes) noexcept { list_.push(std::move(nodes)); }

    /// The oldest task, or null.
    [[nodiscard]] task* take() noexcept {
        const task_ring::batch one = ring_.take(1);
        if (one.size != 0) return &ring_.at(one.first);
        return take_nodes(1).pop();
    }
    /// Up to `most` of the oldest tasks of the ring.
    [[nodiscard]] task_ring::batch take_ring(std::size_t most) noexcept { return ring_.take(most); }
    [[nodiscard]] task& at(std::uint64_t position) noexcept { return ring_.at(position); }
    /// Up to `most` of the oldest tasks of the list, if it is its turn.
    [[nodiscard]] task_list take_nodes(std::size_t most) noexcept {
        return ring_.size() == 0 ? list_.pop(most) : task_list();
    }

    /// True if nothing could be taken; sees every push that came before.
    [[nodiscard]] bool empty() const noexcept {
        return !ring_.any_ready() && (list_.empty() || ring_.size() != 0);
    }
    /// About how many tasks wait.
    [[nodiscard]] std::size_t size() const noexcept { return ring_.size() + list_.size(); }

    void note_overtaken() noexcept { list_.note_overtaken(); }

private:
    static constexpr int courtesy = 8;

    void push_at(task_ring::slot* place, task_node& node) noexcept {
        if (place == nullptr) return list_.push(node);
        node.position_ = ring_.position_of(*place);
        ::new (place->room()) ring_node(node);
        place->publish();
    }

    /// Stands for a node in the ring.
    class ring_node final : public task {
    public:
        explicit ring_node(task_node& node) noexcept : node_(&node) {}
        void run() noexcept override { leave().run(); }
        void stop() noexcept override { leave().stop(); }
        task_node& leave() noexcept {
            task_node& node = *node_;
            this->~ring_node();
            task_ring::vacate(this);
            return node;
        }

    private:
        ~ring_node() = default;

        task_node* node_;
    };

    task_ring ring_;
    injection_queue list_;
};

}  // namespace yoke::detail
