// SPDX-License-Identifier: MIT
#pragma once

/// The queue of one worker: the owner pushes and pops at the bottom, thieves steal at the top.
///
/// Chase and Lev, "Dynamic circular work-stealing deque" (SPAA 2005), over a ring of fixed size: a full ring
/// is the owner's signal to move old work to the shared queue, which keeps the ring small and without a
/// second array to replace and to free.
///
///     top_                      bottom_
///      v                           v
///      [ oldest | ... | ... | newest ]      indexes only grow; slot of index i is i mod capacity
///
/// Only thieves race for the top, except for the last element, for which the owner joins their race.
///
/// Memory orders.
/// - push: the slot is written before `bottom_` is stored with release, and a thief reads `bottom_` with acquire
///   before the slot, so it sees the slot and the task behind it.
/// - pop against steal, the heart of the matter: the owner stores `bottom_`, then loads `top_`; a thief loads
///   `top_`, then `bottom_`, then moves `top_` by a compare-exchange. Between the two of each there must be a full
///   barrier. Then, if owner and thief want the same last element, the owner sees the thief's `top_`, or the thief
///   sees the owner's `bottom_`, or both arrive at the compare-exchange on `top_`, which one of them wins. (Lê
///   and others, "Correct and efficient work-stealing for weak memory models", PPoPP 2013.) There are two ways to
///   have the barrier, chosen when the deque is made:
///   - *sequential*: all these are seq_cst operations; no fences, which ThreadSanitizer cannot follow. Owner and
///     thief pay alike: for tasks, which may be stolen one by one.
///   - *asymmetric*: the owner's stores are plain ones, and a thief that has seen work issues a heavy barrier between
///     its two loads (asymmetric_barrier.hpp); if the kernel refuses it, it takes nothing. For fork-join, where a theft
///     is rare and takes much work along, and what nobody steals the owner does. The heavy barrier interrupts the
///     owner, which on a virtual machine can take 10 us. So single elements of such a deque may be *fenced*: pushed and taken
///     back by seq_cst operations, and stolen without a heavy barrier. A mark beside the element in its slot tells the thief.
///     That suffices: a thief that has loaded a top t, then a bottom beyond it, and then sees a fenced element in
///     slot t, races with the owner for this very element or with one that came later into the same slot, which the owner can have
///     pushed there only after it had taken the first one back: fenced, hence by the compare-exchange on t. A slot that
///     is not marked is read again after the barrier. The slot of a fenced element is itself stored with release
///     and read with acquire, as a thief may see it with the bottom of an element that was there before.
/// - push against sleepers: the store of `bottom_` and whatever the owner loads next have the same barrier between
///   them: see eventcount.hpp.
/// - A slot is overwritten only after `top_` has passed it: push reads `top_` with acquire. A slow thief may
///   read the new content of a slot, but then its compare-exchange fails. The indexes have 64 bits and do not
///   wrap.
/// tests/model/work_stealing_deque.pml checks the algorithm.

#include <yoke/detail/sync/asymmetric_barrier.hpp>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace yoke::detail {

/// Holds at most `Capacity` (a power of two) pointers.
template <class T, std::size_t Capacity>
class work_stealing_deque {
    static_assert(Capacity != 0 && (Capacity & (Capacity - 1)) == 0, "the capacity is a power of two");

public:
    static constexpr std::size_t capacity = Capacity;

    work_stealing_deque() = default;
    work_stealing_deque(const work_stealing_deque&) = delete;
    work_stealing_deque& operator=(const work_stealing_deque&) = delete;

    /// Makes the deque asymmetric; the barrier is enabled. Owner only, before the first push.
    void make_asymmetric() noexcept { asymmetric_.store(true, std::memory_order_relaxed); }
    [[nodiscard]] bool asymmetric() const noexcept { return asymmetric_.load(std::memory_order_relaxed); }

    /// Adds an element; false if there is no room. Owner only.
    [[nodiscard]] bool push(T* element) noexcept {
        const std::int64_t bottom = bottom_.load(std::memory_order_relaxed);
        if (is_full(bottom)) return false;
        slot(bottom).store(to_word(element), std::memory_order_relaxed);
        store_bottom(bottom + 1);
        return true;
    }
    /// The same, but the thief has the smaller part of the cost; to be taken back by take_back_fenced(). Owner only.
    [[nodiscard]] bool push_fenced(T* element) noexcept {
        const std::int64_t bottom = bottom_.load(std::memory_order_relaxed);
        if (is_full(bottom)) return false;
        slot(bottom).store(to_word(element) | fenced, std::memory_order_release);
        bottom_.store(bottom + 1, std::memory_order_seq_cst);
        return true;
    }

    /// Takes the youngest element, which is not fenced, or returns null. Owner only.
    [[nodiscard]] T* pop() noexcept {
        const std::int64_t bottom = bottom_.load(std::memory_order_relaxed) - 1;
        if (top_.load(std::memory_order_relaxed) > bottom) return nullptr;  // top only grows: it stays empty
        return take_back() ? to_element(slot(bottom).load(std::memory_order_relaxed)) : nullptr;
    }

