// SPDX-License-Identifier: MIT
#pragma once

/// The process pool without its types: the tasks, the slots, and the collector that looks after them.
///
/// One mutex guards the pool's own side. The *collector* is a thread that sleeps until a worker has finished something, a
/// worker has died, a deadline has come, or somebody calls it; then it looks at everything (`look_around`) and completes
/// what has an outcome, with no lock held. A task that a thread waits for is completed by that thread (executor/process/waiting.hpp), what was
/// given to a worker otherwise by the collector; tasks that never began are completed by whoever cancels them.
///
/// A receiver that blocks, blocks the collector. There is one exception: waiting for a future of the same pool on the
/// collector's thread goes on collecting (`collect_once`), so a continuation may do that.
///
/// How tasks come in stands in executor/process/submission.hpp, what the collector does in executor/process/collector.hpp, what a waiter does in
/// executor/process/waiting.hpp, and what follows from a task's options in executor/process/deadlines.hpp; a user of the class includes all four.

#include <yoke/detail/future/task_scope.hpp>
#include <yoke/detail/os/fork_detector.hpp>
#include <yoke/detail/process/host.hpp>
#include <yoke/detail/process/setup.hpp>
#include <yoke/dropped_error.hpp>
#include <yoke/error.hpp>
#include <yoke/executor/process/board.hpp>
#include <yoke/executor/process/crash_report.hpp>
#include <yoke/executor/process/exception_wire.hpp>
#include <yoke/executor/process/kept_blocks.hpp>
#include <yoke/executor/process/queue.hpp>
#include <yoke/executor/process/staffing.hpp>
#include <yoke/executor/process/stop_listener.hpp>
#include <yoke/executor/process/stream_gauge.hpp>
#include <yoke/executor/process/task.hpp>
#include <yoke/executor/process/worker_table.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <climits>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <new>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace yoke::detail {

class process_core : public std::enable_shared_from_this<process_core> {
public:
    /// Starts workers and collector. Throws what process_host::start, check_code and process_crew::hire_first throw, and
    /// std::system_error if the collector's thread cannot be started; nothing is left behind then.
    static std::shared_ptr<process_core> start(const process_setup& setup) {
        auto core = std::make_shared<process_core>(setup);
        for (const std::uintptr_t address : setup.init_code) core->check_code(address);
        core->crew_.hire_first(setup.workers);
        const signals_blocked quiet;
        core->collector_ = std::thread([core] { core->collect(); });
        return core;
    }

    explicit process_core(const process_setup& setup)
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
    process_core(const process_core&) = delete;
    process_core& operator=(const process_core&) = delete;

    /// The collector has ended, or was never started.
    ~process_core() { end(); }

    [[nodiscard]] std::size_t concurrency() const noexcept { return staff_.wanted(); }
    [[nodiscard]] std::size_t most_workers() const noexcept { return board_.worker_count(); }
    [[nodiscard]] shared_arena& arena() const noexcept { return host_.arena(); }
    [[nodiscard]] std::vector<int> worker_pids() const { return crew_.pids(); }
    [[nodiscard]] bool on_collector() const noexcept { return inside_task_of(&collector_); }
    /// This thread completes one of the pool's tasks, which counts as unfinished meanwhile.
    [[nodiscard]] bool completing() const noexcept { return inside_task_of(this); }

    [[nodiscard]] std::uint64_t dropped_errors() const noexcept { return drops_.count(); }

    /// Throws where the pool must not be touched at all: in a worker, and in a child that the program forked.
    void check_process() const {
        if (in_worker_process)
            throw deadlock_error(
                "a task of a process pool cannot use the pools of the program that runs it: its "
                "worker would wait for itself; return what is to be done next and let the "
                "program submit it");
        if (watch_.forked()) throw forked();
    }
    /// Throws unsupported if a worker does not have the code at this address.
    void check_code(std::uintptr_t address) const {
        if (!host_.code().contains(address))
            throw unsupported(
                "the worker processes do not have the code of this call: its library was loaded after "
                "the fork server had started; load it before `yoke::runtime` or the first pool");
    }
    [[nodiscard]] bool foreign_process() const noexcept { return in_worker_process || watch_.forked(); }

    // Tasks come in.

