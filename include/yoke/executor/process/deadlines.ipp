// SPDX-License-Identifier: MIT
#pragma once

/// What follows from the options of a process pool's tasks: stop requests, priorities, deadlines.

#include <yoke/executor/process/core.hpp>

namespace yoke::detail {

/// A stop was requested: cancels the task if no worker has begun it; else asks it to stop, and has its worker killed
/// when its grace is over. Does nothing in a worker or a forked child.
YOKE_INLINE void process_core::stop(process_task& task) noexcept {
    // With the mutex held from the look to the end, so that a task whose worker dies does not begin again unasked.
    cancel_or(task, [this, &task]() noexcept {
        task.stop_requested = true;
        slot_record& record = slots_[task.slot];
        shared_word& word = board_.slot(task.slot).stop;
        std::uint32_t unasked = 0;
        word.compare_exchange_strong(unasked, stop_watch::asked, std::memory_order_seq_cst);
        futex_wake(word);
        if (task.grace_ns == never) return;
        record.kill_at = later(monotonic_ns(), task.grace_ns);
        look_at(record, record.kill_at);
    });
}

/// Puts tasks of a lower priority that were sent and have not begun back into the queue: what is in the ring begins in
/// the order of the ring. While there are priorities few are sent ahead, so few ever come back.
YOKE_INLINE void process_core::recall_below(int priority) noexcept {
    if (priority <= least_sent_) return;
    YOKE_TEST_POINT("sent tasks recalled");
    least_sent_ = priority;  // those that stay have begun, or have at least this
    for (std::uint32_t index = 0; index < slot_count; ++index) {
        process_task* const task = slots_[index].task;
        if (task == nullptr || task->priority >= priority || !take_out(*task)) continue;
        --task->starts;
        ++task->attempts;
        task->where = process_task::phase::queued;
        queue_.push(*task);
    }
}

YOKE_INLINE void process_core::expire(std::int64_t now) {
    next_check_ = never;
    for (std::uint32_t index = 0; index < slot_count; ++index) {
        slot_record& record = slots_[index];
        if (record.task == nullptr || record.check_at == never) continue;
        if (record.check_at <= now) expire(index, now);
        if (record.task != nullptr) next_check_ = std::min(next_check_, record.check_at);
    }
}

/// Fails what should have begun by now and has not.
YOKE_INLINE void process_core::fail_late(std::int64_t now) {
    while (process_task* const task = begin_by_.pop_late(now)) {
        if (!take_back(*task)) continue;  // it has begun
        fail(*task, make_error([&] {
            return task_timeout("task " + std::to_string(task->number) + " had not begun within " +
                                    std::to_string(task->queue_ns / 1'000'000) +
                                    " ms of its acceptance (task_options::queue_timeout); it never ran",
                                false);
        }));
        if (waiting_for_room_ != 0) room_.notify_all();
    }
}

/// A task with a timeout is first looked at one timeout after it was sent, and again every timeout until it has begun; then
/// the time of its start tells exactly when it expires, which is not before the next look. So nobody need report a start.
/// One that was asked to stop runs, and expires when its grace is over.
YOKE_INLINE void process_core::expire(std::uint32_t index, std::int64_t now) {
    slot_record& record = slots_[index];
    process_task& task = *record.task;
    const slot_state state = state_of(index);
    record.check_at = task.timeout_ns != 0 ? later(now, task.timeout_ns) : never;
    if (!possible(index, state) || !state.in_hand()) return;
    const std::int64_t due = task.timeout_ns != 0 ? later(began(index, now), task.timeout_ns) : never;
    if (std::min(due, record.kill_at) > now) {
        record.check_at = std::min(due, record.kill_at);
        return;
    }
    if (!change(index, state, state.with(slot_phase::expired))) {
        record.check_at = now;  // it has just moved on, perhaps to done: look again
        return;
    }
    // The worker may write to the slot and its blocks until it is dead.
    record.task = nullptr;
    send_watchers_away(index);
    record.expired_in = static_cast<std::uint16_t>(state.worker + 1);
    record.expired_task = task.number;
    const int pid = crew_.pid(state.worker);
    crew_.kill(state.worker);
    record.held = {std::move(task.call.block()), std::move(task.room)};
    if (record.kill_at <= now) {
        task.stopped = true;
        return make_ready(task);
    }
    fail(task, make_error([&] {
             return task_timeout("task " + std::to_string(task.number) + " ran longer than its " +
                                 std::to_string(task.timeout_ns / 1'000'000) + " ms; its worker (process " +
                                 std::to_string(pid) + ") was killed");
         }));
}
/// When the worker that has the slot in hand began.
YOKE_INLINE std::int64_t process_core::began(std::uint32_t index, std::int64_t now) noexcept {
    const std::int64_t started = board_.slot(index).started.load(std::memory_order_acquire);
    if (started > 0 && started <= now) return started;
    // Claimed this very moment, or stopped before it could note the time.
    std::int64_t& seen = slots_[index].seen_running;
    if (seen == 0) seen = now;
    return seen;
}

}  // namespace yoke::detail
