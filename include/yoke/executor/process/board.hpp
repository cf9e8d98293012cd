// SPDX-License-Identifier: MIT
#pragma once

/// The memory through which a process pool and its workers talk: slots, a ring, and who sleeps.
///
/// A *slot* holds one task: what to call, its bytes, later the bytes of its result. Its state word says whose it is:
///
///     phase        owner    next
///     empty        pool     sent, when a task is put in (generation + 1)
///     sent         nobody   running, by a worker's compare-exchange; or empty again, by the pool's (cancelled)
///     running      worker   done; wants_room, when the result fits neither the slot nor the call's own block nor the room
///                           that it was sent with
///     wants_room   pool     has_room or no_room
///     has_room     worker   done
///     no_room      worker   done (with an error)
///     done         pool     empty, when the outcome has been read
///     expired      pool     empty, when the worker is dead; from running, wants_room, has_room, no_room at the deadline
///
/// Every change is one compare-exchange (or the owner's store) of one word that also names the worker, so at
/// any instant a worker dies in, the word tells what it had in hand. Only the pool writes generations; a word with an old one
/// never matches.
///
/// The *ring* says in which order slots are to be taken. Its entries are {slot, generation}, written by the pool
/// only. The claim is the change of the slot's state; `head` merely follows: whoever finds an entry at the head that is not
/// `sent` any more - claimed by a worker that has not moved on or died, or cancelled - moves the head past it.
///
/// *Search and sleep.* A worker that found nothing sets its bit in `searchers`, if few others have, and looks on for a moment.
/// Then it takes the bit out, sets the one in `sleepers`, looks again, and sleeps on a word of its own. Who has put
/// a task into the ring and sees a searcher leaves it to that one; else he takes one bit out of `sleepers` and wakes that worker.
/// A worker that got a task and sees more of them, a sleeper and no searcher wakes the sleeper. So a searcher that
/// was counted on for two tasks passes the second on, as does a worker that was woken and was about to find work by itself.
/// The pool's collector has one word for the same purpose. Push (or done bit) and look at searchers and sleepers on the one
/// side, the mark (set in `sleepers`, taken out of `searchers`) and the look at the ring (or bits) on the other are
/// seq_cst operations: at least one side sees the other. A death between taking a sleeper's bit and waking it loses that
/// wake, and one in search leaves the bit: so a death takes out the bits of the dead and wakes everybody.
///
/// While a stream of small tasks comes back (`tended`) nobody but the collector wakes workers, unless all sleep: it looks around
/// every few microseconds, and when it ceases to, it takes `tended` back before it looks at the ring once more.
///
/// *Leaving.* A worker leaves when its desk says so (the pool shrinks), when nobody has woken it for the time it may be idle, or
/// after a task that wore it out. It leaves between two tasks, says why on its desk, and passes on a wake that it may
/// have been given. A task that comes in while the last worker leaves finds nobody to wake; the worker's end tells the
/// pool, which looks at the ring and starts another.
///
/// See README.md in this folder for what a death at each step leaves behind.

#include <yoke/detail/base/cpu_pause.hpp>
#include <yoke/detail/base/test_point.hpp>
#include <yoke/detail/process/shared_futex.hpp>

#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <new>
#include <optional>

namespace yoke::detail {

enum class slot_phase : std::uint16_t { empty, sent, running, wants_room, has_room, no_room, done, expired };

/// What a slot's state word says.
struct slot_state {
    std::uint32_t generation = 0;
    std::uint16_t worker = 0;
    slot_phase phase = slot_phase::empty;
    bool watched = false;  ///< a thread of the program sleeps, or is about to, until it is `done`

    [[nodiscard]] constexpr std::uint64_t word() const noexcept {
        return std::uint64_t{generation} << 32 | std::uint64_t{worker} << 16 | (watched ? watched_bit : 0) |
               static_cast<std::uint64_t>(phase);
    }
    [[nodiscard]] static constexpr slot_state of(std::uint64_t word) noexcept {
        return {static_cast<std::uint32_t>(word >> 32), static_cast<std::uint16_t>(word >> 16),
                static_cast<slot_phase>(word & 0xffff & ~watched_bit), (word & watched_bit) != 0};
    }
    [[nodiscard]] constexpr slot_state with(slot_phase next) const noexcept {
        return {generation, worker, next, watched};
    }
    /// Sent or in a worker's hand: the outcome is still to come.
    [[nodiscard]] constexpr bool under_way() const noexcept { return phase == slot_phase::sent || in_hand(); }

