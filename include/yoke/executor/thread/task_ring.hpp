// SPDX-License-Identifier: MIT
#pragma once

/// Where a thread pool takes tasks in: a ring of slots, each one cache line, in which a small task lies itself. So
/// handing over a task allocates nothing, and a worker that goes through a batch of slots reads lines one after the
/// other instead of following pointers.
///
/// A bounded queue for any number of producers and consumers after Vyukov ("Bounded MPMC queue", 2010), with two
/// differences. Consumers take several slots by one step. And a slot is let go before its task runs, which then lies
/// on the worker's stack: a task that runs for an hour does not stand in the way of the ring. Tasks that a worker has
/// taken and not begun do keep their slots. While all workers are in long tasks, those of their batches (31 each at
/// most) end the next lap when it comes to them, and further tasks go to the list of intake.hpp, in the same order
/// and at its price.
///
///     slot.turn    2 * lap       free for the task at position lap * capacity + index
///                  2 * lap + 1   holds it
///     tail_        the next position to be claimed by a producer
///     head_        the next position to be taken by a consumer
///
/// Memory orders.
/// - claim: `tail_` moves by a compare-exchange, so a position has one producer. It has seen the slot free (acquire),
/// which
///   the consumer's `vacate` (release) made it after its last look at the slot.
/// - publish stores the turn after the task; ready() (acquire) reads it before anybody touches the task. The store is
/// seq_cst
///   for the sake of the sleepers: see eventcount.hpp.
/// - take: `head_` moves by a compare-exchange from h to h + n after the turns of h ... h + n - 1 were seen. If it
///   succeeds, the head stood at h all the time (it only grows), so nobody else has taken them and they are still
///   there.
/// - Positions have 64 bits and do not wrap.
///
/// A producer that is held up between claim and publish holds up those behind it, for the consumers see nothing
/// beyond; it wakes a consumer when it goes on. Nobody waits for it.

#include <yoke/executor/thread/task.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>

namespace yoke::detail {

class task_ring {
public:
    static constexpr std::size_t capacity = 1024;

    /// A free place that one producer has claimed: it must make a task at `room()` and then publish.
    class alignas(64) slot {
    public:
        /// Bytes of a task, its virtual pointer included.
        static constexpr std::size_t size = 56;

        [[nodiscard]] void* room() noexcept { return room_; }
        /// The task is in place: consumers may have it.
        void publish() noexcept { turn().store(turn_ + 1, std::memory_order_seq_cst); }

    private:
        friend class task_ring;

        [[nodiscard]] std::atomic_ref<std::uint64_t> turn() noexcept {
            return std::atomic_ref<std::uint64_t>(turn_);
        }
        [[nodiscard]] task& object() noexcept { return *std::launder(reinterpret_cast<task*>(room_)); }

        std::uint64_t turn_;
        alignas(8) std::byte room_[size];
    };
    static_assert(sizeof(slot) == 64, "a slot is one cache line");

    /// Positions of tasks that one consumer has taken.
    struct batch {
        std::uint64_t first = 0;
        std::size_t size = 0;
    };

    /// Without memory, and empty.
    task_ring() = default;
    task_ring(const task_ring&) = delete;
    task_ring& operator=(const task_ring&) = delete;
    ~task_ring() { std::free(memory_); }

    /// Gets the memory, if it has none. One thread at a time, before the first claim(). Throws std::bad_alloc.
    void open() {
        if (is_open()) return;
        // Zeroed memory is a ring of free slots in lap 0, and pages that are never used are never there. calloc alone
        // knows how to get such memory, and does not align it to a line: there is one slot more to begin in.
        std::size_t room = (capacity + 1) * sizeof(slot);
        memory_ = std::calloc(1, room);
        if (memory_ == nullptr) throw std::bad_alloc();
        void* first = memory_;
        slots_.store(static_cast<slot*>(std::align(alignof(slot), capacity * sizeof(slot), first, room)),
                     std::memory_order_release);
    }

    /// Null if the ring is full.
    [[nodiscard]] slot* claim() noexcept {
        std::uint64_t at = tail_.load(std::memory_order_relaxed);
        for (;;) {
            slot& next = slot_at(at);
            const std::uint64_t turn = next.turn().load(std::memory_order_acquire);
            const std::uint64_t free = at / capacity * 2;
            if (turn == free) {
                if (tail_.compare_exchange_weak(at, at + 1, std::memory_order_relaxed)) return &next;
                continue;
            }
            const std::uint64_t before = at;
            at = tail_.load(std::memory_order_relaxed);
            if (turn < free && at == before) return nullptr;  // a lap behind: still in use
        }
    }