    /// Takes the youngest element, which the caller knows: it is the one that it pushed last and has not taken since.
    /// False if it was stolen. Owner only.
    [[nodiscard]] bool take_back() noexcept {
        const std::int64_t bottom = bottom_.load(std::memory_order_relaxed) - 1;
        store_bottom(bottom);
        return wins(bottom);
    }
    /// The same for a fenced element.
    [[nodiscard]] bool take_back_fenced() noexcept {
        const std::int64_t bottom = bottom_.load(std::memory_order_relaxed) - 1;
        bottom_.store(bottom, std::memory_order_seq_cst);
        return wins(bottom);
    }

    /// The same for any element, not fenced, that the owner has pushed, and that is in the deque or has been: takes it if it is the
    /// youngest. Owner only.
    [[nodiscard]] bool take_back(const T* element) noexcept {
        const std::int64_t bottom = bottom_.load(std::memory_order_relaxed) - 1;
        // An empty deque may still have it in this slot; then there is nothing to take back.
        return slot(bottom).load(std::memory_order_relaxed) == to_word(element) && take_back();
    }

    /// Takes the oldest element; null if there is none, another was quicker, or there is no barrier. Any thread.
    [[nodiscard]] T* steal() noexcept {
        return steal_if([]() noexcept { return true; });
    }

    /// The same, but takes nothing if `wanted()` says no, which is called after the element was seen: what the owner did
    /// before it pushed the element happened before that. Any thread.
    template <class Wanted>
    [[nodiscard]] T* steal_if(Wanted wanted) noexcept {
        std::int64_t top = top_.load(std::memory_order_seq_cst);
        if (top >= bottom_.load(std::memory_order_seq_cst)) return nullptr;
        std::uintptr_t word = slot(top).load(std::memory_order_acquire);
        // Asymmetric as the owner set it before its first push, of which we have seen one.
        if (asymmetric() && (word & fenced) == 0) {
            if (!heavy_barrier() || top >= bottom_.load(std::memory_order_seq_cst)) return nullptr;
            word = slot(top).load(std::memory_order_acquire);
        }
        T* const element = to_element(word);
        if (!wanted()) return nullptr;
        if (!top_.compare_exchange_strong(top, top + 1, std::memory_order_seq_cst, std::memory_order_relaxed))
            return nullptr;
        return element;
    }

    /// False if an element is left that nobody is about to take. Any thread.
    [[nodiscard]] bool empty() const noexcept {
        const std::int64_t top = top_.load(std::memory_order_seq_cst);
        return top >= bottom_.load(std::memory_order_seq_cst);
    }

private:
    // A slot: the element's address, and whether it is fenced.
    static constexpr std::uintptr_t fenced = 1;
    static_assert(alignof(T) > fenced);

    static std::uintptr_t to_word(const T* element) noexcept {
        return reinterpret_cast<std::uintptr_t>(element);
    }
    static T* to_element(std::uintptr_t word) noexcept { return reinterpret_cast<T*>(word & ~fenced); }

    std::atomic<std::uintptr_t>& slot(std::int64_t index) noexcept {
        return slots_[static_cast<std::size_t>(index) & (Capacity - 1)];
    }

    [[nodiscard]] bool is_full(std::int64_t bottom) const noexcept {
        return bottom - top_.load(std::memory_order_acquire) >= static_cast<std::int64_t>(Capacity);
    }

    /// The owner has moved the bottom to `bottom`, to have the element there. True if it does.
    [[nodiscard]] bool wins(std::int64_t bottom) noexcept {
        std::int64_t top = top_.load(std::memory_order_seq_cst);
        if (top < bottom) return true;
        // The last element: whoever moves the top past it has it; if it is gone, the top has passed it already.
        const bool ours =
            top == bottom &&
            top_.compare_exchange_strong(top, top + 1, std::memory_order_seq_cst, std::memory_order_relaxed);
        // relaxed: the top is there by now, so a thief that reads this value finds nothing, or, with an old
        // top in hand, fails at the compare-exchange.
        bottom_.store(bottom + 1, std::memory_order_relaxed);
        return ours;
    }

    /// To be followed by a load that must not be earlier.
    void store_bottom(std::int64_t bottom) noexcept {
        if (asymmetric()) {
            bottom_.store(bottom, std::memory_order_release);
            light_barrier();
        } else {
            bottom_.store(bottom, std::memory_order_seq_cst);
        }
    }

    // The thieves' line, the owner's line, and the elements, each apart from the others.
    alignas(64) std::atomic<std::int64_t> top_{0};
    alignas(64) std::atomic<std::int64_t> bottom_{0};
    std::atomic<bool> asymmetric_{false};
    alignas(64) std::array<std::atomic<std::uintptr_t>, Capacity> slots_{};
};

}  // namespace yoke::detail