    static constexpr std::uint64_t watched_bit = 0x100;

    /// A worker has it in hand, or waits for an answer about it.
    [[nodiscard]] constexpr bool in_hand() const noexcept {
        return phase == slot_phase::running || phase == slot_phase::wants_room ||
               phase == slot_phase::has_room || phase == slot_phase::no_room;
    }
};

class worker_task;
/// Makes the call in a task's bytes; throws what the call throws.
using task_entry = void (*)(worker_task& task);

enum class result_place : std::uint32_t { slot, call_block, room };

struct alignas(64) task_slot {
    static constexpr std::size_t capacity = 400;

    std::atomic<std::uint64_t> state{0};
    /// When the worker began (monotonic_ns); 0 before. Written only for tasks with a time limit.
    std::atomic<std::int64_t> started{0};

    // Written by the pool before `sent`.
    task_entry entry = nullptr;
    std::uint64_t call_size = 0;
    std::uint64_t block_offset = 0;  ///< where the call is, if it does not fit the slot
    std::uint64_t block_size = 0;    ///< 0: it is in the slot
    std::uint32_t timed = 0;
    std::uint32_t keep_call = 0;  ///< it may be needed again: the result must not be put over it
    std::uint64_t room_offset =
        0;  ///< where a result may go that fits neither here nor there; also before `has_room`
    std::uint64_t room_size = 0;  ///< 0: nowhere yet
    shared_word stop{0};          ///< see executor/process/stop_listener.hpp; the pool asks, at any time

    // Written by the worker before `done` or `wants_room`.
    std::uint64_t result_size = 0;
    result_place result_at = result_place::slot;
    std::uint32_t failed = 0;  ///< the result is an exception
    std::uint64_t seal = 0;    ///< of the three above; see result_record

    alignas(16) std::array<std::byte, capacity> bytes;
};
static_assert(sizeof(task_slot) == 512);

/// A word that another process may change at any moment, read once: what is checked is what is used, since the compiler
/// may not go back to the shared memory for it.
template <class Word>
[[nodiscard]] Word read_once(const Word& shared) noexcept {
    return static_cast<const volatile Word&>(shared);
}

/// What a worker says of a result that it has committed. The seal binds the words to one another and to the task they
/// were written for, so a record that was scribbled over, or is another task's, is told from one that was written.
struct result_record {
    std::uint64_t size = 0;
    result_place at = result_place::slot;
    std::uint32_t failed = 0;
    std::uint64_t seal = 0;

    /// The record in `slot`, as it is at this moment.
    [[nodiscard]] static result_record of(const task_slot& slot) noexcept {
        return {read_once(slot.result_size), read_once(slot.result_at), read_once(slot.failed),
                read_once(slot.seal)};
    }
    /// The seal that the worker `state.worker` puts on this record in the slot's generation.
    [[nodiscard]] constexpr std::uint64_t right_seal(slot_state state) const noexcept {
        std::uint64_t mixed = 0x796f6b65736c6f74;  // "yokeslot"
        for (const std::uint64_t part : {slot_state{state.generation, state.worker}.word(), size,
                                         std::uint64_t{static_cast<std::uint32_t>(at)} << 32 | failed}) {
            mixed = (mixed ^ part) * 0x9e3779b97f4a7c15;
            mixed ^= mixed >> 32;
        }
        return mixed;
    }
    /// Whether a worker has written this record for the task that is in the slot in this state.
    [[nodiscard]] constexpr bool sound(slot_state state) const noexcept {
        return seal == right_seal(state) && at <= result_place::room && failed <= 1;
    }
};

/// Why a worker left that was not made to by a task.
enum class farewell : std::uint32_t { none, asked, idle, worn_out };

struct alignas(64) worker_desk {
    shared_word wake{0};    ///< 1: a wake that the worker has not taken yet
    shared_word answer{0};  ///< changes when a `wants_room` was answered
    shared_word leave{0};   ///< 1: the worker is to leave when it has no task in hand
    std::atomic<farewell> left{farewell::none};
    std::atomic<std::uint32_t> search_began{0};  ///< coarse_ms, if the worker is among the searchers
    shared_word printed{0};  ///< 1: the worker has printed; 2: that is being delivered; it waits for 0
    std::atomic<std::uint32_t> printed_by{0};  ///< for which slot; any other number: for none
};

struct alignas(64) board_header {
    // For who looks at the memory from outside; neither pool nor workers read them.
    static constexpr std::uint64_t magic_number = 0x796f6b65626f6172;  // "yokeboar"
    std::uint64_t magic = magic_number;
    std::uint32_t slots = 0;
    std::uint32_t workers = 0;