    /// Takes up to `most` of the oldest tasks that are published.
    [[nodiscard]] batch take(std::size_t most) noexcept {
        if (!is_open()) return {};
        std::uint64_t head = head_.load(std::memory_order_seq_cst);
        for (;;) {
            std::size_t count = 0;
            while (count != most && ready(head + count)) ++count;
            if (count == 0) {
                const std::uint64_t before = head;
                head = head_.load(std::memory_order_seq_cst);
                if (head == before) return {};
            } else if (head_.compare_exchange_weak(head, head + count, std::memory_order_seq_cst)) {
                return {head, count};
            }
        }
    }

    /// The position of a slot that the caller has claimed and not published.
    [[nodiscard]] std::uint64_t position_of(const slot& place) const noexcept {
        const auto index = static_cast<std::uint64_t>(&place - slots_.load(std::memory_order_relaxed));
        return place.turn_ / 2 * capacity + index;
    }
    /// Takes the task that was published at this position, if it is the oldest.
    [[nodiscard]] bool take_oldest(std::uint64_t position) noexcept {
        std::uint64_t head = position;
        return head_.load(std::memory_order_relaxed) == position &&
               head_.compare_exchange_strong(head, position + 1, std::memory_order_seq_cst);
    }

    /// The task at a position that the caller has taken.
    [[nodiscard]] task& at(std::uint64_t position) noexcept { return slot_at(position).object(); }

    /// Lets the slot go in which this task lies; the task has been destroyed.
    static void vacate(void* room) noexcept {
        slot& left = *reinterpret_cast<slot*>(static_cast<std::byte*>(room) - offsetof(slot, room_));
        left.turn().store(left.turn_ + 1, std::memory_order_release);
    }

    /// True if take() would find something; sees every publish() that came before.
    [[nodiscard]] bool any_ready() const noexcept {
        if (!is_open()) return false;
        std::uint64_t head = head_.load(std::memory_order_seq_cst);
        for (;;) {
            if (ready(head)) return true;
            const std::uint64_t before = head;
            head = head_.load(std::memory_order_seq_cst);
            if (head == before) return false;
        }
    }
    /// How many positions are claimed and not taken. May be outdated at once.
    [[nodiscard]] std::size_t size() const noexcept {
        const std::uint64_t head = head_.load(std::memory_order_seq_cst);
        const std::uint64_t tail = tail_.load(std::memory_order_seq_cst);
        return tail > head ? static_cast<std::size_t>(tail - head) : 0;
    }

private:
    [[nodiscard]] bool is_open() const noexcept { return slots_.load(std::memory_order_acquire) != nullptr; }
    [[nodiscard]] slot& slot_at(std::uint64_t position) const noexcept {
        return slots_.load(std::memory_order_relaxed)[static_cast<std::size_t>(position % capacity)];
    }
    [[nodiscard]] bool ready(std::uint64_t position) const noexcept {
        return slot_at(position).turn().load(std::memory_order_seq_cst) == position / capacity * 2 + 1;
    }

    void* memory_ = nullptr;
    std::atomic<slot*> slots_{nullptr};
    alignas(64) std::atomic<std::uint64_t> tail_{0};
    alignas(64) std::atomic<std::uint64_t> head_{0};
};

/// The tasks of a batch that a worker has taken and not begun. It takes them from the front; others steal from the
/// back. One word holds first position and number, so both do it by one compare-exchange. A word can come back to a
/// value it had only after 2^48 tasks.
class taken_tasks {
public:
    /// The next one; false if there is none. Owner or, for one at a time, anybody.
    [[nodiscard]] bool take_front(std::uint64_t& position) noexcept {
        std::uint64_t seen = word_.load(std::memory_order_acquire);
        while (count(seen) != 0) {
            if (word_.compare_exchange_weak(seen, seen + one_position - 1, std::memory_order_acq_rel,
                                            std::memory_order_acquire)) {
                position = seen / one_position;
                return true;
            }
        }
        return false;
    }
    /// The larger half of them, from the back. Anybody.
    [[nodiscard]] task_ring::batch steal_half() noexcept {
        std::uint64_t seen = word_.load(std::memory_order_acquire);
        while (count(seen) != 0) {
            const std::uint64_t half = (count(seen) + 1) / 2;
            if (word_.compare_exchange_weak(seen, seen - half, std::memory_order_acq_rel,
                                            std::memory_order_acquire))
                return {seen / one_position + count(seen) - half, static_cast<std::size_t>(half)};
        }
        return {};
    }
    /// Puts a batch in. Owner only, and only if there is nothing in it: then nobody else changes it.
    void put(task_ring::batch tasks) noexcept {
        word_.store(tasks.first * one_position + tasks.size, std::memory_order_seq_cst);
    }
    [[nodiscard]] bool empty() const noexcept { return count(word_.load(std::memory_order_seq_cst)) == 0; }

private:
    static constexpr std::uint64_t one_position = std::uint64_t{1} << 16;
    static std::uint64_t count(std::uint64_t word) noexcept { return word % one_position; }

    std::atomic<std::uint64_t> word_{0};
};

}  // namespace yoke::detail