    /// The right to enqueue one task with a call of so many bytes, counted as accepted from now on; with a full pool waits
    /// for it, or returns false if not allowed to. `block`: kept memory for the task, or null. Throws pool_closed,
    /// broken_pool, and message_too_large for a call that no wait would make room for.
    bool admit(bool may_wait, std::uint64_t bytes, void*& block);
    /// Gives an unused right back.
    void withdraw(std::uint64_t bytes) noexcept {
        const std::lock_guard lock(mutex_);
        --fresh_;
        finished(1, {.calls = bytes});
    }
    /// Keeps the memory of a task for another one: kept_blocks::size bytes from ::operator new.
    void keep(void* block) noexcept { kept_.give(block); }

    /// Takes over one reference to the task, for which admit() has returned true.
    void enqueue(process_task& task) noexcept;

    /// Completes the task as stopped here and now, if no worker has begun it; false otherwise, and in a worker or a
    /// forked child. The caller owns a reference.
    bool cancel(process_task& task) noexcept {
        return cancel_or(task, []() noexcept {});
    }

    /// Blocks until a worker has done the task, or a second has passed, and completes it here if nobody else has taken it
    /// meanwhile. False, without blocking: no worker has it, or this is the collector.
    bool await(process_task& task) noexcept;

    /// A stop was requested: cancels the task if no worker has begun it; else asks it to stop, and has its worker killed
    /// when its grace is over.
    void stop(process_task& task) noexcept;

    /// From now on there are so many workers, 1 to most_workers().
    void resize(std::uint32_t workers) noexcept {
        const std::lock_guard lock(mutex_);
        staff_.want(workers);
        call_collector();
    }

    // The end.

    void shutdown() noexcept {
        const std::lock_guard lock(mutex_);
        close();
    }
    void cancel_pending() noexcept {
        process_task_list stopped;
        {
            const std::lock_guard lock(mutex_);
            close();
            cancelling_ = true;
            take_back_all(stopped);
        }
        while (process_task* const task = stopped.pop_front()) stop_outside(*task);
    }
    /// Blocks until nothing accepted is left. Throws deadlock_error on the collector's thread.
    void wait() {
        if (completing())
            throw deadlock_error(
                "wait() was called by a receiver or continuation of a task of this very pool, which "
                "counts as unfinished until that returns");
        std::unique_lock lock(mutex_);
        idle_.wait(lock, [this] { return accepted_ == 0; });
    }
    /// After shutdown(): returns when all tasks are complete and all workers gone. On a thread that completes one of them it
    /// returns at once, and the collector sees to the rest.
    void join() noexcept {
        if (completing())
            collector_.detach();
        else
            collector_.join();
    }

    /// The collector's thread goes on collecting, once: completes a task, or looks around and sleeps if there is nothing.
    /// False: there is nothing left to collect, ever.
    bool collect_once() noexcept;

private:
    /// Enough for the workers never to run dry while the collector is away, few enough to stay in the caches.
    static constexpr std::uint32_t slot_count = 256;
    /// While a stream of tasks comes back the collector naps for so long instead of sleeping until it is called.
    static constexpr std::int64_t nap_ns = 30'000;
    /// A collector that has not looked around for so long is held up by a receiver.
    static constexpr std::int64_t held_up_ns = 200'000;
    /// Rooms given before they are asked for: the largest, and all together. A larger result takes so long to be copied that
    /// asking makes no difference.
    static constexpr std::uint64_t most_room_ahead = std::uint64_t{1} << 20;
    static constexpr std::uint64_t rooms_ahead = std::uint64_t{16} << 20;
    /// What is kept is looked at after so long each time.
    static constexpr std::int64_t kept_ns = 1'000'000'000;

    /// Keeps the server running, and the count of its users right.
    struct server_use {
        explicit server_use(process_host& host) : host(host), link(host.use_server()) {}
        server_use(const server_use&) = delete;
        server_use& operator=(const server_use&) = delete;
        ~server_use() { host.leave_server(); }
        process_host& host;
        const std::shared_ptr<server_link> link;
    };

