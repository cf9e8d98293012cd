// SPDX-License-Identifier: MIT
#pragma once

/// How a task in a worker process hears that it should stop.
///
/// The program sets a word in the task's slot and wakes whoever sleeps on it. A task that polls reads the word. One that
/// wants a std::stop_token - to wait with, or to hand on - gets it from a `stop_watch`: a thread, made at the first
/// question and gone when the task ends, that sleeps on the word and requests the stop.

#include <yoke/detail/base/config.hpp>
#include <yoke/detail/process/shared_futex.hpp>

#include <atomic>
#include <optional>
#include <stop_token>
#include <thread>

namespace yoke::detail {

class stop_watch {
public:
    /// What the word says; 0 at the start.
    static constexpr std::uint32_t asked = 1;
    static constexpr std::uint32_t over = 2;

    /// Throws std::system_error if the thread cannot be started.
    explicit stop_watch(shared_word& word) : word_(word), thread_([this] { watch(); }) {}
    stop_watch(const stop_watch&) = delete;
    stop_watch& operator=(const stop_watch&) = delete;
    /// The task is over; the word is not the program's any more until the next task.
    ~stop_watch() {
        word_.store(over, std::memory_order_seq_cst);
        futex_wake(word_);
        thread_.join();
    }

    [[nodiscard]] std::stop_token token() const noexcept { return source_.get_token(); }

private:
    void watch() noexcept {
        while (word_.load(std::memory_order_acquire) == 0) futex_wait(word_, 0);
        if (word_.load(std::memory_order_acquire) == asked) source_.request_stop();
    }

    shared_word& word_;
    std::stop_source source_;
    std::thread thread_;
};

/// The task that this worker process runs, for what it may ask about itself.
class stoppable_task {
public:
    explicit stoppable_task(shared_word& word) noexcept : word_(word) { current_ = this; }
    stoppable_task(const stoppable_task&) = delete;
    stoppable_task& operator=(const stoppable_task&) = delete;
    ~stoppable_task() { current_ = nullptr; }

    /// Null in every process but a worker that runs a task.
    [[nodiscard]] static stoppable_task* current() noexcept { return current_; }

    [[nodiscard]] bool stop_requested() const noexcept {
        return word_.load(std::memory_order_acquire) == stop_watch::asked;
    }
    /// Not thread-safe.
    [[nodiscard]] std::stop_token stop_token() {
        if (!watch_) watch_.emplace(word_);
        return watch_->token();
    }

private:
    /// A worker runs one task at a time; threads that the task starts may ask, too.
    YOKE_SHARED_STATE inline static std::atomic<stoppable_task*> current_{nullptr};

    shared_word& word_;
    std::optional<stop_watch> watch_;
};

}  // namespace yoke::detail
