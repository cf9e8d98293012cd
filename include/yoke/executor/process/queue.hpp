// SPDX-License-Identifier: MIT
#pragma once

/// The tasks of a process pool that have not begun: in which order they are to be sent, and by when they must have begun.

#include <yoke/detail/base/intrusive_heap.hpp>
#include <yoke/executor/process/task.hpp>

#include <cstddef>
#include <cstdint>

namespace yoke::detail {

/// Tasks that wait for a slot: the greatest priority first, and among equals the lowest number.
///
/// Tasks of priority 0 that come in the order of their numbers, which is what most pools ever see, stand in a line; all
/// others - of another priority, or come back from a slot - are in a heap. Either has its first at the front, and
/// the first of the two comes out.
class process_task_queue {
public:
    [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }

    void push(process_task& task) noexcept {
        task.in_heap = task.priority != 0 || (!line_.empty() && task.number < line_.last()->number);
        if (task.in_heap)
            heap_.push(task);
        else
            line_.push_back(task);
        ++size_;
    }
    void remove(process_task& task) noexcept {
        if (task.in_heap)
            heap_.remove(task);
        else
            line_.remove(task);
        --size_;
    }
    /// Null if it is empty.
    process_task* pop() noexcept {
        process_task* first = heap_.top();
        if (first == nullptr || (!line_.empty() && comes_first{}(*line_.first(), *first)))
            first = line_.first();
        if (first != nullptr) remove(*first);
        return first;
    }

private:
    struct comes_first {
        bool operator()(const process_task& a, const process_task& b) const noexcept {
            return a.priority != b.priority ? a.priority > b.priority : a.number < b.number;
        }
    };

    process_task_list line_;
    intrusive_heap<process_task, &process_task::by_priority, comes_first> heap_;
    std::size_t size_ = 0;
};

/// Those of the tasks that must begin by some time.
class begin_deadlines {
public:
    /// Adds a task, if it has such a time. True if no other must begin earlier.
    bool add(process_task& task) noexcept {
        if (task.begin_by == never) return false;
        heap_.push(task);
        return heap_.top() == &task;
    }
    /// The task has begun, or will not; does nothing if it is not here.
    void remove(process_task& task) noexcept {
        if (task.begin_by == never) return;
        heap_.remove(task);
        task.begin_by = never;
    }
    /// Takes out a task whose time has come; null if there is none.
    process_task* pop_late(std::int64_t now) noexcept {
        if (next() > now) return nullptr;
        process_task* const late = heap_.pop();
        if (late != nullptr) late->begin_by = never;
        return late;
    }
    /// The earliest of those times.
    [[nodiscard]] std::int64_t next() const noexcept { return heap_.empty() ? never : heap_.top()->begin_by; }

private:
    struct is_earlier {
        bool operator()(const process_task& a, const process_task& b) const noexcept {
            return a.begin_by != b.begin_by ? a.begin_by < b.begin_by : a.number < b.number;
        }
    };

    intrusive_heap<process_task, &process_task::by_deadline, is_earlier> heap_;
};

}  // namespace yoke::detail