    alignas(64) std::atomic<std::uint64_t> head{0};
    alignas(64) std::atomic<std::uint64_t> tail{0};
    alignas(64) shared_word collector{0};  ///< 1: the collector sleeps
    shared_word stop{0};                   ///< 1: workers leave when the ring is empty
    shared_word watch_claims{0};           ///< 1: the collector wants to hear of every claim
    shared_word claims{0};                 ///< 1: there were some
    shared_word printed{0};                ///< 1: a desk says so, too
    shared_word tended{0};                 ///< 1: the collector looks around all the time, and wakes workers
    alignas(64) shared_word init_failed{0};  ///< 1: being written, 2: `init_error` is complete
    std::uint32_t init_error_size = 0;
    std::array<std::byte, 1024> init_error;
};

/// One process's view of a board. It keeps sizes and addresses to itself: what another process scribbles over the shared
/// memory cannot move them.
class process_board {
public:
    static constexpr std::uint32_t most_workers = 4096;

    process_board() = default;
    /// The board at `memory`, for so many slots (a power of two, at least 64) and workers.
    process_board(std::byte* memory, std::uint32_t slots, std::uint32_t workers) noexcept
        : slot_count_(slots), worker_count_(workers) {
        std::byte* at = memory;
        header_ = reinterpret_cast<board_header*>(at);
        at += sizeof(board_header);
        slots_ = reinterpret_cast<task_slot*>(at);
        at += sizeof(task_slot) * slots;
        desks_ = reinterpret_cast<worker_desk*>(at);
        at += sizeof(worker_desk) * workers;
        ring_ = reinterpret_cast<std::atomic<std::uint64_t>*>(at);
        at += sizeof(std::uint64_t) * ring_size(slots);
        done_ = reinterpret_cast<std::atomic<std::uint64_t>*>(at);
        at += sizeof(std::uint64_t) * words(slots);
        sleepers_ = reinterpret_cast<std::atomic<std::uint64_t>*>(at);
        at += sizeof(std::uint64_t) * words(workers);
        searchers_ = reinterpret_cast<std::atomic<std::uint64_t>*>(at);
    }

    /// Bytes of a board.
    [[nodiscard]] static std::size_t bytes(std::uint32_t slots, std::uint32_t workers) noexcept {
        return sizeof(board_header) + sizeof(task_slot) * slots + sizeof(worker_desk) * workers +
               sizeof(std::uint64_t) * (ring_size(slots) + words(slots) + 2 * words(workers));
    }

    /// Makes the objects of the board, in memory that may hold anything.
    void construct() const noexcept {
        ::new (header_) board_header;
        header_->slots = slot_count_;
        header_->workers = worker_count_;
        for (std::uint32_t i = 0; i < slot_count_; ++i) {
            // The bytes of a slot stay untouched, pages and all.
            ::new (slots_ + i) task_slot;
        }
        for (std::uint32_t i = 0; i < worker_count_; ++i) ::new (desks_ + i) worker_desk;
        const auto zero = [](std::atomic<std::uint64_t>* first, std::uint32_t count) {
            for (std::uint32_t i = 0; i < count; ++i) ::new (first + i) std::atomic<std::uint64_t>(0);
        };
        zero(ring_, ring_size(slot_count_));
        zero(done_, words(slot_count_));
        zero(sleepers_, words(worker_count_));
        zero(searchers_, words(worker_count_));
    }

    [[nodiscard]] board_header& header() const noexcept { return *header_; }
    [[nodiscard]] task_slot& slot(std::uint32_t index) const noexcept { return slots_[index]; }
    [[nodiscard]] worker_desk& desk(std::uint32_t worker) const noexcept { return desks_[worker]; }
    [[nodiscard]] std::uint32_t slot_count() const noexcept { return slot_count_; }
    [[nodiscard]] std::uint32_t worker_count() const noexcept { return worker_count_; }

