// SPDX-License-Identifier: MIT
#pragma once

/// The least it takes to hand tasks from one thread to another: a ring of slots of one cache line each, in
/// which the callables lie, and a thread that spins on each side and tells the other every 32 tasks how far it
/// is. No pool, no sleep, no allocation.

#include "harness.hpp"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <thread>
#include <type_traits>

namespace bench {

class task_slots {
public:
    /// Calls `f(i)` for each i below `tasks`, handed from one thread to another, each pinned to a processor of
    /// its own. Returns once all have run.
    template <class F>
    void run(std::size_t tasks, F f) {
        std::thread consumer([this, tasks] {
            pin(1);
            consume(tasks);
        });
        std::thread producer([this, tasks, f] {
            pin(0);
            produce(tasks, f);
        });
        producer.join();
        consumer.join();
    }

private:
    static constexpr std::size_t capacity = 4096;
    static constexpr std::size_t told_every = 32;  // how often each side tells the other how far it is

    struct alignas(64) slot {
        void (*call)(void*) = nullptr;
        alignas(std::max_align_t) std::byte callable[48];
    };

    template <class F>
    void produce(std::size_t tasks, F f) {
        struct task {
            std::size_t index;
            F f;
        };
        static_assert(sizeof(task) <= sizeof(slot::callable) && std::is_trivially_copyable_v<task>);
        std::size_t position = produced_.load(std::memory_order_relaxed);
        std::size_t room_until = position + capacity;  // all of the last run were consumed
        for (std::size_t i = 0; i != tasks; ++i) {
            while (position == room_until) room_until = consumed_.load(std::memory_order_acquire) + capacity;
            slot& next = ring_[position % capacity];
            new (&next.callable) task{i, f};
            next.call = [](void* callable) {
                auto& given = *static_cast<task*>(callable);
                given.f(given.index);
            };
            if (++position % told_every == 0) produced_.store(position, std::memory_order_release);
        }
        produced_.store(position, std::memory_order_release);
    }
    void consume(std::size_t tasks) {
        std::size_t position = consumed_.load(std::memory_order_relaxed);
        std::size_t filled_until = position;
        for (const std::size_t end = position + tasks; position != end;) {
            while (position == filled_until) filled_until = produced_.load(std::memory_order_acquire);
            slot& next = ring_[position % capacity];
            next.call(&next.callable);
            if (++position % told_every == 0) consumed_.store(position, std::memory_order_release);
        }
        consumed_.store(position, std::memory_order_release);
    }

    std::unique_ptr<slot[]> ring_ = std::make_unique<slot[]>(capacity);
    alignas(64) std::atomic<std::size_t> produced_{0};
    alignas(64) std::atomic<std::size_t> consumed_{0};
};

}  // namespace bench
