// SPDX-License-Identifier: MIT
#pragma once

/// The three orders in which a thread pool's tasks can wait. Each class has the same members, all that the
/// worker loop (executor/thread/core.hpp) knows:
///
///     add_worker()           there is one worker more, with the next number; may throw std::bad_alloc
///     push(task, self)       a new task; `self` is the worker that submits it, or `no_worker`. Cannot fail.
///     claim()                a place for a small task from outside (see task_ring.hpp), or null: then push() a node. Only
///                            where tasks need no priority.
///     take_back(task, self)  takes the task out again if that is cheap, as it is in the usual case of somebody who waits for what
///                            he has just submitted; false if not. `self` as for push().
///     next(self)             what worker `self` should do now, if that is cheap to tell; else null
///     search(self)           as next, but looks everywhere
///     take()                 any task, for any thread: to empty the queues
///     empty()                true if no task waits; seq_cst, see eventcount.hpp
///     stolen(self)           how many tasks worker `self` has taken from other workers' queues
///
/// and `note_overtaken()`, said after a task was begun or cancelled by somebody who did not take it from
/// here, so that the shells it leaves behind can be swept out now and then.

#include <yoke/detail/base/stable_array.hpp>
#include <yoke/detail/future/worker_place.hpp>
#include <yoke/executor/thread/intake.hpp>
#include <yoke/executor/thread/priority_queue.hpp>
#include <yoke/executor/thread/task_node.hpp>
#include <yoke/executor/thread/task_ring.hpp>
#include <yoke/executor/thread/work_stealing_deque.hpp>
#include <yoke/executor/thread/worker_counters.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace yoke::detail {

/// All workers share one queue; tasks begin in the order in which they were submitted.
class fifo_queues {
public:
    using node = task_node;

    void add_worker() { tasks_.open(); }
    void push(node& task, std::size_t self) noexcept {
        self == no_worker ? tasks_.push_from_outside(task) : tasks_.push(task);
    }
    [[nodiscard]] task_ring::slot* claim() noexcept { return tasks_.claim_from_outside(); }
    [[nodiscard]] bool take_back(task_node& task, std::size_t) noexcept { return tasks_.take_back(task); }
    task* next(std::size_t) noexcept { return take(); }
    task* search(std::size_t) noexcept { return take(); }
    task* take() noexcept { return tasks_.take(); }
    [[nodiscard]] bool empty() const noexcept { return tasks_.empty(); }
    [[nodiscard]] std::uint64_t stolen(std::size_t) const noexcept { return 0; }
    void note_overtaken() noexcept { tasks_.note_overtaken(); }

private:
    intake tasks_;
};

/// All workers share one queue; the task with the greatest priority begins first.
template <class Compare>
class priority_queues {
public:
    using node = prioritized_node;

    void add_worker() noexcept {}
    void push(node& task, std::size_t) noexcept { tasks_.push(task); }
    [[nodiscard]] bool take_back(node&, std::size_t) noexcept { return false; }
    task* next(std::size_t) noexcept { return take(); }
    task* search(std::size_t) noexcept { return take(); }
    task* take() noexcept { return tasks_.pop(); }
    [[nodiscard]] bool empty() const noexcept { return tasks_.empty(); }
    [[nodiscard]] std::uint64_t stolen(std::size_t) const noexcept { return 0; }
    void note_overtaken() noexcept { tasks_.note_overtaken(); }

private:
    priority_queue<Compare> tasks_;
};

/// Every worker has a deque of its own, and there is one shared queue for work from outside.
///
/// A worker's own submissions go to its deque, where it finds the youngest first (which is warm in its cache)
/// and others steal the oldest (which is likely to be the largest). Work from outside is taken in order and
/// in batches; what a worker has taken and not begun others can steal. So that neither new work can keep old work from
/// running for ever, every 61st look begins with the oldest.
class work_stealing_queues {
public:
    using node = task_node;

    /// A worker that has left for good keeps its queue, from which the others take what is left in it.
    void add_worker() {
        shared_.open();
        workers_.add(static_cast<std::uint32_t>(workers_.size()) + 1);
    }

    void push(node& task, std::size_t self) noexcept {
        if (self == no_worker) return shared_.push_from_outside(task);
        deque& own = workers_[self].tasks;
        if (own.push(&task)) return;
        spill(own);
        if (!own.push(&task)) shared_.push(task);
    }
    [[nodiscard]] task_ring::slot* claim() noexcept { return shared_.claim_from_outside(); }
    [[nodiscard]] bool take_back(task_node& task, std::size_t self) noexcept {
        return (self != no_worker && workers_[self].tasks.take_back(&task)) || shared_.take_back(task);
    }