    // The ring. `tail` is the pool's own count of what it ever pushed: the one in shared memory is for the workers.

    /// Room for one more entry; moves the head past entries that are nobody's any more. `head` is what the pool knows of
    /// the ring's beginning (0 at first). It is brought up to date only if there would be no room behind it, since the
    /// workers write the beginning at each claim.
    [[nodiscard]] bool has_ring_room(std::uint64_t tail, std::uint64_t& head) const noexcept {
        if (tail - head < ring_size(slot_count_)) return true;
        for (std::uint32_t looks = 0; looks < ring_size(slot_count_); ++looks) {
            head = header_->head.load(std::memory_order_seq_cst);
            if (tail - head < ring_size(slot_count_)) return true;
            if (tail - head > ring_size(slot_count_) || !pass_entry(head)) return false;
        }
        return false;
    }
    /// Appends a slot that is `sent` in this generation, at `tail`. There is room.
    void push(std::uint64_t tail, std::uint32_t index, std::uint32_t generation) const noexcept {
        entry_at(tail).store(std::uint64_t{generation} << 32 | index, std::memory_order_release);
        header_->tail.store(tail + 1, std::memory_order_seq_cst);
    }
    /// The counters have values that the protocol could give them. If not, somebody has scribbled over the memory.
    [[nodiscard]] bool ring_sound(std::uint64_t tail) const noexcept {
        return header_->tail.load(std::memory_order_seq_cst) == tail &&
               tail - header_->head.load(std::memory_order_seq_cst) <= ring_size(slot_count_);
    }
    /// The same for a worker, which knows neither of them.
    [[nodiscard]] bool ring_possible() const noexcept {
        const std::uint64_t head = header_->head.load(std::memory_order_seq_cst);
        return header_->tail.load(std::memory_order_seq_cst) - head <= ring_size(slot_count_) ||
               header_->head.load(std::memory_order_seq_cst) != head;
    }
    /// Entries that nobody has taken or passed, at most.
    [[nodiscard]] std::uint64_t backlog(std::uint64_t tail) const noexcept {
        return tail - header_->head.load(std::memory_order_seq_cst);
    }
    [[nodiscard]] bool ring_empty() const noexcept {
        return header_->head.load(std::memory_order_seq_cst) == header_->tail.load(std::memory_order_seq_cst);
    }

    /// Makes the oldest task this worker's; nothing if the ring is empty. `tail` is what the worker knows of the ring's
    /// end (0 at first). It is brought up to date only if nothing is left before it: the pool writes the end at each push,
    /// and who looks at it each time makes both wait for the same cache line.
    [[nodiscard]] std::optional<std::uint32_t> claim(std::uint16_t worker,
                                                     std::uint64_t& tail) const noexcept {
        for (;;) {
            std::uint64_t head = header_->head.load(std::memory_order_seq_cst);
            // Nothing is left before it, or the head is wild.
            if (tail - head - 1 >= ring_size(slot_count_)) {
                tail = header_->tail.load(std::memory_order_seq_cst);
                if (head == tail || !ring_possible()) return std::nullopt;
            }
            const std::uint64_t entry = entry_at(head).load(std::memory_order_acquire);
            const std::uint32_t index = static_cast<std::uint32_t>(entry) & (slot_count_ - 1);
            const slot_state sent{static_cast<std::uint32_t>(entry >> 32), 0, slot_phase::sent};
            const bool mine =
                step(index, sent, slot_state{sent.generation, worker, slot_phase::running}).has_value();
            // The entry was read while the head stood there if the head still does: it cannot have been overwritten, and
            // it is not `sent` any more.
            header_->head.compare_exchange_strong(head, head + 1, std::memory_order_seq_cst);
            if (mine) return index;
        }
    }

    // A slot's state.

