// SPDX-License-Identifier: MIT
#pragma once

/// What the collector of a process pool does when it looks around: results, deaths, deadlines, new tasks.

#include <yoke/executor/process/core.hpp>

namespace yoke::detail {

YOKE_INLINE bool process_core::collect_once() noexcept {
    if (process_task* const task = taken_.pop_front()) {
        std::array<std::byte, task_slot::capacity> copy;
        if (task->holds_slot) {
            take_out_of_slot(*task, copy);
            spent_slots_.push_back(task->slot);
        }
        completed_held_ += task->held();
        complete(*task);
        if (watch_.forked()) end_forked_process();
        ++completed_;
        return true;
    }
    std::int64_t next = never;
    std::size_t wakes = 0;
    {
        const std::unique_lock lock = lock_soon();
        look_around(next, wakes);
        if (closed_ && accepted_ == 0 && watchers_ == 0 && ready_.empty()) return false;
        std::swap(taken_, ready_);
    }
    unneeded_ = {};
    wake(wakes);
    deliver_output();  // before somebody else prints in a dead worker's place
    if (watch_.forked()) end_forked_process();
    staff_.carry_out();
    for (const std::uint32_t index : give_room_) give_room(index);
    give_room_.clear();
    if (taken_.empty()) sleep(next);
    return true;
}

YOKE_INLINE void process_core::look_around(std::int64_t& next, std::size_t& wakes) {
    called_.store(false, std::memory_order_seq_cst);
    board_.header().claims.store(0, std::memory_order_seq_cst);
    for (const std::uint32_t index : spent_slots_) free_slot(index);
    spent_slots_.clear();
    const std::int64_t now = monotonic_ns();
    const std::size_t came = completed_;
    const bool tended = std::exchange(naps_, stream_.flows(now, came));
    tend(naps_);
    looked_ = now;
    if (completed_ != 0) finished(std::exchange(completed_, 0), std::exchange(completed_held_, {}));

    gather(now >= heal_at_);
    find_output();
    if (crew_.news()) after_deaths(now);
    allot_rooms();
    if (now >= next_check_) expire(now);
    fail_late(now);
    wakes = dispatch();
    const std::uint64_t backlog = board_.backlog(pushed_);
    if (naps_)  // those who are awake, if any, will be busy for longer than we are away
        wakes = backlog > came || (backlog != 0 && board_.sleepers() >= staff_.wanted()) ? 1 : 0;
    else if (tended)
        wakes = backlog;
    staff_.plan(backlog, now, next);

    if (waiting_for_room_ == 0)
        board_.header().watch_claims.store(0, std::memory_order_seq_cst);
    else if (pending() < max_pending_)
        room_.notify_all();

    next = std::min({next, next_check_, begin_by_.next()});
    tidy(now, next);
    if (accepted_ == 0) return;
    // A worker that was stopped (SIGSTOP) between two steps of waking somebody, or between its last look at a search's
    // end and its claim, and marks that a task has wiped out: healed here.
    if (now >= heal_at_) {
        if (!board_.ring_empty()) {
            board_.forget_searchers();
            crew_.wake_all();
        }
        check_memory();
        heal_at_ = later(now, healing_interval());
    }
    next = std::min(next, heal_at_);
}

/// Memory follows the load: once a second what the last second did not need is given back. A pool that has been idle for a
/// second gives all back, and then looks no more.
YOKE_INLINE void process_core::tidy(std::int64_t now, std::int64_t& next) noexcept {
    std::int64_t at = never;
    if (accepted_ != 0) {
        idle_since_ = never;
        if (now >= tidy_at_) {
            unneeded_ = kept_.age();
            arena().trim(now);
        }
        if (now >= tidy_at_ || tidy_at_ == never) tidy_at_ = later(now, kept_ns);
        at = tidy_at_;
    } else if (tidy_at_ != never || kept_.any()) {
        idle_since_ = std::min(idle_since_, now);
        if (now < later(idle_since_, kept_ns)) {
            at = later(idle_since_, kept_ns);
        } else {
            unneeded_ = kept_.clear();
            arena().trim_all();
            tidy_at_ = never;
        }
    }
    tidies_ = at != never;
    next = std::min(next, at);
}

/// Takes what the workers have announced; with `all`, looks at every slot whether announced or not.
YOKE_INLINE void process_core::gather(bool all) {
    for (std::uint32_t word = 0; word < board_.done_words(); ++word) {
        for (std::uint64_t bits = board_.take_done(word) | (all ? ~std::uint64_t{0} : 0); bits != 0;
             bits &= bits - 1) {
            const std::uint32_t index = word * 64 + static_cast<std::uint32_t>(std::countr_zero(bits));
            const slot_state state = state_of(index);
            if (slots_[index].task == nullptr || !possible(index, state)) continue;
            if (state.phase == slot_phase::done) {
                process_task& task = take_result(index, state);
                if (task.error == nullptr && task.result.data() == board_.slot(index).bytes.data() &&
                    task.result.size() <= task.call.spent_bytes().size()) {
                    take_out_of_slot(task, task.call.spent_bytes());
                    task.holds_slot = false;
                    free_slot(index);  // for the next one, before this one is completed
                }
                make_ready(task);
            } else if (state.phase == slot_phase::wants_room && !on_collector()) {
                board_.set_done(index);  // only the collector gives room
                call_collector();
            } else if (state.phase == slot_phase::wants_room &&
                       std::find(wants_room_.begin(), wants_room_.end(), index) == wants_room_.end())
                wants_room_.push_back(index);
        }
    }
}

/// The task's worker has committed. Where the result is, is checked against what this side knows.
YOKE_INLINE process_task& process_core::take_result(std::uint32_t index, slot_state state) {
    slot_record& record = slots_[index];
    task_slot& slot = board_.slot(index);
    process_task& task = *std::exchange(record.task, nullptr);
    task.holds_slot = true;
    task.state_word = &slot.state;
    task.committed = state.word();
    const result_record result = result_record::of(slot);
    std::span<std::byte> place;
    switch (result.at) {
    case result_place::slot: place = slot.bytes; break;
    case result_place::call_block: place = task.call.block().bytes(); break;
    case result_place::room: place = task.room.bytes(); break;
    }
    task.failed = result.failed != 0;
    if (task.failed) task.worker_pid = crew_.pid(state.worker);
    if (!result.sound(state)) {
        task.error = make_error([&] {
            return decode_error("what the worker says of the result of task " + std::to_string(task.number) +
                                " was overwritten before it could be read");
        });
    } else if (result.size > place.size()) {
        task.error = make_error([&] {
            return decode_error("the worker says that the result of task " + std::to_string(task.number) +
                                " has " + std::to_string(result.size) + " bytes, and its place has " +
                                std::to_string(place.size()));
        });
    } else {
        task.result = place.first(static_cast<std::size_t>(result.size));
    }
    if (task.error == nullptr && !task.failed) task.results.learn(result.size);
    staff_.task_done();
    begin_by_.remove(task);
    task.where = process_task::phase::leaving;
    return task;
}

YOKE_INLINE void process_core::make_ready(process_task& task) {
    begin_by_.remove(task);
    task.where = process_task::phase::leaving;
    ready_.push_back(task);
}
YOKE_INLINE void process_core::fail(process_task& task, std::exception_ptr error) {
    task.error = std::move(error);
    make_ready(task);
}

YOKE_INLINE void process_core::after_deaths(std::int64_t now) {
    ends_.clear();
    crew_.take_ends(ends_);
    for (const worker_end& end : ends_) {
        board_.clear_desk(end.place);
        const dead_worker dead =
            end.not_forked == 0 ? settle_dead(end, output_.take(end.place)) : dead_worker{};
        const std::string why = staff_.ended(end, dead.killed, dead.busy, now);
        if (!why.empty()) break_pool(why);
    }
    if (!ends_.empty()) {
        crew_.wake_all();  // whatever wake the dead had taken and not passed on
        check_memory();
    }
    if (crew_.lost()) {
        break_pool("the fork server has ended, and all workers with it");
        give_up_running();
    }
}

/// Decides what becomes of what a dead worker had in hand.
/// `printed`: what it has printed since it last said so.
YOKE_INLINE process_core::dead_worker process_core::settle_dead(const worker_end& end,
                                                                process_output::texts printed) {
    dead_worker dead;
    std::uint64_t printed_by = 0;
    for (std::uint32_t index = 0; index < slot_count; ++index) {
        slot_record& record = slots_[index];
        if (record.expired_in == end.place + 1) {
            record.expired_in = 0;
            printed_by = record.expired_task;
            for (arena_block& block : record.held) block = {};
            free_slot(index);
            dead.killed = true;
            continue;
        }
        if (record.task == nullptr) continue;
        const slot_state state = state_of(index);
        const bool sound = possible(index, state);
        if (sound && (state.worker != end.place || state.phase == slot_phase::sent)) continue;
        if (sound && state.phase == slot_phase::done) {
            make_ready(take_result(index, state));  // it died before it could announce it
            continue;
        }
        // In its hand, or a word that nobody writes who is in his right mind.
        dead.busy = true;
        process_task& task = *record.task;
        printed_by = task.number;
        free_slot(index);
        if (sound && task.attempts > 0 && !cancelling_ && !task.stop_requested) {
            drop_room(task);
            begin_by_.remove(task);
            task.where = process_task::phase::queued;
            queue_.push(task);  // to the front of its equals: its number is the lowest
            continue;
        }
        fail(task, make_error([&] {
                 std::string text = "task " + std::to_string(task.number) +
                                    " was lost: its worker (process " + std::to_string(end.pid) + ") " +
                                    describe(end) + " while it ran the task";
                 if (task.starts > 1)
                     text += "; it had been started " + std::to_string(task.starts) + " times";
                 crash_report* const report = end.signal != 0 ? report_of(end.place) : nullptr;
                 return worker_lost(text, end.pid, end.signal, end.signal == 0 ? end.status : 0, task.number,
                                    task.starts, printed[0] + printed[1], static_cast<int>(end.place),
                                    report != nullptr ? report->take() : std::string());
             }));
    }
    // The next worker in this place has none of it.
    if (crash_report* const report = report_of(end.place)) report->size.store(0, std::memory_order_relaxed);
    if (!printed[0].empty() || !printed[1].empty())
        prints_.push_back({end.place, end.pid, printed_by, false, std::move(printed)});
    return dead;
}

/// Fails what has not begun and lets nothing more in. What runs goes on.
YOKE_INLINE void process_core::break_pool(std::string_view why) {
    if (!broken_.empty()) return;
    try {
        broken_ = "the process pool is broken: " + std::string(why);
    } catch (...) {
        broken_ = "out of memory";  // short enough to need none
    }
    staff_.close();
    process_task_list unbegun;
    take_back_all(unbegun);
    while (process_task* const task = unbegun.pop_front())
        fail(*task, make_error([this] { return broken_pool(broken_); }));
    room_.notify_all();
}

/// A worker has written where it must not. What the pool relies on is on its own side, so this is found and not followed.
YOKE_INLINE bool process_core::overwritten() const noexcept {
    if (!board_.ring_sound(pushed_)) return true;
    const bool none_waits = board_.ring_empty();
    for (std::uint32_t index = 0; index < slot_count; ++index) {
        if (slots_[index].task == nullptr) continue;
        const slot_state state = state_of(index);
        if (!possible(index, state)) return true;
        // A slot is sent before its entry is in the ring, and taken before the head passes it.
        if (none_waits && state.phase == slot_phase::sent) return true;
    }
    return false;
}
/// A state that the protocol could give to a slot with a task in it.
YOKE_INLINE bool process_core::possible(std::uint32_t index, slot_state state) const noexcept {
    return state.generation == slots_[index].generation && state.worker < board_.worker_count() &&
           (state.phase == slot_phase::sent || state.phase == slot_phase::done || state.in_hand());
}
YOKE_INLINE void process_core::check_memory() {
    if (!broken_.empty() || !overwritten()) return;
    break_pool("a task has overwritten the memory that the pool shares with its workers");
    // What they run is lost; their ends will say so.
    for (std::uint32_t place = 0; place < board_.worker_count(); ++place) crew_.kill(place);
}

/// The server is gone: nobody will say when the workers are. What they may still write to is not used again.
YOKE_INLINE void process_core::give_up_running() {
    for (std::uint32_t index = 0; index < slot_count; ++index) {
        slot_record& record = slots_[index];
        if (record.task == nullptr) continue;
        const slot_state state = state_of(index);
        if (committed(index, state)) {
            make_ready(take_result(index, state));
            continue;
        }
        process_task& task = *std::exchange(record.task, nullptr);
        send_watchers_away(index);
        record.held = {std::move(task.call.block()), std::move(task.room)};
        fail(task, make_error([this] { return broken_pool(broken_); }));
    }
}

/// Decides which of the workers that want room are answered now. The others wait until results have been read and their rooms
/// come back: those go on being read, whoever waits here.
YOKE_INLINE void process_core::allot_rooms() noexcept {
    std::erase_if(wants_room_, [this](std::uint32_t index) {
        const slot_state state = state_of(index);
        if (slots_[index].task == nullptr || !possible(index, state) || state.phase != slot_phase::wants_room)
            return true;
        process_task& task = *slots_[index].task;
        const std::uint64_t bytes = read_once(board_.slot(index).result_size);
        const std::uint64_t others = held_.rooms - task.room_bytes;
        if (bytes <= max_bytes_ && others != 0 && bytes > max_bytes_ - std::min(others, max_bytes_))
            return false;
        if (bytes <= max_bytes_) {
            held_.rooms = others + bytes;
            task.room_bytes = bytes;
        }
        task.room_wanted = bytes;
        give_room_.push_back(index);
        return true;
    });
}

/// Answers a worker whose result does not fit. Without the mutex: getting memory may take a while, and only the
/// collector changes a slot that a worker has in hand.
YOKE_INLINE void process_core::give_room(std::uint32_t index) noexcept {
    const slot_record& record = slots_[index];
    const slot_state state = state_of(index);
    if (record.task == nullptr || !possible(index, state) || state.phase != slot_phase::wants_room) return;
    process_task& task = *record.task;
    task_slot& slot = board_.slot(index);
    slot_phase answer = slot_phase::has_room;
    try {
        task.room = {};
        slot.room_size = task.room_wanted > max_bytes_ ? max_bytes_ : 0;
        if (task.room_wanted > max_bytes_) throw std::bad_alloc();
        task.room = arena_block(arena(), static_cast<std::size_t>(task.room_wanted));
        slot.room_offset = task.room.offset();
    } catch (...) {
        answer = slot_phase::no_room;
    }
    change(index, state, state.with(answer));
    board_.answer(state.worker);
}

/// Notes which workers have printed and wait.
YOKE_INLINE void process_core::find_output() {
    if (!output_.collects() || board_.header().printed.exchange(0, std::memory_order_seq_cst) == 0) return;
    for (std::uint32_t place = 0; place < board_.worker_count(); ++place) {
        if (!board_.begin_output(place)) continue;
        const std::uint32_t index = board_.desk(place).printed_by.load(std::memory_order_relaxed);
        const process_task* const task = index < slot_count ? slots_[index].task : nullptr;
        prints_.push_back({place, crew_.pid(place), task != nullptr ? task->number : 0, true, {}});
    }
}
/// Without the mutex: only the collector looks at what workers print, and they wait for it.
YOKE_INLINE void process_core::deliver_output() noexcept {
    for (printed_text& printed : prints_) {
        if (printed.waits) printed.texts = output_.take(printed.place);
        output_.deliver(printed.pid, printed.task, printed.texts);
        if (printed.waits) board_.end_output(printed.place);
    }
    prints_.clear();
}

/// The task says that it has stopped.
YOKE_INLINE bool is_cancelled(const std::exception_ptr& error) noexcept {
    try {
        std::rethrow_exception(error);
    } catch (const cancelled&) {
        return true;
    } catch (...) {
        return false;
    }
}

/// Takes a result that lies in its slot out of there, into `copy`, and looks at the slot's state again. Then the slot can be
/// used for another task. One that lies in a block needs its slot until it is read.
YOKE_INLINE void process_core::take_out_of_slot(process_task& task, std::span<std::byte> copy) noexcept {
    if (task.error != nullptr || task.result.data() != board_.slot(task.slot).bytes.data()) return;
    std::copy(task.result.begin(), task.result.end(), copy.begin());
    task.result = copy.first(task.result.size());
    try {
        task.expect_untouched();
    } catch (...) {
        task.error = std::current_exception();
    }
    task.state_word = nullptr;
}

/// Reads the outcome and tells the receiver. Bytes that change while they are read can make nonsense, but no harm: every
/// decoder checks what it reads; and when it has read all, `expect_untouched` finds out.
YOKE_INLINE void process_core::complete(process_task& task) noexcept {
    if (task.error == nullptr && task.failed) {
        task.error = decode_exception(task.result, task.worker_pid);
        task.stopped = task.stop_requested && is_cancelled(task.error);
        try {
            task.expect_untouched();
        } catch (...) {
            task.error = std::current_exception();
            task.stopped = false;
        }
    }
    if (task.stopped) {
        task.give_back();
        task.complete_as_stopped();
    } else if (task.error != nullptr) {
        task.give_back();
        task.complete_with_error(std::move(task.error));
    } else {
        task.complete_with_result(task.result);
    }
    task.release();
}

YOKE_INLINE void process_core::sleep(std::int64_t next) noexcept {
    board_header& header = board_.header();
    if (naps_) {
        // Many tasks come back. The word says that we are awake, so the workers do not wake us for each, but go on.
        futex_wait(header.collector, 0, std::min(next, later(monotonic_ns(), nap_ns)));
        return;
    }
    header.collector.store(1, std::memory_order_seq_cst);
    if (!board_.any_done() && !called_.load(std::memory_order_seq_cst) && !crew_.news() &&
        header.claims.load(std::memory_order_seq_cst) == 0 &&
        header.printed.load(std::memory_order_seq_cst) == 0)
        futex_wait(header.collector, 1, next);
    header.collector.store(0, std::memory_order_seq_cst);
}

/// Everything is complete: ends the workers and returns what the pool holds of the process. Futures may keep
/// the rest of the pool for longer.
YOKE_INLINE void process_core::end() noexcept {
    {
        const std::lock_guard lock(mutex_);
        if (std::exchange(ended_, true)) return;
    }
    crew_.dismiss_all();
    if (crew_.lost()) {
        memory_.abandon();
        init_call_.abandon();
        reports_.abandon();
        for (slot_record& record : slots_)
            for (arena_block& block : record.held) block.abandon();
    }
    memory_ = {};
    init_call_ = {};
    reports_ = {};
    use_.reset();
}

}  // namespace yoke::detail
