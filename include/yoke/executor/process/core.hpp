// SPDX-License-Identifier: MIT
#pragma once

/// The process pool without its types: the tasks, the slots, and the collector that looks after them.
///
/// One mutex guards the pool's own side. The *collector* is a thread that sleeps until a worker has finished something, a
/// worker has died, a deadline has come, or somebody calls it; then it looks at everything (`look_around`) and completes
/// what has an outcome, with no lock held. A task that a thread waits for is completed by that thread (waiting.ipp), what was
/// given to a worker otherwise by the collector; tasks that never began are completed by whoever cancels them.
///
/// A receiver that blocks, blocks the collector. There is one exception: waiting for a future of the same pool on the
/// collector's thread goes on collecting (`collect_once`), so a continuation may do that.
///
/// How tasks come in stands in submission.ipp beside this file, what the collector does in collector.ipp, what a waiter
/// does in waiting.ipp, and what follows from a task's options in deadlines.ipp; the rest is in core.ipp.

#include <yoke/detail/base/config.hpp>
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
    static std::shared_ptr<process_core> start(const process_setup& setup);

    explicit process_core(const process_setup& setup);
    process_core(const process_core&) = delete;
    process_core& operator=(const process_core&) = delete;

    /// The collector has ended, or was never started.
    ~process_core();

    [[nodiscard]] std::size_t concurrency() const noexcept { return staff_.wanted(); }
    [[nodiscard]] std::size_t most_workers() const noexcept { return board_.worker_count(); }
    [[nodiscard]] shared_arena& arena() const noexcept { return host_.arena(); }
    [[nodiscard]] std::vector<int> worker_pids() const { return crew_.pids(); }
    [[nodiscard]] bool on_collector() const noexcept { return inside_task_of(&collector_); }
    /// This thread completes one of the pool's tasks, which counts as unfinished meanwhile.
    [[nodiscard]] bool completing() const noexcept { return inside_task_of(this); }

    [[nodiscard]] std::uint64_t dropped_errors() const noexcept { return drops_.count(); }

    /// Throws where the pool must not be touched at all: in a worker, and in a child that the program forked.
    void check_process() const;
    /// Throws unsupported if a worker does not have the code at this address.
    void check_code(std::uintptr_t address) const;
    [[nodiscard]] bool foreign_process() const noexcept { return in_worker_process || watch_.forked(); }

    // Tasks come in.

    /// The right to enqueue one task with a call of so many bytes, counted as accepted from now on; with a full pool waits
    /// for it, or returns false if not allowed to. `block`: kept memory for the task, or null. Throws pool_closed,
    /// broken_pool, and message_too_large for a call that no wait would make room for.
    bool admit(bool may_wait, std::uint64_t bytes, void*& block);
    /// Gives an unused right back.
    void withdraw(std::uint64_t bytes) noexcept;
    /// Keeps the memory of a task for another one: kept_blocks::size bytes from ::operator new.
    void keep(void* block) noexcept { kept_.give(block); }

    /// Takes over one reference to the task, for which admit() has returned true.
    void enqueue(process_task& task) noexcept;

    /// Completes the task as stopped here and now, if no worker has begun it; false otherwise, and in a worker or a
    /// forked child. The caller owns a reference.
    bool cancel(process_task& task) noexcept;

    /// Blocks until a worker has done the task, or a second has passed, and completes it here if nobody else has taken it
    /// meanwhile. False, without blocking: no worker has it, or this is the collector.
    bool await(process_task& task) noexcept;

    /// A stop was requested: cancels the task if no worker has begun it; else asks it to stop, and has its worker killed
    /// when its grace is over.
    void stop(process_task& task) noexcept;

    /// From now on there are so many workers, 1 to most_workers().
    void resize(std::uint32_t workers) noexcept;

    // The end.

    void shutdown() noexcept;
    void cancel_pending() noexcept;
    /// Blocks until nothing accepted is left. Throws deadlock_error on the collector's thread.
    void wait();
    /// After shutdown(): returns when all tasks are complete and all workers gone. On a thread that completes one of them it
    /// returns at once, and the collector sees to the rest.
    void join() noexcept;

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
    [[nodiscard]] worker_terms terms_of_workers(const process_setup& setup) const noexcept;

    /// Null if there are none.
    [[nodiscard]] crash_report* report_of(std::uint32_t worker) const noexcept;

    /// Locks the mutex. It is held for less than a microsecond as a rule, and falling asleep costs more than that.
    [[nodiscard]] std::unique_lock<std::mutex> lock_soon() noexcept;

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
    [[nodiscard]] std::size_t pending() const noexcept;
    [[nodiscard]] slot_state state_of(std::uint32_t index) const noexcept;
    bool change(std::uint32_t index, slot_state from, slot_state to) noexcept;

    /// Wakes so many workers, if so many sleep; false if none does. Needs no mutex.
    bool wake(std::size_t workers) const noexcept;
    void finished(std::size_t count, const held_bytes& held) noexcept;
    /// So many bytes of rooms are not in use any more.
    void uncount_room(std::uint64_t bytes) noexcept;
    /// A task that did not begin, or is to begin again, gives its room back.
    void drop_room(process_task& task) noexcept;
    /// Gives the task that is about to be sent room for the result that it is likely to have. The first rooms of a burst cost
    /// a system call each 256 KiB, with the mutex held; later ones find that memory at hand.
    void provide_room(process_task& task, task_slot& slot) noexcept;
    void watcher_leaves() noexcept;
    void call_collector() noexcept;
    void close() noexcept;

    /// From now on the collector wakes workers when it looks around, or it does not.
    void tend(bool tends) noexcept;
    /// How many workers are to be woken for so many tasks that were sent.
    std::size_t wakes_for(std::size_t sent) noexcept;
    /// Moves tasks from the queue into free slots; returns how many.
    std::size_t dispatch() noexcept;
    void send(process_task& task, std::uint32_t index) noexcept;
    /// A worker says that it has done the task that this side knows to be there.
    [[nodiscard]] bool committed(std::uint32_t index, slot_state state) const noexcept;
    /// The collector is to look at the slot's clock at this time, or earlier.
    void look_at(slot_record& record, std::int64_t time) noexcept;

    /// Takes a task that has not begun out of queue or slot; false if it has begun.
    bool take_back(process_task& task) noexcept;
    /// Takes a task out of its slot; false if it has begun.
    bool take_out(process_task& task) noexcept;
    void take_back_all(process_task_list& to) noexcept;
    /// Not before those who watch it have left: nobody must sleep on the state of another task.
    void free_slot(std::uint32_t index) noexcept;
    /// The outcome of the task does not come by way of the slot any more.
    void send_watchers_away(std::uint32_t index) noexcept;

    /// Without the mutex.
    void stop_outside(process_task& task) noexcept;
    /// Without the mutex: the task is complete.
    void account_outside(process_task& task) noexcept;
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

    void collect() noexcept;

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

#if YOKE_IS_HEADER_ONLY
#include <yoke/executor/process/collector.ipp>
#include <yoke/executor/process/core.ipp>
#include <yoke/executor/process/deadlines.ipp>
#include <yoke/executor/process/submission.ipp>
#include <yoke/executor/process/waiting.ipp>
#endif