    /// Changes `from` to `to` and returns what it was; nothing if it is something else. Watched or not makes no difference, and
    /// stays as it is.
    std::optional<slot_state> step(std::uint32_t index, slot_state from, slot_state to) const noexcept {
        std::uint64_t seen = from.word();
        for (;;) {
            to.watched = from.watched = (seen & slot_state::watched_bit) != 0;
            if (seen != from.word()) return std::nullopt;
            // acquire: the bytes that the other side wrote before; release: ours.
            if (slots_[index].state.compare_exchange_strong(seen, to.word(), std::memory_order_seq_cst))
                return from;
        }
    }
    /// Marks a slot that is sent or in hand as watched; false if it is neither.
    [[nodiscard]] bool watch(std::uint32_t index) const noexcept {
        std::uint64_t seen = slots_[index].state.load(std::memory_order_seq_cst);
        while (slot_state::of(seen).under_way()) {
            if (slots_[index].state.compare_exchange_weak(seen, seen | slot_state::watched_bit,
                                                          std::memory_order_seq_cst))
                return true;
        }
        return false;
    }
    /// Looks on for a moment while a slot is in hand, or is sent and a worker is awake to find it: falling asleep and
    /// waking cost more. (One that had to be woken the kernel often puts on this thread's own processor, where it
    /// begins only when this thread sleeps.)
    void look_on(std::uint32_t index) const noexcept {
        for (int looks = 100; looks != 0; --looks) {
            const slot_state seen = slot_state::of(slots_[index].state.load(std::memory_order_acquire));
            if (!seen.under_way() || (!seen.in_hand() && searchers() == 0)) return;
            cpu_pause();
        }
    }
    /// Sleeps while a watched slot is sent or in hand, a second at most.
    void await_done(std::uint32_t index) const noexcept {
        const std::int64_t enough = later(monotonic_ns(), healing_interval());
        for (;;) {
            const std::uint64_t seen = slots_[index].state.load(std::memory_order_acquire);
            if (!slot_state::of(seen).under_way() || monotonic_ns() >= enough) return;
            futex_wait(watched_word(index), static_cast<std::uint32_t>(seen), enough);
        }
    }
    /// Wakes those who watch the slot. Its state is one that they do not wait for any more.
    void wake_watchers(std::uint32_t index) const noexcept { futex_wake(watched_word(index)); }

    // Sleep.

