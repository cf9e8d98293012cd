// SPDX-License-Identifier: MIT
#pragma once

/// A first-in first-out queue of tasks for any number of producers and consumers: where a thread pool takes
/// work in.
///
/// A short list under a lock, taken in batches. Pushing allocates nothing and cannot fail.
///
/// An overtaken task (cancelled, or run by who waited for it) leaves its shell in the queue. Whoever
/// overtakes says so by `note_overtaken()`; when at least half of the queue may be shells they are swept out,
/// so they never outnumber the living by more than a constant, at a constant cost each.

#include <yoke/executor/thread/task_node.hpp>

#include <atomic>
#include <cstddef>
#include <mutex>
#include <utility>

namespace yoke::detail {

class injection_queue {
public:
    injection_queue() = default;
    injection_queue(const injection_queue&) = delete;
    injection_queue& operator=(const injection_queue&) = delete;

    /// Adds a task at the end.
    void push(task_node& task) noexcept {
        task_list one;
        one.push(task);
        push(std::move(one));
    }
    /// Adds tasks at the end, in order.
    void push(task_list tasks) noexcept {
        task_list shells;
        {
            const std::lock_guard lock(mutex_);
            tasks_.append(std::move(tasks));
            const std::size_t overtaken = overtaken_.load(std::memory_order_relaxed);
            if (overtaken >= fewest_to_sweep && overtaken >= tasks_.size() / 2) {
                overtaken_.fetch_sub(overtaken, std::memory_order_relaxed);
                shells = tasks_.remove_overtaken();
            }
            publish_size();
        }
        shells.stop_all();  // outside the lock: this may destroy what the user gave us
    }

    /// Takes up to `most` of the oldest tasks.
    [[nodiscard]] task_list pop(std::size_t most) noexcept {
        task_list taken;
        if (empty()) return taken;
        const std::lock_guard lock(mutex_);
        while (taken.size() < most && !tasks_.empty()) taken.push(*tasks_.pop());
        publish_size();
        return taken;
    }

    /// Tells how many tasks wait. May be outdated at once, but sees every push that came before.
    [[nodiscard]] std::size_t size() const noexcept { return size_.load(std::memory_order_seq_cst); }
    [[nodiscard]] bool empty() const noexcept { return size() == 0; }

    /// A task that may be in this queue was begun or cancelled by somebody else.
    void note_overtaken() noexcept { overtaken_.fetch_add(1, std::memory_order_relaxed); }

private:
    static constexpr std::size_t fewest_to_sweep = 1024;

    /// seq_cst for the sake of the sleepers: see eventcount.hpp.
    void publish_size() noexcept { size_.store(tasks_.size(), std::memory_order_seq_cst); }

    std::mutex mutex_;
    task_list tasks_;
    std::atomic<std::size_t> size_{0};
    std::atomic<std::size_t> overtaken_{0};
};

}  // namespace yoke::detail