    /// What the pool knows of a slot, whatever the shared memory says.
    struct slot_record {
        std::uint32_t generation = 0;
        process_task* task = nullptr;   ///< sent, and not yet leaving
        std::int64_t check_at = never;  ///< when to look at the clock again
        std::int64_t kill_at = never;   ///< when its grace is over, if it was asked to stop
        std::int64_t seen_running = 0;  ///< when a worker was first seen that had not noted its start
        std::uint16_t expired_in =
            0;  ///< the worker that must die before the slot can be used again, plus one
        std::uint64_t expired_task = 0;
        std::array<arena_block, 2> held;  ///< what that worker may still write to
        std::uint32_t watchers = 0;       ///< threads in await()
        bool vacant = false;              ///< free as soon as they have left
    };

    /// What a worker has printed: to be taken, or, if the worker is dead, taken already.
    struct printed_text {
        std::uint32_t place = 0;
        int pid = 0;
        std::uint64_t task = 0;
        bool waits = false;  ///< the worker, for an answer
        process_output::texts texts;
    };

    /// For the constructor: memory and init_call_ are there.
    [[nodiscard]] worker_terms terms_of_workers(const process_setup& setup) const noexcept {
        worker_terms terms = setup.terms;
        terms.board_offset = memory_.offset();
        terms.slots = slot_count;
        terms.workers = setup.most_workers;
        terms.init_offset = init_call_.offset();
        terms.init_size = setup.init_call.size();
        terms.report_offset = reports_.offset();
        return terms;
    }

    /// Null if there are none.
    [[nodiscard]] crash_report* report_of(std::uint32_t worker) const noexcept {
        const auto all = reports_.bytes();
        return all.empty() ? nullptr : reinterpret_cast<crash_report*>(all.data()) + worker;
    }

    /// Locks the mutex. It is held for less than a microsecond as a rule, and falling asleep costs more than that.
    [[nodiscard]] std::unique_lock<std::mutex> lock_soon() noexcept {
        std::unique_lock lock(mutex_, std::try_to_lock);
        for (int i = 0; !lock && i < 100; ++i) {
            cpu_pause();
            static_cast<void>(lock.try_lock());
        }
        if (!lock) lock.lock();
        return lock;
    }

    /// cancel(), but calls `begun()`, with the mutex held, if a worker has begun the task.
    template <class Begun>
    bool cancel_or(process_task& task, Begun begun) noexcept {
        if (foreign_process()) return false;
        {
            const std::lock_guard lock(mutex_);
            if (task.where == process_task::phase::fresh) return task.stop_requested = true;
            if (!take_back(task)) {
                if (task.where == process_task::phase::sent) begun();
                return false;
            }
            room_.notify_all();
        }
        stop_outside(task);
        return true;
    }

    // All below that is not said to be the collector's: with the mutex held.

    /// Accepted tasks that have not begun.
    [[nodiscard]] std::size_t pending() const noexcept {
        std::size_t sent = 0;
        for (std::uint32_t i = 0; i < slot_count; ++i)
            if (slots_[i].task != nullptr && state_of(i).phase == slot_phase::sent) ++sent;
        return fresh_ + queue_.size() + sent;
    }
    [[nodiscard]] slot_state state_of(std::uint32_t index) const noexcept {
        return slot_state::of(board_.slot(index).state.load(std::memory_order_seq_cst));
    }
    bool change(std::uint32_t index, slot_state from, slot_state to) noexcept {
        return board_.step(index, from, to).has_value();
    }