    /// Wakes one sleeping worker; false if none sleeps.
    bool wake_one() const noexcept {
        for (std::uint32_t w = 0; w < words(worker_count_); ++w) {
            std::uint64_t seen = sleepers_[w].load(std::memory_order_seq_cst);
            while (seen != 0) {
                const auto bit = static_cast<std::uint32_t>(std::countr_zero(seen));
                const std::uint64_t mask = std::uint64_t{1} << bit;
                const bool taken = (sleepers_[w].fetch_and(~mask, std::memory_order_seq_cst) & mask) != 0;
                if (taken && w * 64 + bit < worker_count_) {
                    YOKE_TEST_POINT("sleeper taken");
                    wake(w * 64 + bit);
                    return true;
                }
                seen &= ~mask;
            }
        }
        return false;
    }
    /// How many there would be to wake.
    [[nodiscard]] std::size_t sleepers() const noexcept { return count_of(sleepers_); }
    /// How many look for a task at this moment and will find one that comes. One that has been at it for longer than it
    /// takes does not count: it is stopped, or does not get a processor.
    [[nodiscard]] std::size_t searchers() const noexcept {
        std::size_t count = 0;
        for (std::uint32_t w = 0; w < words(worker_count_); ++w) {
            for (std::uint64_t bits = searchers_[w].load(std::memory_order_seq_cst); bits != 0;
                 bits &= bits - 1) {
                const std::uint32_t worker = w * 64 + static_cast<std::uint32_t>(std::countr_zero(bits));
                // relaxed: written before the bit was set.
                if (worker < worker_count_ &&
                    coarse_ms() - desks_[worker].search_began.load(std::memory_order_relaxed) <=
                        search_trust_ms())
                    ++count;
            }
        }
        return count;
    }
    /// This worker is going to look for a task, awake, unless so many others do.
    [[nodiscard]] bool begin_search(std::uint32_t worker, std::size_t most) const noexcept {
        if (searchers() >= most) return false;
        desks_[worker].search_began.store(coarse_ms(), std::memory_order_relaxed);
        searchers_[worker / 64].fetch_or(std::uint64_t{1} << worker % 64, std::memory_order_seq_cst);
        YOKE_TEST_POINT("search begun");
        return true;
    }
    /// It does so no more. If it has found one, pass_on() is to follow, else sleep().
    void end_search(std::uint32_t worker) const noexcept {
        searchers_[worker / 64].fetch_and(~(std::uint64_t{1} << worker % 64), std::memory_order_seq_cst);
    }
    /// There is a task that none of them has found. One that does search is taken for one that does not, and costs a wake.
    void forget_searchers() const noexcept {
        for (std::uint32_t w = 0; w < words(worker_count_); ++w)
            searchers_[w].store(0, std::memory_order_seq_cst);
    }
    /// Wakes this worker, if it sleeps.
    void wake(std::uint32_t worker) const noexcept {
        desks_[worker].wake.store(1, std::memory_order_seq_cst);
        futex_wake(desks_[worker].wake, 1);
    }
    /// The worker here is dead and sleeps no more; the next one finds nothing of it.
    void clear_desk(std::uint32_t worker) const noexcept {
        sleepers_[worker / 64].fetch_and(~(std::uint64_t{1} << worker % 64), std::memory_order_seq_cst);
        end_search(worker);
        worker_desk& desk = desks_[worker];
        desk.wake.store(0, std::memory_order_relaxed);
        desk.leave.store(0, std::memory_order_relaxed);
        desk.left.store(farewell::none, std::memory_order_relaxed);
        desk.printed.store(0, std::memory_order_relaxed);
    }
    /// Sleeps until woken, unless there is something to do. May return for no reason. False if it is `until` (monotonic_ns)
    /// and nobody counts on this worker to wake.
    bool sleep(std::uint32_t worker, std::int64_t until = never) const noexcept {
        YOKE_TEST_POINT("falls asleep");
        auto& sleepers = sleepers_[worker / 64];
        const std::uint64_t mask = std::uint64_t{1} << worker % 64;
        worker_desk& desk = desks_[worker];
        sleepers.fetch_or(mask, std::memory_order_seq_cst);
        bool in_time = true;
        if (ring_empty() && header_->stop.load(std::memory_order_seq_cst) == 0 &&
            desk.leave.load(std::memory_order_seq_cst) == 0) {
            while (in_time && desk.wake.load(std::memory_order_acquire) == 0) {
                futex_wait(desk.wake, 0, until);
                in_time = until == never || monotonic_ns() < until;
            }
            desk.wake.store(0, std::memory_order_relaxed);
        }
        // Awake, so nobody should spend a wake on us. Who just did: see pass_on().
        const bool chosen = (sleepers.fetch_and(~mask, std::memory_order_seq_cst) & mask) == 0;
        return in_time || chosen || !ring_empty();
    }
    /// The worker goes, and touches the board no more.
    void take_leave(std::uint32_t worker, farewell why) const noexcept {
        desks_[worker].left.store(why, std::memory_order_release);
        pass_on();
    }
    /// After a claim: if there is more to do and somebody sleeps, wakes one, or leaves that to the collector.
    void pass_on() const noexcept {
        if (!ring_empty() && header_->tended.load(std::memory_order_seq_cst) == 0 && searchers() == 0)
            wake_one();
    }

    // Word to the collector.

