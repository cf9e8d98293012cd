// SPDX-License-Identifier: MIT
#pragma once

/// A lock for a few instructions, on state that a forked child may touch, too.

#include <yoke/detail/os/fork_detector.hpp>

#include <atomic>

namespace yoke::detail {

/// Names the process of its owner. A child that was forked while another thread held it takes it over.
class process_lock {
public:
    constexpr process_lock() = default;
    process_lock(const process_lock&) = delete;
    process_lock& operator=(const process_lock&) = delete;

    /// True if the owner is the parent's: then what the lock protects may be in the middle of a change.
    [[nodiscard]] bool lock() noexcept {
        const unsigned here = process_number();
        for (;;) {
            unsigned seen = 0;
            // acquire: what the last owner did.
            if (owner_.compare_exchange_strong(seen, here, std::memory_order_acquire)) return false;
            if (seen == here) {
                owner_.wait(seen, std::memory_order_relaxed);
            } else if (owner_.compare_exchange_strong(seen, here, std::memory_order_acquire)) {
                return true;
            }
        }
    }
    void unlock() noexcept {
        owner_.store(0, std::memory_order_release);
        owner_.notify_one();
    }

private:
    std::atomic<unsigned> owner_{0};  // 0: free
};

}  // namespace yoke::detail
