// SPDX-License-Identifier: MIT
#pragma once

/// Errors that nobody receives: a handler hears of each, and they are counted.
///
///     yoke::on_dropped_error([](std::exception_ptr error, const yoke::dropped_error_origin& origin) {
///         try {
///             std::rethrow_exception(error);
///         } catch (const std::exception& e) {
///             log(origin.text, e.what());
///         }
///     });
///
/// An error is dropped, exactly once, when the last place that could hand it to somebody is gone: a detached task throws;
/// a future is dropped that holds an error, or whose task throws later (of submit, bulk, then, a timer, a coroutine,
/// when_all, consume); a task_group is destroyed without wait(). An error that went on to the future of a `then`, a
/// `when_all` or a coroutine is dropped with that future, not before. Where several calls fail and one error is thrown -
/// when_all, consume, bulk, loops, fetch, a pipeline - the others are dropped; those in a task_errors are not, nor are those
/// that are set aside for the caller. `cancelled` is no error, nor is that of a page that fetch had asked for beyond the
/// end of the data.

#include <yoke/detail/base/config.hpp>
#include <yoke/detail/base/exception_text.hpp>
#include <yoke/detail/os/fork_detector.hpp>
#include <yoke/detail/sync/process_lock.hpp>
#include <yoke/error.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <string>
#include <string_view>
#include <utility>

#if defined(__unix__) || defined(__APPLE__)
#include <unistd.h>
#endif

namespace yoke {

/// Where a dropped error came from.
struct dropped_error_origin {
    /// For instance "thread pool 'io': a detached task". Valid during the call.
    std::string_view text;
};

/// Called with each dropped error, on the thread that drops it: a pool's, a timer's, or one that destroys a future;
/// several threads may call it at once. It may log, count, or end the program. It must not wait for tasks, nor destroy a
/// pool. An exception that it throws is swallowed.
using dropped_error_handler = void (*)(std::exception_ptr error, const dropped_error_origin& origin);

/// Installs the handler of the whole program, also of its shared libraries; null for the default one, which writes the
/// first error to the standard error stream and leaves the others to the counters. Returns the handler that was there
/// before, null for the default one. Thread-safe; a drop at the same time may still call the old handler.
///
/// A child of fork(), a worker process included, has the default handler until it installs one of its own: what the
/// parent's refers to is the parent's.
dropped_error_handler on_dropped_error(dropped_error_handler handler) noexcept;

/// How many errors were dropped in this process so far. Each pool counts its own, see its `dropped_errors()`.
[[nodiscard]] std::uint64_t dropped_errors() noexcept;

namespace detail {

/// What a pool counts. Its number, by which futures that outlive the pool name it, is given when it is first asked for, that
/// is, at the first error: pools without errors pay nothing.
class drop_counter {
public:
    /// `kind` and `name` outlive it.
    explicit drop_counter(const char* kind, const char* name = "") noexcept : kind_(kind), name_(name) {}
    drop_counter(const drop_counter&) = delete;
    drop_counter& operator=(const drop_counter&) = delete;
    ~drop_counter();

    [[nodiscard]] std::uint64_t count() const noexcept { return count_.load(std::memory_order_relaxed); }
    /// Not 0, and less than 2^30.
    [[nodiscard]] std::uint32_t number() noexcept;

private:
    friend class drop_registry;

    const char* const kind_;
    const char* const name_;
    std::atomic<std::uint64_t> count_{0};   // written under the registry's lock
    std::atomic<std::uint32_t> number_{0};  // written once, under the lock
    drop_counter* next_ = nullptr;
};

/// The handler, the counters, and which pools there are that have dropped errors. One for the whole program.
class drop_registry {
public:
    static constexpr std::uint32_t most_numbers = (1U << 30) - 1;

    constexpr drop_registry() = default;

    dropped_error_handler set_handler(dropped_error_handler handler) noexcept;
    [[nodiscard]] dropped_error_handler handler() const noexcept {
        for (;;) {
            const dropped_error_handler set = handler_.load(std::memory_order_acquire);
            const unsigned owner = handler_process_.load(std::memory_order_acquire);
            if (handler_.load(std::memory_order_acquire) == set)
                return owner == process_number() ? set : nullptr;
        }
    }
    [[nodiscard]] std::uint64_t total() const noexcept { return total_.load(std::memory_order_relaxed); }
    /// True once in a process and its children.
    [[nodiscard]] bool first_to_write() noexcept {
        return !written_.exchange(true, std::memory_order_relaxed);
    }

    /// Counts an error of the pool with this number, if that still exists, and writes the origin to `text`.
    void count(std::uint32_t pool, const char* what, char* text, std::size_t room) noexcept;
    void add(drop_counter& pool) noexcept;
    void remove(drop_counter& pool) noexcept;

private:
    class guard {
    public:
        explicit guard(drop_registry& all) noexcept : lock_(all.lock_) {
            if (lock_.lock())
                all.first_ = nullptr;  // a list in the middle of a change, of the parent's pools
        }
        ~guard() { lock_.unlock(); }
        guard(const guard&) = delete;
        guard& operator=(const guard&) = delete;

    private:
        process_lock& lock_;
    };

    std::atomic<dropped_error_handler> handler_{nullptr};
    std::atomic<unsigned> handler_process_{0};
    std::atomic<std::uint64_t> total_{0};
    std::atomic<bool> written_{false};
    process_lock lock_;
    drop_counter* first_ = nullptr;
    std::uint32_t given_ = 0;
};
YOKE_SHARED_STATE inline constinit drop_registry all_drops;

inline drop_counter::~drop_counter() {
    if (number_.load(std::memory_order_relaxed) != 0) all_drops.remove(*this);
}
inline std::uint32_t drop_counter::number() noexcept {
    if (number_.load(std::memory_order_relaxed) == 0) all_drops.add(*this);
    return number_.load(std::memory_order_relaxed);
}

/// The outcome is no error: somebody stopped the work.
[[nodiscard]] bool is_cancellation(const std::exception_ptr& error) noexcept;

void write_dropped_error(const std::exception_ptr& error, const char* origin) noexcept;

/// Nobody will receive this error of a task of the pool with this number, 0 for no pool. `what` tells what it was.
void report_dropped_error(std::exception_ptr error, const char* what, std::uint32_t pool) noexcept;

}  // namespace detail

inline dropped_error_handler on_dropped_error(dropped_error_handler handler) noexcept {
    return detail::all_drops.set_handler(handler);
}
inline std::uint64_t dropped_errors() noexcept { return detail::all_drops.total(); }

}  // namespace yoke

#if YOKE_IS_HEADER_ONLY
#include <yoke/dropped_error.ipp>
#endif