    void set_done(std::uint32_t index) const noexcept {
        done_[index / 64].fetch_or(std::uint64_t{1} << index % 64, std::memory_order_seq_cst);
    }
    /// The worker has printed for this slot and waits until the pool has taken it and told whoever listens.
    void hand_over_output(std::uint32_t worker, std::uint32_t index) const noexcept {
        worker_desk& desk = desks_[worker];
        desk.printed_by.store(index, std::memory_order_relaxed);
        desk.printed.store(1, std::memory_order_seq_cst);
        header_->printed.store(1, std::memory_order_seq_cst);
        call_collector();
        for (;;) {
            const std::uint32_t before = desk.answer.load(std::memory_order_seq_cst);
            if (desk.printed.load(std::memory_order_seq_cst) == 0) return;
            futex_wait(desk.answer, before, later(monotonic_ns(), healing_interval()));
            if (desk.printed.load(std::memory_order_seq_cst) == 0) return;
            // Another task may have written over the desk, or the header: said again, which does no harm.
            header_->printed.store(1, std::memory_order_seq_cst);
            call_collector();
        }
    }
    /// The pool begins to take what the worker has printed; false if the worker has not said so. Called when nothing is
    /// being delivered: so whatever the word says, other than 0, a worker may wait for it.
    [[nodiscard]] bool begin_output(std::uint32_t worker) const noexcept {
        std::uint32_t said = desks_[worker].printed.load(std::memory_order_seq_cst);
        while (said != 0) {
            if (desks_[worker].printed.compare_exchange_weak(said, 2, std::memory_order_seq_cst)) return true;
        }
        return false;
    }
    /// It has been delivered.
    void end_output(std::uint32_t worker) const noexcept {
        desks_[worker].printed.store(0, std::memory_order_seq_cst);
        answer(worker);
    }
    /// Something that this worker waits for has been done.
    void answer(std::uint32_t worker) const noexcept {
        desks_[worker].answer.fetch_add(1, std::memory_order_seq_cst);
        futex_wake(desks_[worker].answer, 1);
    }
    /// Takes the bits of 64 slots.
    [[nodiscard]] std::uint64_t take_done(std::uint32_t word) const noexcept {
        if (done_[word].load(std::memory_order_relaxed) == 0) return 0;
        return done_[word].exchange(0, std::memory_order_seq_cst);
    }
    [[nodiscard]] std::uint32_t done_words() const noexcept { return words(slot_count_); }
    [[nodiscard]] bool any_done() const noexcept {
        for (std::uint32_t w = 0; w < words(slot_count_); ++w)
            if (done_[w].load(std::memory_order_seq_cst) != 0) return true;
        return false;
    }
    /// Wakes the collector if it sleeps; of many callers one pays for it.
    void call_collector() const noexcept {
        shared_word& word = header_->collector;
        if (word.load(std::memory_order_seq_cst) == 1 && word.exchange(0, std::memory_order_seq_cst) == 1) {
            YOKE_TEST_POINT("collector called");
            futex_wake(word, 1);
        }
    }
    /// Wakes the collector even if somebody died between the two steps above.
    void call_collector_surely() const noexcept {
        header_->collector.store(0, std::memory_order_seq_cst);
        futex_wake(header_->collector, 1);
    }

private:
    static constexpr std::uint32_t words(std::uint32_t bits) noexcept { return (bits + 63) / 64; }
    /// Twice the slots: entries of cancelled tasks stay in the ring until the head comes by.
    static constexpr std::uint32_t ring_size(std::uint32_t slots) noexcept { return slots * 2; }

    [[nodiscard]] std::size_t count_of(const std::atomic<std::uint64_t>* bits) const noexcept {
        std::size_t count = 0;
        for (std::uint32_t w = 0; w < words(worker_count_); ++w)
            count += static_cast<std::size_t>(std::popcount(bits[w].load(std::memory_order_seq_cst)));
        return count;
    }
    [[nodiscard]] std::atomic<std::uint64_t>& entry_at(std::uint64_t position) const noexcept {
        return ring_[position & (ring_size(slot_count_) - 1)];
    }
    /// Moves the head past its entry if that is not `sent` any more.
    bool pass_entry(std::uint64_t head) const noexcept {
        const std::uint64_t entry = entry_at(head).load(std::memory_order_acquire);
        const std::uint32_t index = static_cast<std::uint32_t>(entry) & (slot_count_ - 1);
        const slot_state sent{static_cast<std::uint32_t>(entry >> 32), 0, slot_phase::sent};
        const std::uint64_t state = slots_[index].state.load(std::memory_order_seq_cst);
        if ((state & ~slot_state::watched_bit) == sent.word()) return false;
        header_->head.compare_exchange_strong(head, head + 1, std::memory_order_seq_cst);
        return true;
    }
    /// The half of a slot's state that changes from phase to phase: a futex has 32 bits.
    [[nodiscard]] shared_word& watched_word(std::uint32_t index) const noexcept {
        return reinterpret_cast<shared_word*>(&slots_[index].state)[std::endian::native == std::endian::big];
    }
    std::uint32_t slot_count_ = 0;
    std::uint32_t worker_count_ = 0;
    board_header* header_ = nullptr;
    task_slot* slots_ = nullptr;
    worker_desk* desks_ = nullptr;
    std::atomic<std::uint64_t>* ring_ = nullptr;
    std::atomic<std::uint64_t>* done_ = nullptr;
    std::atomic<std::uint64_t>* sleepers_ = nullptr;
    std::atomic<std::uint64_t>* searchers_ = nullptr;
};

}  // namespace yoke::detail
