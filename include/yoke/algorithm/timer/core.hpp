// SPDX-License-Identifier: MIT
#pragma once

/// What a timer is made of: a heap of entries by their time, and one thread that sleeps until the earliest is due.
///
/// The heap holds a reference to each entry. Under the mutex an entry leaves the heap exactly once: popped by the thread
/// (`due`), taken out (`remove`), or dropped when the timer ends (`dropped`); whoever has it then has the reference.
/// Entries are told without the mutex.
///
/// The thread starts with the first entry. It reads the parking word under the mutex before it sleeps, and whoever adds an
/// entry that is earlier than all changes the word under the mutex: either the thread sees the entry, or its park fails,
/// or it is woken. The times are those of the steady clock.

#include <yoke/detail/base/config.hpp>
#include <yoke/detail/future/task_scope.hpp>
#include <yoke/detail/os/fork_detector.hpp>
#include <yoke/detail/sync/parking.hpp>
#include <yoke/error.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace yoke::detail {

/// Something that is due at a time.
class timer_entry {
public:
    /// Its time has come. On the timer's thread.
    virtual void due() noexcept = 0;
    /// The timer has ended before.
    virtual void dropped() noexcept = 0;

protected:
    timer_entry() = default;
    ~timer_entry() = default;

private:
    friend class timer_core;
    static constexpr auto nowhere = static_cast<std::size_t>(-1);
    deadline time_{};
    std::uint64_t order_ = 0;
    std::size_t place_ = nowhere;
};

class timer_core {
public:
    timer_core() = default;
    timer_core(const timer_core&) = delete;
    timer_core& operator=(const timer_core&) = delete;

    /// Hands an entry over with one reference; false if the timer has ended. Of equal times the first to come is first.
    /// Throws std::system_error if the thread cannot be started, bad_alloc, forked. `self` owns this object. O(log n).
    bool add(const std::shared_ptr<timer_core>& self, timer_entry& entry, deadline time);

    /// Takes the entry out; false if it is not in the heap (any more). O(log n).
    [[nodiscard]] bool remove(timer_entry& entry) noexcept;

    /// Drops what is not due and ends the thread: waits for it, unless this is it.
    void end() noexcept;

    /// For code that waits on the timer's thread (an inline_executor brings it there): goes on with the timer's work until
    /// `done()` or the timer's end. Does nothing on other threads.
    template <class Done>
    void go_on_until(Done done) noexcept {
        if (!inside_task_of(this)) return;
        std::unique_lock lock(mutex_);
        while (!ended_ && !done()) next(lock);
    }
    /// Something that go_on_until() may wait for is done.
    void look_again() noexcept;

    [[nodiscard]] bool forked() const noexcept { return process_.forked(); }

private:
    static bool earlier(const timer_entry* a, const timer_entry* b) noexcept {
        return a->time_ != b->time_ ? a->time_ < b->time_ : a->order_ < b->order_;
    }

    void run() noexcept;
    /// Tells the earliest entry if it is due, else sleeps until something may be.
    void next(std::unique_lock<std::mutex>& lock) noexcept;
    /// Called with the mutex, which it releases.
    void wake(std::unique_lock<std::mutex>& lock) noexcept;

    // The heap: each entry comes before those at 2i + 1 and 2i + 2, and knows its place.

    void put(std::size_t place, timer_entry* entry) noexcept;
    void up(std::size_t place, timer_entry* entry) noexcept;
    void down(std::size_t place, timer_entry* entry) noexcept;
    void take_out(std::size_t place) noexcept;

    const fork_watch process_;
    std::mutex mutex_;
    std::vector<timer_entry*> heap_;
    std::uint64_t added_ = 0;
    bool ended_ = false;
    parking_word word_{0};
    std::thread thread_;
};

}  // namespace yoke::detail

#if YOKE_IS_HEADER_ONLY
#include <yoke/algorithm/timer/core.ipp>
#endif
