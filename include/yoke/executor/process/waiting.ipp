// SPDX-License-Identifier: MIT
#pragma once

/// What a thread does that waits for a task of a process pool: it sleeps on the state of the task's slot, is woken by the
/// worker itself, and brings the result home. So nothing stands between the two, and the collector sleeps on.
///
/// If the task is the only one that the pool has, the thread looks on for a moment before it sleeps: it may be one of many in
/// a row, each waited for (see detail/sync/spin_budget.hpp). Where there are more, it finds several results when it has slept.
///
/// A slot is not used again before all who watch it have left: else one of them might fall asleep on the state of
/// another task. Whoever changes a slot in another way than by the worker's commit wakes them; they find that
/// the task is not theirs to take, and wait for the future instead.

#include <yoke/executor/process/core.hpp>

namespace yoke::detail {

YOKE_INLINE bool process_core::await(process_task& task) noexcept {
    if (on_collector()) return false;
    std::uint32_t index = 0;
    bool alone = false;
    {
        const std::unique_lock lock = lock_soon();
        if (task.where != process_task::phase::sent) return false;
        index = task.slot;
        ++slots_[index].watchers;
        ++watchers_;
        static_cast<void>(board_.watch(index));
        alone = accepted_ == 1;
    }
    if (alone) board_.look_on(index);
    board_.await_done(index);
    std::array<std::byte, task_slot::capacity> copy;
    bool mine = false;
    bool in_block = false;
    bool spoilt = false;
    std::size_t wakes = 0;
    {
        const std::unique_lock lock = lock_soon();
        slot_record& record = slots_[index];
        --record.watchers;
        const slot_state state = state_of(index);
        mine = record.task == &task && committed(index, state);
        if (mine) {
            take_result(index, state);
            take_out_of_slot(task, copy);
            in_block = task.state_word != nullptr;
        } else if (record.task == &task && !possible(index, state)) {
            spoilt = true;  // a task has scribbled over the slot: the collector says so
            heal_at_ = 0;
            call_collector();
        } else if (record.task == &task) {
            call_collector();  // a second has passed: it looks whether a wake was lost
        }
        if ((mine && !in_block) || (record.vacant && record.watchers == 0)) free_slot(index);
        const std::size_t sent = dispatch();
        wakes = wakes_for(sent);
        if (sent != 0 && staff_.understaffed()) call_collector();
        // What we have in hand keeps the pool; without it that is over when we have let go of the mutex.
        if (!mine) wake(wakes);
        watcher_leaves();
    }
    if (!mine) return !spoilt;
    wake(wakes);
    const held_bytes held = task.held();
    {
        const task_scope completing(this, &drops_);
        complete(task);
    }
    if (watch_.forked()) return true;  // the receiver has; what follows is the parent's to do
    {
        const std::unique_lock lock = lock_soon();
        if (in_block) {
            free_slot(index);
            const std::size_t sent = dispatch();
            if (sent != 0 && staff_.understaffed()) call_collector();
            wake(wakes_for(sent));
        }
        finished(1, held);
    }
    return true;
}

}  // namespace yoke::detail
