// SPDX-License-Identifier: MIT
#pragma once

/// The least that many small tasks for another process cost: a ring of slots each way, one writer and one reader each, no
/// sleep.

#include "futex.hpp"

#include <sched.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <limits>

namespace bench {

/// Slots of a cache line, in memory that two processes share. Each cursor has one writer.
class shared_ring {
public:
    static constexpr std::uint64_t size = 256;

    [[nodiscard]] bool try_push(std::uint64_t value) {
        const std::uint64_t at = tail_.load(std::memory_order_relaxed);
        if (at - head_.load(std::memory_order_acquire) == size) return false;
        slots_[at % size].value = value;
        tail_.store(at + 1, std::memory_order_release);
        return true;
    }
    [[nodiscard]] bool try_pop(std::uint64_t& value) {
        const std::uint64_t at = head_.load(std::memory_order_relaxed);
        if (at == tail_.load(std::memory_order_acquire)) return false;
        value = slots_[at % size].value;
        head_.store(at + 1, std::memory_order_release);
        return true;
    }

private:
    struct alignas(64) slot {
        std::uint64_t value = 0;
    };
    alignas(64) std::atomic<std::uint64_t> head_{0};
    alignas(64) std::atomic<std::uint64_t> tail_{0};
    std::array<slot, size> slots_;
};

/// A process that answers each i with i + 1.
class ring_echo {
public:
    ring_echo() = default;
    ring_echo(const ring_echo&) = delete;
    ring_echo& operator=(const ring_echo&) = delete;
    ~ring_echo() {
        while (!memory_->requests.try_push(end)) sched_yield();
    }

    /// Calls `take(i + 1)` for each i less than `count`, in order.
    template <class Take>
    void run(std::uint64_t count, Take take) {
        std::uint64_t value = 0;
        for (std::uint64_t sent = 0, taken = 0; taken != count;) {
            const std::uint64_t before = sent + taken;
            while (sent != count && memory_->requests.try_push(sent)) ++sent;
            for (; memory_->results.try_pop(value); ++taken) take(value);
            if (sent + taken == before) sched_yield();
        }
    }

private:
    static constexpr std::uint64_t end = std::numeric_limits<std::uint64_t>::max();

    struct shared_memory {
        shared_ring requests;
        shared_ring results;
    };

    void serve() {
        for (std::uint64_t value = 0;;) {
            while (!memory_->requests.try_pop(value)) sched_yield();
            if (value == end) return;
            while (!memory_->results.try_push(value + 1)) sched_yield();
        }
    }

    shared<shared_memory> memory_;
    child child_{[this] { serve(); }};
};

}  // namespace bench
