// SPDX-License-Identifier: MIT
#pragma once

/// The gate that workers pass before they take a task: open, or closed by pause(), or open for good.
///
/// Closing it does not wake anybody and stops nobody who has passed already. Passing an open gate costs one load.

#include <yoke/detail/sync/parking.hpp>

#include <atomic>
#include <cstdint>

namespace yoke::detail {

class pause_gate {
public:
    [[nodiscard]] bool closed() const noexcept {
        // acquire: with the release in open_always(), who finds the gate open again sees what was done before.
        return (word_.load(std::memory_order_acquire) & closed_bit) != 0;
    }

    /// Closes the gate, unless it is open for good.
    void close() noexcept {
        std::uint32_t seen = word_.load(std::memory_order_relaxed);
        while ((seen & open_for_good) == 0 &&
               !word_.compare_exchange_weak(seen, seen | closed_bit, std::memory_order_acq_rel)) {}
    }
    void open() noexcept {
        word_.fetch_and(~closed_bit, std::memory_order_acq_rel);
        unpark_all(word_);
    }
    /// Opens the gate, and nobody can close it again.
    void open_always() noexcept {
        std::uint32_t seen = word_.load(std::memory_order_relaxed);
        while (!word_.compare_exchange_weak(seen, (seen & ~closed_bit) | open_for_good,
                                            std::memory_order_acq_rel)) {}
        if ((seen & closed_bit) != 0) unpark_all(word_);
    }
    /// Lets those who wait look around: see wait().
    void ring() noexcept {
        word_.fetch_add(one_ring, std::memory_order_seq_cst);
        unpark_all(word_);
    }

    /// Waits until the gate is open (true) or `leave()` is true (false), which is asked now and after each ring().
    template <class Leave>
    [[nodiscard]] bool wait(Leave&& leave) noexcept {
        for (;;) {
            // seq_cst: what leave() looks at was changed before the ring, so a ring that this load does not see
            // keeps park() from sleeping.
            const std::uint32_t seen = word_.load(std::memory_order_seq_cst);
            if (leave()) return false;
            if ((seen & closed_bit) == 0) return true;
            park(word_, seen);
        }
    }

private:
    static constexpr std::uint32_t closed_bit = 1;
    static constexpr std::uint32_t open_for_good = 2;
    static constexpr std::uint32_t one_ring = 4;

    parking_word word_{0};
};

}  // namespace yoke::detail
