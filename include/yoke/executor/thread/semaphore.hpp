// SPDX-License-Identifier: MIT
#pragma once

/// A bounded number of places that tasks hold while they wait to begin: what `max_pending` of a pool counts.

#include <yoke/detail/sync/parking.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace yoke::detail {

class places {
public:
    static constexpr std::size_t unlimited = static_cast<std::size_t>(-1);

    explicit places(std::size_t limit) noexcept : limit_(limit) {}

    /// Takes a place if one is free.
    [[nodiscard]] bool try_take() noexcept {
        if (limit_ == unlimited) return true;
        std::size_t seen = taken_.load(std::memory_order_seq_cst);
        while (seen < limit_) {
            if (taken_.compare_exchange_weak(seen, seen + 1, std::memory_order_seq_cst)) return true;
        }
        return false;
    }

    /// Waits for a place and takes it (true), or gives up when `closed()` is true after a wake_all() (false).
    template <class Closed>
    [[nodiscard]] bool take(Closed&& closed) noexcept {
        if (try_take()) return true;
        // Announce, then look again; release() gives back, then looks for announcements. Both in seq_cst, so
        // that at least one of the two sees the other.
        waiting_.fetch_add(1, std::memory_order_seq_cst);
        bool taken = false;
        for (;;) {
            const std::uint32_t before = changes_.load(std::memory_order_seq_cst);
            if (closed() || (taken = try_take())) break;
            park(changes_, before);
        }
        waiting_.fetch_sub(1, std::memory_order_relaxed);
        return taken;
    }

    /// Takes one place more than there are.
    void take_extra() noexcept {
        if (limit_ != unlimited) taken_.fetch_add(1, std::memory_order_relaxed);
    }

    /// Gives a place back.
    void release() noexcept {
        if (limit_ == unlimited) return;
        taken_.fetch_sub(1, std::memory_order_seq_cst);
        if (waiting_.load(std::memory_order_seq_cst) == 0) return;
        changes_.fetch_add(1, std::memory_order_seq_cst);
        unpark_one(changes_);
    }

    /// Lets all who wait look again.
    void wake_all() noexcept {
        changes_.fetch_add(1, std::memory_order_seq_cst);
        unpark_all(changes_);
    }

private:
    const std::size_t limit_;
    std::atomic<std::size_t> taken_{0};
    std::atomic<std::uint32_t> waiting_{0};
    parking_word changes_{0};
};

}  // namespace yoke::detail