    task* next(std::size_t self) noexcept {
        worker& me = workers_[self];
        if (++me.looks % looks_until_oldest == 0) {
            // One only: a batch on its way from queue to queue could be overlooked by who is about to sleep.
            if (task* const task = take_front(me)) return task;
            if (task* const task = shared_.take()) return task;
            if (task* const task = me.tasks.steal()) return task;
        }
        if (task* const task = me.tasks.pop()) return task;
        return take_front(me);
    }

    task* search(std::size_t self) noexcept {
        worker& me = workers_[self];
        if (task* const task = me.tasks.pop()) return task;
        if (task* const task = take_front(me)) return task;
        if (task* const task = take_shared(me)) return task;
        const std::size_t count = workers_.size();
        const std::size_t first = me.next_random() % count;
        for (std::size_t i = 0; i != count; ++i) {
            worker& victim = workers_[(first + i) % count];
            if (task* const task = begin_batch(me, victim.taken.steal_half())) {
                worker_counters::add(me.stolen, 1);
                return task;
            }
            if (task* const task = victim.tasks.steal()) {
                worker_counters::add(me.stolen, 1);
                return task;
            }
        }
        return nullptr;
    }

    task* take() noexcept {
        if (task* const task = shared_.take()) return task;
        for (std::size_t i = 0; i != workers_.size(); ++i) {
            worker& victim = workers_[i];
            if (task* const task = take_front(victim)) return task;
            while (!victim.tasks.empty()) {
                if (task* const task = victim.tasks.steal()) return task;
            }
        }
        return nullptr;
    }

    [[nodiscard]] bool empty() const noexcept {
        if (!shared_.empty()) return false;
        const std::size_t count = workers_.size();
        for (std::size_t i = 0; i != count; ++i) {
            if (!workers_[i].tasks.empty() || !workers_[i].taken.empty()) return false;
        }
        return true;
    }

    [[nodiscard]] std::uint64_t stolen(std::size_t self) const noexcept {
        return workers_[self].stolen.load(std::memory_order_relaxed);
    }

    void note_overtaken() noexcept { shared_.note_overtaken(); }

private:
    static constexpr unsigned looks_until_oldest = 61;
    static constexpr std::size_t largest_batch = 32;

    using deque = work_stealing_deque<task_node, 256>;

    struct worker {
        explicit worker(std::uint32_t seed) noexcept : random(seed) {}

        deque tasks;
        alignas(64) taken_tasks taken;
        unsigned looks = 0;
        std::uint32_t random;  // never 0
        std::atomic<std::uint64_t> stolen{0};

        /// Marsaglia, "Xorshift RNGs" (2003).
        std::uint32_t next_random() noexcept {
            random ^= random << 13;
            random ^= random >> 17;
            random ^= random << 5;
            return random;
        }
    };

    /// The first of those that the worker has taken from the ring and not begun.
    task* take_front(worker& from) noexcept {
        std::uint64_t position = 0;
        return from.taken.take_front(position) ? &shared_.at(position) : nullptr;
    }
    /// The first of a batch; the others can then be stolen. Null if there is none. The worker has no batch.
    task* begin_batch(worker& me, task_ring::batch batch) noexcept {
        if (batch.size == 0) return nullptr;
        if (batch.size != 1) me.taken.put({batch.first + 1, batch.size - 1});
        return &shared_.at(batch.first);
    }

    /// Takes this worker's share of the shared queue. Only for a searching worker: until the batch is where others can
    /// steal it nobody sees it, and the end of the search makes up for that.
    task* take_shared(worker& me) noexcept {
        const std::size_t share = shared_.size() / workers_.size() + 1;
        const std::size_t most = share < largest_batch ? share : largest_batch;
        if (task* const task = begin_batch(me, shared_.take_ring(most))) return task;
        task_list batch = shared_.take_nodes(most);
        task* const first = batch.pop();
        if (first == nullptr) return nullptr;
        // Backwards, so that the worker finds them in order.
        batch.reverse();
        while (task_node* const task = batch.pop()) {
            if (!me.tasks.push(task)) shared_.push(*task);
        }
        return first;
    }

    /// Moves the older half of a full deque to the shared queue, without the shells in it.
    void spill(deque& own) noexcept {
        task_list older;
        for (std::size_t i = 0; i != deque::capacity / 2; ++i) {
            task_node* const task = own.steal();
            if (task == nullptr) break;  // a thief was quicker, so there is room
            older.push(*task);
        }
        older.remove_overtaken().stop_all();
        shared_.push(std::move(older));
    }

    intake shared_;
    stable_array<worker> workers_;
};

}  // namespace yoke::detail
