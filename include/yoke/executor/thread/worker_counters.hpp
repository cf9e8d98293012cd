// SPDX-License-Identifier: MIT
#pragma once

/// What one worker of a pool counts about itself. Only the worker writes, so counting is a plain load, addition and
/// store, on a cache line that nobody else writes to; anybody may read, and sees each value a little late.

#include <atomic>
#include <cstdint>

namespace yoke::detail {

class alignas(64) worker_counters {
public:
    /// Times that it came in through the pool's door without a task in the end.
    std::atomic<std::uint64_t> withdrawn{0};
    /// How often it has gone to sleep.
    std::atomic<std::uint64_t> slept{0};
    /// Tasks that it began although they were not its turn: because it waited for them or cancelled them.
    std::atomic<std::uint64_t> overtaken{0};
    /// Tasks that it is in the middle of: more than one if a task runs the task that it waits for.
    std::atomic<std::uint64_t> running{0};
    /// It has nothing to do of its own and runs what another one has forked.
    std::atomic<bool> helping{false};

    /// By its worker only.
    static void add(std::atomic<std::uint64_t>& counter, std::uint64_t more) noexcept {
        counter.store(counter.load(std::memory_order_relaxed) + more, std::memory_order_relaxed);
    }
};

}  // namespace yoke::detail
