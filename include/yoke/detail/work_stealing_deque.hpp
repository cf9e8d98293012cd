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
/// - push: the slot is written before `bottom_` is stored with release (part of seq_cst), and a thief reads
///   `bottom_` with acquire before the slot, so it sees the slot and the task behind it. The store is seq_cst
///   for the sake of the sleepers: see eventcount.hpp.
/// - pop against steal, the heart of the matter: the owner stores `bottom_`, then loads `top_`; a thief loads
///   `top_`, then `bottom_`, then moves `top_` by a compare-exchange. If owner and thief want the same last
///   element, the single total order of these seq_cst operations makes the owner see the thief's `top_`, or
///   the thief see the owner's `bottom_`, or both arrive at the compare-exchange on `top_`, which one of them
///   wins. (Lê and others, "Correct and efficient work-stealing for weak memory models", PPoPP 2013, use
///   fences for this; ThreadSanitizer cannot follow fences.)
/// - A slot is overwritten only after `top_` has passed it: push reads `top_` with acquire. A slow thief may
///   read the new content of a slot, but then its compare-exchange fails. The indexes have 64 bits and do not
///   wrap.
/// tests/model/work_stealing_deque.pml checks the algorithm.

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

    /// Adds an element; false if there is no room. Owner only.
    [[nodiscard]] bool push(T* element) noexcept {
        const std::int64_t bottom = bottom_.load(std::memory_order_relaxed);
        const std::int64_t top = top_.load(std::memory_order_acquire);
        if (bottom - top >= static_cast<std::int64_t>(Capacity)) return false;
        slot(bottom).store(element, std::memory_order_relaxed);
        bottom_.store(bottom + 1, std::memory_order_seq_cst);
        return true;
    }

    /// Takes the youngest element, or returns null. Owner only.
    [[nodiscard]] T* pop() noexcept {
        const std::int64_t bottom = bottom_.load(std::memory_order_relaxed) - 1;
        if (top_.load(std::memory_order_relaxed) > bottom) return nullptr;  // top only grows: it stays empty
        bottom_.store(bottom, std::memory_order_seq_cst);
        std::int64_t top = top_.load(std::memory_order_seq_cst);
        T* element = slot(bottom).load(std::memory_order_relaxed);
        if (top < bottom) return element;
        // The last element: whoever moves the top past it has it; if it is gone, the top has passed it already.
        if (top > bottom ||
            !top_.compare_exchange_strong(top, top + 1, std::memory_order_seq_cst, std::memory_order_relaxed))
            element = nullptr;
        // relaxed: the top is there by now, so a thief that reads this value finds nothing, or, with an old
        // top in hand, fails at the compare-exchange.
        bottom_.store(bottom + 1, std::memory_order_relaxed);
        return element;
    }

    /// Takes the oldest element; null if there is none or another was quicker. Any thread.
    [[nodiscard]] T* steal() noexcept {
        std::int64_t top = top_.load(std::memory_order_seq_cst);
        const std::int64_t bottom = bottom_.load(std::memory_order_seq_cst);
        if (top >= bottom) return nullptr;
        T* const element = slot(top).load(std::memory_order_relaxed);
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
    std::atomic<T*>& slot(std::int64_t index) noexcept {
        return slots_[static_cast<std::size_t>(index) & (Capacity - 1)];
    }

    // The thieves' line, the owner's line, and the elements, each apart from the others.
    alignas(64) std::atomic<std::int64_t> top_{0};
    alignas(64) std::atomic<std::int64_t> bottom_{0};
    alignas(64) std::array<std::atomic<T*>, Capacity> slots_{};
};

}  // namespace yoke::detail
