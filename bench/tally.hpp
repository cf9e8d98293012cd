// SPDX-License-Identifier: MIT
#pragma once

/// Counts the tasks that have run, cheaply enough not to be what is measured.
///
/// One counter per thread, each on a cache line of its own: `count()` is a load and a store of the thread's
/// own line, about a nanosecond, where one shared counter would cost tens of them once two threads use it.
/// `total()` adds them up.

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <stdexcept>
#include <thread>
#include <utility>

namespace bench::tally {

namespace detail {

struct alignas(64) counter {
    std::atomic<std::uint64_t> value{0};
    counter* next_free = nullptr;
};

// None of these has a destructor that does anything: a peer's threads may still end while the program exits.
inline std::array<counter, 1024> counters;
inline std::mutex mutex;
inline counter* free_counters = nullptr;
inline std::atomic<std::size_t> used{0};  // written under the mutex

inline constinit thread_local counter* mine = nullptr;

/// Gives a thread a counter, and to the next thread when it ends. What was counted stays.
class membership {
public:
    membership() {
        const std::lock_guard lock(mutex);
        if (free_counters != nullptr) {
            mine = free_counters;
            free_counters = mine->next_free;
        } else {
            const std::size_t next = used.load(std::memory_order_relaxed);
            if (next == counters.size()) throw std::length_error("the tally has not enough counters");
            mine = &counters[next];
            used.store(next + 1, std::memory_order_release);
        }
    }
    membership(const membership&) = delete;
    membership& operator=(const membership&) = delete;
    ~membership() {
        const std::lock_guard lock(mutex);
        mine->next_free = std::exchange(free_counters, mine);
        mine = nullptr;
    }
};

[[gnu::noinline]] inline void join() { thread_local const membership member; }

}  // namespace detail

/// One more task has run on this thread.
inline void count() {
    if (detail::mine == nullptr) detail::join();
    auto& value = detail::mine->value;
    value.store(value.load(std::memory_order_relaxed) + 1, std::memory_order_release);
}

/// All that was counted so far.
inline std::uint64_t total() {
    const std::size_t used = detail::used.load(std::memory_order_acquire);
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < used; ++i) sum += detail::counters[i].value.load(std::memory_order_acquire);
    return sum;
}

/// Waits until `total()` is `expected`; for contenders that cannot wait for their tasks.
inline void wait_for(std::uint64_t expected) {
    while (total() < expected) std::this_thread::yield();
}

}  // namespace bench::tally
