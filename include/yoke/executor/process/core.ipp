// SPDX-License-Identifier: MIT
#pragma once

#include <yoke/executor/process/core.hpp>

namespace yoke::detail {

YOKE_INLINE std::shared_ptr<process_core> process_core::start(const process_setup& setup) {
    auto core = std::make_shared<process_core>(setup);
    for (const std::uintptr_t address : setup.init_code) core->check_code(address);
    core->crew_.hire_first(setup.workers);
    const signals_blocked quiet;
    core->collector_ = std::thread([core] { core->collect(); });
    return core;
}

YOKE_INLINE process_core::process_core(const process_setup& setup)
    : max_pending_(setup.max_pending),
      host_(process_host::instance()),
      use_(std::in_place, host_),
      max_bytes_(setup.max_pending_bytes != 0 ? setup.max_pending_bytes : host_.arena().limit() / 2),
      memory_(host_.arena(), process_board::bytes(slot_count, setup.most_workers)),
      init_call_(setup.init_call.empty() ? arena_block()
                                         : arena_block(host_.arena(), setup.init_call.size())),
      reports_(setup.terms.reports == 0
                   ? arena_block()
                   : arena_block(host_.arena(), setup.most_workers * sizeof(crash_report))),
      board_(memory_.bytes().data(), slot_count, setup.most_workers),
      slots_(slot_count),
      free_slots_(slot_count),
      output_(setup.terms.collects != 0 ? setup.most_workers : 0, setup.observer, setup.forward),
      crew_(host_, use_->link, board_, terms_of_workers(setup), setup.processors, output_),
      staff_(crew_, board_, setup.workers, setup.crash_limit, monotonic_ns()) {
    std::copy(setup.init_call.begin(), setup.init_call.end(), init_call_.bytes().begin());
    board_.construct();
    for (std::uint32_t i = 0; i < setup.most_workers && setup.terms.reports != 0; ++i)
        ::new (report_of(i)) crash_report;
    for (std::uint32_t i = 0; i < slot_count; ++i) free_slots_[i] = slot_count - 1 - i;
    spent_slots_.reserve(slot_count);
    wants_room_.reserve(slot_count);
    give_room_.reserve(slot_count);
    ends_.reserve(setup.most_workers);
    prints_.reserve(output_.collects() ? setup.most_workers * std::size_t{2} : 0);
}

YOKE_INLINE process_core::~process_core() { end(); }

YOKE_INLINE void process_core::check_process() const {
    if (in_worker_process)
        throw deadlock_error("a task of a process pool cannot use the pools of the program that runs it: its "
                             "worker would wait for itself; return what is to be done next and let the "
                             "program submit it");
    if (watch_.forked()) throw forked();
}

YOKE_INLINE void process_core::check_code(std::uintptr_t address) const {
    if (!host_.code().contains(address))
        throw unsupported(
            "the worker processes do not have the code of this call: its library was loaded after "
            "the fork server had started; load it before `yoke::runtime` or the first pool");
}

YOKE_INLINE void process_core::withdraw(std::uint64_t bytes) noexcept {
    const std::lock_guard lock(mutex_);
    --fresh_;
    finished(1, {.calls = bytes});
}

YOKE_INLINE bool process_core::cancel(process_task& task) noexcept {
    return cancel_or(task, []() noexcept {});
}

YOKE_INLINE void process_core::resize(std::uint32_t workers) noexcept {
    const std::lock_guard lock(mutex_);
    staff_.want(workers);
    call_collector();
}

YOKE_INLINE void process_core::shutdown() noexcept {
    const std::lock_guard lock(mutex_);
    close();
}

YOKE_INLINE void process_core::cancel_pending() noexcept {
    process_task_list stopped;
    {
        const std::lock_guard lock(mutex_);
        close();
        cancelling_ = true;
        take_back_all(stopped);
    }
    while (process_task* const task = stopped.pop_front()) stop_outside(*task);
}

YOKE_INLINE void process_core::wait() {
    if (completing())
        throw deadlock_error(
            "wait() was called by a receiver or continuation of a task of this very pool, which "
            "counts as unfinished until that returns");
    std::unique_lock lock(mutex_);
    idle_.wait(lock, [this] { return accepted_ == 0; });
}

YOKE_INLINE void process_core::join() noexcept {
    if (completing())
        collector_.detach();
    else
        collector_.join();
}

YOKE_INLINE worker_terms process_core::terms_of_workers(const process_setup& setup) const noexcept {
    worker_terms terms = setup.terms;
    terms.board_offset = memory_.offset();
    terms.slots = slot_count;
    terms.workers = setup.most_workers;
    terms.init_offset = init_call_.offset();
    terms.init_size = setup.init_call.size();
    terms.report_offset = reports_.offset();
    return terms;
}

YOKE_INLINE crash_report* process_core::report_of(std::uint32_t worker) const noexcept {
    const auto all = reports_.bytes();
    return all.empty() ? nullptr : reinterpret_cast<crash_report*>(all.data()) + worker;
}

YOKE_INLINE std::unique_lock<std::mutex> process_core::lock_soon() noexcept {
    std::unique_lock lock(mutex_, std::try_to_lock);
    for (int i = 0; !lock && i < 100; ++i) {
        cpu_pause();
        static_cast<void>(lock.try_lock());
    }
    if (!lock) lock.lock();
    return lock;
}

YOKE_INLINE std::size_t process_core::pending() const noexcept {
    std::size_t sent = 0;
    for (std::uint32_t i = 0; i < slot_count; ++i)
        if (slots_[i].task != nullptr && state_of(i).phase == slot_phase::sent) ++sent;
    return fresh_ + queue_.size() + sent;
}

YOKE_INLINE slot_state process_core::state_of(std::uint32_t index) const noexcept {
    return slot_state::of(board_.slot(index).state.load(std::memory_order_seq_cst));
}

YOKE_INLINE bool process_core::change(std::uint32_t index, slot_state from, slot_state to) noexcept {
    return board_.step(index, from, to).has_value();
}

YOKE_INLINE bool process_core::wake(std::size_t workers) const noexcept {
    bool woken = false;
    for (; workers != 0 && board_.wake_one(); --workers) woken = true;
    return woken;
}

YOKE_INLINE void process_core::finished(std::size_t count, const held_bytes& held) noexcept {
    accepted_ -= count;
    held_.calls -= held.calls;
    if (held.calls != 0 && waiting_for_bytes_ != 0) room_.notify_all();
    uncount_room(held.rooms);
    if (accepted_ != 0) return;
    by_priority_ = false;
    idle_.notify_all();
    if (closed_ || (!tidies_ && !on_collector())) call_collector();
}

YOKE_INLINE void process_core::uncount_room(std::uint64_t bytes) noexcept {
    held_.rooms -= bytes;
    if (bytes != 0 && !wants_room_.empty() && !on_collector()) call_collector();
}

YOKE_INLINE void process_core::drop_room(process_task& task) noexcept {
    task.room = {};
    uncount_room(std::exchange(task.room_bytes, 0));
}

YOKE_INLINE void process_core::provide_room(process_task& task, task_slot& slot) noexcept {
    slot.room_size = 0;
    const std::uint64_t bytes = task.results.bytes();
    if (bytes == 0 || (slot.keep_call == 0 && bytes <= slot.block_size)) return;
    if (bytes > most_room_ahead || held_.rooms + bytes > std::min(rooms_ahead, max_bytes_)) return;
    try {
        task.room = arena_block(arena(), static_cast<std::size_t>(bytes));
    } catch (...) {
        return;  // the worker asks, and is told why not
    }
    task.room_bytes = bytes;
    held_.rooms += bytes;
    slot.room_offset = task.room.offset();
    slot.room_size = bytes;
}

YOKE_INLINE void process_core::watcher_leaves() noexcept {
    if (--watchers_ == 0 && closed_ && accepted_ == 0) call_collector();
}

YOKE_INLINE void process_core::call_collector() noexcept {
    if (ended_) return;
    called_.store(true, std::memory_order_seq_cst);
    board_.call_collector_surely();
}

YOKE_INLINE void process_core::close() noexcept {
    closed_ = true;
    room_.notify_all();
    call_collector();
}

YOKE_INLINE void process_core::tend(bool tends) noexcept {
    if (tends_ == tends) return;
    tends_ = tends;
    board_.header().tended.store(tends ? 1 : 0, std::memory_order_seq_cst);
}

YOKE_INLINE std::size_t process_core::dispatch() noexcept {
    std::size_t sent = 0;
    const std::size_t most =
        by_priority_ ? std::min<std::size_t>(slot_count, 8 + 2 * staff_.wanted()) : slot_count;
    while (!queue_.empty() && !free_slots_.empty() && slot_count - free_slots_.size() < most &&
           board_.has_ring_room(pushed_, passed_)) {
        process_task& task = *queue_.pop();
        const std::uint32_t index = free_slots_.back();
        free_slots_.pop_back();
        send(task, index);
        ++sent;
    }
    return sent;
}

YOKE_INLINE void process_core::send(process_task& task, std::uint32_t index) noexcept {
    slot_record& record = slots_[index];
    task_slot& slot = board_.slot(index);
    record.task = &task;
    least_sent_ = std::min(least_sent_, task.priority);
    ++record.generation;
    task.where = process_task::phase::sent;
    task.slot = index;
    ++task.starts;
    --task.attempts;
    slot.entry = task.entry;
    slot.call_size = task.call.size();
    slot.block_offset = task.call.block().offset();
    slot.block_size = task.call.block().size();
    slot.timed = task.timeout_ns != 0;
    slot.keep_call = task.attempts > 0;
    provide_room(task, slot);
    slot.started.store(0, std::memory_order_relaxed);
    slot.stop.store(0, std::memory_order_relaxed);
    if (slot.block_size == 0) std::copy_n(task.call.bytes().data(), task.call.size(), slot.bytes.data());
    record.check_at = never;
    record.kill_at = never;
    if (task.timeout_ns != 0) {
        // It cannot expire earlier than this, and then one look tells when it will: see expire().
        record.seen_running = 0;
        look_at(record, later(monotonic_ns(), task.timeout_ns));
    }
    slot.state.store(slot_state{record.generation, 0, slot_phase::sent}.word(), std::memory_order_release);
    board_.push(pushed_++, index, record.generation);
}

YOKE_INLINE bool process_core::committed(std::uint32_t index, slot_state state) const noexcept {
    return slots_[index].task != nullptr && state.phase == slot_phase::done && possible(index, state);
}

YOKE_INLINE void process_core::look_at(slot_record& record, std::int64_t time) noexcept {
    if (time >= record.check_at) return;
    record.check_at = time;
    if (time >= next_check_) return;
    next_check_ = time;
    if (!on_collector()) call_collector();
}

YOKE_INLINE bool process_core::take_back(process_task& task) noexcept {
    if (task.where == process_task::phase::queued)
        queue_.remove(task);
    else if (task.where != process_task::phase::sent || !take_out(task))
        return false;
    begin_by_.remove(task);
    task.where = process_task::phase::complete;
    return true;
}

YOKE_INLINE void process_core::stop_outside(process_task& task) noexcept {
    {
        const task_scope completing(this, &drops_);
        task.give_back();
        task.complete_as_stopped();
    }
    account_outside(task);
}

YOKE_INLINE void process_core::account_outside(process_task& task) noexcept {
    const held_bytes held = task.held();
    task.release();
    if (watch_.forked()) return;  // the receiver has
    const std::lock_guard lock(mutex_);
    finished(1, held);
}

YOKE_INLINE void process_core::collect() noexcept {
    ::prctl(PR_SET_NAME, "yoke-collector");
    ::prctl(PR_SET_TIMERSLACK, 1UL);
    const task_scope here(&collector_);
    const task_scope completing(this, &drops_);
    while (collect_once()) {}
    end();
}

}  // namespace yoke::detail
