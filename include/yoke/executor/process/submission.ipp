// SPDX-License-Identifier: MIT
#pragma once

/// How tasks come into a process pool: on the thread that submits them, which sends them to the workers if there is a free
/// slot, and takes what the workers have done out of the slots if there is none and the collector is not there to do it.

#include <yoke/executor/process/core.hpp>

namespace yoke::detail {

YOKE_INLINE bool process_core::admit(bool may_wait, std::uint64_t bytes, void*& block) {
    if (bytes > max_bytes_)
        throw message_too_large("the call has " + std::to_string(bytes) +
                                " bytes, and process_pool_options::max_pending_bytes is " +
                                std::to_string(max_bytes_) +
                                "; raise it, pass less at a time, or pass a yoke::shared_span");
    std::unique_lock lock = lock_soon();
    for (;;) {
        if (closed_) throw pool_closed();
        if (!broken_.empty()) throw broken_pool(broken_);
        // What this thread completes holds bytes until it is done, so a receiver's new task goes in beyond this bound, too.
        if (held_.calls + bytes > max_bytes_ && !completing()) {
            if (!may_wait) return false;
            ++waiting_for_bytes_;
            room_.wait(lock);
            --waiting_for_bytes_;
            continue;
        }
        if (accepted_ < max_pending_ || (fresh_ + queue_.size() < max_pending_ && pending() < max_pending_))
            break;
        if (!may_wait) return false;
        // The collector makes the room that it would wait for; a receiver's new task goes in beyond the bound. So does
        // what follows a future (`then`), on whatever thread completes that, or a timer.
        if (on_collector() || must_not_wait()) break;
        // A claim from now on is heard of; one just before is seen by the second look.
        if (board_.header().watch_claims.exchange(1, std::memory_order_seq_cst) == 0) continue;
        ++waiting_for_room_;
        room_.wait(lock);
        --waiting_for_room_;
    }
    ++accepted_;
    held_.calls += bytes;
    ++fresh_;
    block = kept_.take();
    return true;
}

/// None while a worker is awake that looks for a task: it finds them, and wakes the next one. Waking costs as much as many
/// small tasks, and often gives the woken worker the very processor of who wakes it. So while a stream of tasks
/// comes back only the collector decides, at its next look, as long as one worker is awake.
YOKE_INLINE std::size_t process_core::wakes_for(std::size_t sent) noexcept {
    const std::size_t sleepers = sent == 0 || board_.searchers() != 0 ? 0 : board_.sleepers();
    if (sleepers == 0 || !tends_) return std::min(sent, sleepers);
    if (monotonic_ns() < later(looked_, held_up_ns)) return sleepers >= staff_.wanted() ? 1 : 0;
    tend(false);
    return std::min<std::size_t>(board_.backlog(pushed_), sleepers);
}

YOKE_INLINE void process_core::enqueue(process_task& task) noexcept {
    enum { queued, stopped, refused } outcome = queued;
    std::size_t wakes = 0;
    {
        const std::unique_lock lock = lock_soon();
        --fresh_;
        task.number = ++last_number_;
        if (task.stop_requested || cancelling_) {
            outcome = stopped;
        } else if (!broken_.empty()) {
            outcome = refused;
        }
        if (outcome != queued) {
            task.where = process_task::phase::complete;
        } else {
            if (task.queue_ns != 0) task.begin_by = later(monotonic_ns(), task.queue_ns);
            if (begin_by_.add(task) && !on_collector()) call_collector();
            if (task.priority != 0) by_priority_ = true;
            if (by_priority_) recall_below(task.priority);
            task.where = process_task::phase::queued;
            queue_.push(task);
            // The task is not ours any more: it may be complete before we are out of here, and the pool gone
            // once we have let go of the mutex - unless there is somebody to wake, which costs too much to be done
            // with the mutex held: until then we count as a watcher, which keeps the pool.
            std::size_t sent = dispatch();
            if (sent == 0 && free_slots_.empty() && board_.any_done()) {
                // The collector naps, or is not as fast as we are.
                gather(false);
                sent = dispatch();
            }
            if (sent != 0) {
                wakes = wakes_for(sent);
                if (wakes != 0)
                    ++watchers_;
                else if (staff_.understaffed())
                    call_collector();
            } else if (!board_.ring_sound(pushed_)) {
                heal_at_ = 0;  // no worker will ever find it: the collector says so
                call_collector();
            }
        }
    }
    if (wakes != 0) {
        const bool woken = wake(wakes);
        const std::unique_lock lock = lock_soon();
        if (!woken && staff_.understaffed()) call_collector();
        watcher_leaves();
    }
    if (outcome == stopped) stop_outside(task);
    if (outcome == refused) refuse_outside(task);
}

YOKE_INLINE void process_core::refuse_outside(process_task& task) noexcept {
    {
        const task_scope completing(this, &drops_);
        task.give_back();
        task.complete_with_error(make_error([this] {
            const std::lock_guard lock(mutex_);
            return broken_pool(broken_);
        }));
    }
    account_outside(task);
}

// How tasks come out of their slots again.

YOKE_INLINE void process_core::take_back_all(process_task_list& to) noexcept {
    for (std::uint32_t i = 0; i < slot_count; ++i) {
        process_task* const task = slots_[i].task;
        if (task != nullptr && task->where == process_task::phase::sent && take_back(*task))
            to.push_back(*task);
    }
    while (process_task* const task = queue_.pop()) {
        begin_by_.remove(*task);
        task->where = process_task::phase::complete;
        to.push_back(*task);
    }
}

YOKE_INLINE void process_core::free_slot(std::uint32_t index) noexcept {
    slot_record& record = slots_[index];
    record.task = nullptr;
    record.vacant = record.watchers != 0;
    if (record.vacant)
        send_watchers_away(index);
    else
        free_slots_.push_back(index);
}

YOKE_INLINE void process_core::send_watchers_away(std::uint32_t index) noexcept {
    if (slots_[index].watchers == 0) return;
    if (state_of(index).under_way())
        board_.slot(index).state.store(slot_state{slots_[index].generation}.word(),
                                       std::memory_order_seq_cst);
    board_.wake_watchers(index);
}

YOKE_INLINE bool process_core::take_out(process_task& task) noexcept {
    const slot_state sent{slots_[task.slot].generation, 0, slot_phase::sent};
    if (!change(task.slot, sent, sent.with(slot_phase::empty))) return false;
    drop_room(task);
    free_slot(task.slot);
    return true;
}

}  // namespace yoke::detail