    /// Wakes so many workers, if so many sleep; false if none does. Needs no mutex.
    bool wake(std::size_t workers) const noexcept {
        bool woken = false;
        for (; workers != 0 && board_.wake_one(); --workers) woken = true;
        return woken;
    }
    void finished(std::size_t count, const held_bytes& held) noexcept {
        accepted_ -= count;
        held_.calls -= held.calls;
        if (held.calls != 0 && waiting_for_bytes_ != 0) room_.notify_all();
        uncount_room(held.rooms);
        if (accepted_ != 0) return;
        by_priority_ = false;
        idle_.notify_all();
        if (closed_ || (!tidies_ && !on_collector())) call_collector();
    }
    /// So many bytes of rooms are not in use any more.
    void uncount_room(std::uint64_t bytes) noexcept {
        held_.rooms -= bytes;
        if (bytes != 0 && !wants_room_.empty() && !on_collector()) call_collector();
    }
    /// A task that did not begin, or is to begin again, gives its room back.
    void drop_room(process_task& task) noexcept {
        task.room = {};
        uncount_room(std::exchange(task.room_bytes, 0));
    }
    /// Gives the task that is about to be sent room for the result that it is likely to have. The first rooms of a burst cost
    /// a system call each 256 KiB, with the mutex held; later ones find that memory at hand.
    void provide_room(process_task& task, task_slot& slot) noexcept {
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
    void watcher_leaves() noexcept {
        if (--watchers_ == 0 && closed_ && accepted_ == 0) call_collector();
    }
    void call_collector() noexcept {
        if (ended_) return;
        called_.store(true, std::memory_order_seq_cst);
        board_.call_collector_surely();
    }
    void close() noexcept {
        closed_ = true;
        room_.notify_all();
        call_collector();
    }

    /// From now on the collector wakes workers when it looks around, or it does not.
    void tend(bool tends) noexcept {
        if (tends_ == tends) return;
        tends_ = tends;
        board_.header().tended.store(tends ? 1 : 0, std::memory_order_seq_cst);
    }
    /// How many workers are to be woken for so many tasks that were sent.
    std::size_t wakes_for(std::size_t sent) noexcept;
    /// Moves tasks from the queue into free slots; returns how many.
    std::size_t dispatch() noexcept {
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
    void send(process_task& task, std::uint32_t index) noexcept {
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
        slot.state.store(slot_state{record.generation, 0, slot_phase::sent}.word(),
                         std::memory_order_release);
        board_.push(pushed_++, index, record.generation);
    }
    /// A worker says that it has done the task that this side knows to be there.
    [[nodiscard]] bool committed(std::uint32_t index, slot_state state) const noexcept {
        return slots_[index].task != nullptr && state.phase == slot_phase::done && possible(index, state);
    }
    /// The collector is to look at the slot's clock at this time, or earlier.
    void look_at(slot_record& record, std::int64_t time) noexcept {
        if (time >= record.check_at) return;
        record.check_at = time;
        if (time >= next_check_) return;
        next_check_ = time;
        if (!on_collector()) call_collector();
    }

    /// Takes a task that has not begun out of queue or slot; false if it has begun.
    bool take_back(process_task& task) noexcept {
        if (task.where == process_task::phase::queued)
            queue_.remove(task);
        else if (task.where != process_task::phase::sent || !take_out(task))
            return false;
        begin_by_.remove(task);
        task.where = process_task::phase::complete;
        return true;
    }
    /// Takes a task out of its slot; false if it has begun.
    bool take_out(process_task& task) noexcept;
    void take_back_all(process_task_list& to) noexcept;
    /// Not before those who watch it have left: nobody must sleep on the state of another task.
    void free_slot(std::uint32_t index) noexcept;
    /// The outcome of the task does not come by way of the slot any more.
    void send_watchers_away(std::uint32_t index) noexcept;

    /// Without the mutex.
    void stop_outside(process_task& task) noexcept {
        {
            const task_scope completing(this, &drops_);
            task.give_back();
            task.complete_as_stopped();
        }
        account_outside(task);
    }
    /// Without the mutex: the task is complete.
    void account_outside(process_task& task) noexcept {
        const held_bytes held = task.held();
        task.release();
        if (watch_.forked()) return;  // the receiver has
        const std::lock_guard lock(mutex_);
        finished(1, held);
    }
    /// Without the mutex.
    void refuse_outside(process_task& task) noexcept;
    /// The exception that `make()` returns, or the one that making it throws.
    template <class Make>
    static std::exception_ptr make_error(Make&& make) noexcept {
        try {
            return std::make_exception_ptr(make());
        } catch (...) {
            return std::current_exception();
        }
    }

    // The collector.

    void collect() noexcept {
        ::prctl(PR_SET_NAME, "yoke-collector");
        ::prctl(PR_SET_TIMERSLACK, 1UL);
        const task_scope here(&collector_);
        const task_scope completing(this, &drops_);
        while (collect_once()) {}
        end();
    }

    void recall_below(int priority) noexcept;
    void look_around(std::int64_t& next, std::size_t& wakes);
    void tidy(std::int64_t now, std::int64_t& next) noexcept;
    void gather(bool all);
    process_task& take_result(std::uint32_t index, slot_state state);
    void make_ready(process_task& task);
    void fail(process_task& task, std::exception_ptr error);
    void after_deaths(std::int64_t now);
    struct dead_worker {
        bool killed = false;  ///< by us, for taking too long
        bool busy = false;    ///< it had a task in hand
    };
    dead_worker settle_dead(const worker_end& end, process_output::texts printed);
    void expire(std::int64_t now);
    void fail_late(std::int64_t now);
    void expire(std::uint32_t index, std::int64_t now);
    [[nodiscard]] std::int64_t began(std::uint32_t index, std::int64_t now) noexcept;
    void break_pool(std::string_view why);
    [[nodiscard]] bool overwritten() const noexcept;
    [[nodiscard]] bool possible(std::uint32_t index, slot_state state) const noexcept;
    void check_memory();
    void give_up_running();
    void allot_rooms() noexcept;
    void give_room(std::uint32_t index) noexcept;
    void find_output();
    void deliver_output() noexcept;
    void take_out_of_slot(process_task& task, std::span<std::byte> copy) noexcept;
    static void complete(process_task& task) noexcept;
    void sleep(std::int64_t next) noexcept;
    void end() noexcept;

    const std::size_t max_pending_;
    const fork_watch watch_;
    drop_counter drops_{"process pool"};
    process_host& host_;
    std::optional<server_use> use_;
    const std::uint64_t max_bytes_;  ///< of calls that are not complete; of rooms for results
    arena_block memory_;
    arena_block init_call_;
    arena_block reports_;  ///< of crashes, one a worker
    const process_board board_;

    mutable std::mutex mutex_;
    std::condition_variable room_;  ///< of those who wait in admit()
    std::condition_variable idle_;  ///< of those who wait in wait()
    bool closed_ = false;
    bool ended_ = false;  ///< the workers are gone, and the board with them
    bool cancelling_ = false;
    std::string broken_;        ///< why, if it is
    std::size_t accepted_ = 0;  ///< tasks that are not complete
    std::size_t fresh_ = 0;     ///< accepted, not yet enqueued
    held_bytes held_;           ///< by those that are not complete
    std::size_t waiting_for_room_ = 0;
    std::size_t waiting_for_bytes_ = 0;
    std::size_t watchers_ = 0;  ///< threads in await(), or about to wake a worker: the board must stay
    std::uint64_t last_number_ = 0;
    std::uint64_t pushed_ = 0;  ///< entries ever put into the ring
    std::uint64_t passed_ = 0;  ///< of which so many are known to have left it
    process_task_queue queue_;
    begin_deadlines begin_by_;  ///< of the queue, and of what was sent
    int least_sent_ = INT_MAX;  ///< no task that was sent and has not begun has a lower priority than this
    bool by_priority_ = false;  ///< since the pool was idle last, a task had a priority
    std::vector<slot_record> slots_;
    std::vector<std::uint32_t> free_slots_;
    process_task_list ready_;  ///< to be completed by the collector
    std::int64_t next_check_ = never;
    std::int64_t heal_at_ = later(monotonic_ns(), healing_interval());
    std::atomic<bool> called_{false};
    bool tidies_ = false;      ///< the collector will come by within a second or so, and give memory back
    bool tends_ = false;       ///< the collector looks around all the time, and wakes workers
    std::int64_t looked_ = 0;  ///< when it has last
    kept_blocks kept_;

    // The collector's own, or touched by it only, under the mutex.
    process_task_list taken_;  ///< of those that are ready
    std::vector<std::uint32_t> spent_slots_;
    std::size_t completed_ = 0;
    held_bytes completed_held_;  ///< what those held
    stream_gauge stream_;
    bool naps_ = false;  ///< it tends, unless it was held up
    std::int64_t idle_since_ = never;
    std::int64_t tidy_at_ = never;           ///< when to give memory back next
    kept_blocks::list unneeded_;             ///< is given back without the mutex
    std::vector<std::uint32_t> wants_room_;  ///< slots whose workers wait for it
    std::vector<std::uint32_t> give_room_;   ///< of those, the ones that are to be answered now
    std::vector<worker_end> ends_;
    std::vector<printed_text> prints_;

    process_output output_;
    process_crew crew_;
    process_staff staff_;
    std::thread collector_;
};

}  // namespace yoke::detail
