// SPDX-License-Identifier: MIT
#pragma once

/// How many workers a process pool has: who is replaced and when, who is let go, and when it is time to give up.
///
/// The pool's collector tells of every end (`ended`), lets the staff plan, and then carries the plan out. Nobody else hires
/// or dismisses, so a resize from any thread is a number and a call of the collector. All but `carry_out` and
/// `wanted` is done with the pool's mutex held.

#include <yoke/detail/process/shared_futex.hpp>
#include <yoke/executor/process/board.hpp>
#include <yoke/executor/process/exception_wire.hpp>
#include <yoke/executor/process/worker_table.hpp>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <span>
#include <string>
#include <vector>

namespace yoke::detail {

/// `Crew` is process_crew; tests put one of their own in its place. All times are monotonic_ns.
template <class Crew>
class basic_process_staff {
public:
    /// A crash that comes later than this after the one before does not add to it.
    static constexpr std::int64_t crash_window_ns = 60'000'000'000;
    /// A worker that has lived for so long and dies without a task says nothing of the tasks, or of the initializer.
    static constexpr std::int64_t settled_ns = 1'000'000'000;
    /// With no worker left that lives, so long is tried to fork one before the pool gives up.
    static constexpr std::int64_t unforked_ns = 1'000'000'000;

    /// The first `workers` places of the crew are filled, or about to be.
    basic_process_staff(Crew& crew, const process_board& board, std::uint32_t workers,
                        std::uint32_t crash_limit, std::int64_t now)
        : crew_(crew),
          board_(board),
          wanted_(workers),
          crash_limit_(crash_limit),
          places_(board.worker_count()) {
        for (std::uint32_t i = 0; i < workers; ++i) places_[i] = {.now = state::filled, .at = now};
        hires_.reserve(places_.size());
        leavers_.reserve(places_.size());
    }
    basic_process_staff(const basic_process_staff&) = delete;
    basic_process_staff& operator=(const basic_process_staff&) = delete;

    [[nodiscard]] std::uint32_t wanted() const noexcept { return wanted_.load(std::memory_order_relaxed); }
    /// From the next plan on.
    void want(std::uint32_t workers) noexcept {
        wanted_.store(workers, std::memory_order_relaxed);
        changed_ = true;
    }
    /// A place is empty because nothing was to do: who brings a task and finds nobody to wake has to ask for a plan.
    [[nodiscard]] bool understaffed() const noexcept { return on_leave_ != 0; }

    /// The pool is broken, or its server is gone: nobody is hired any more.
    void close() noexcept { closed_ = true; }
    /// A task was completed, so all is well.
    void task_done() noexcept { crashes_ = 0; }

    /// A worker has ended; `expected` if the pool itself has killed it, `busy` if it had a task in hand. Returns why the pool
    /// should not go on, or nothing.
    [[nodiscard]] std::string ended(const worker_end& end, bool expected, bool busy, std::int64_t now) {
        place& p = places_[end.place];
        const std::int64_t lived = now - p.at;
        p = {};
        changed_ = true;
        if (end.left == farewell::idle) {
            p.now = state::on_leave;
            ++on_leave_;
            return {};
        }
        p.now = state::due;
        try {
            if (end.not_forked != 0) return not_forked(p, end, now);
            failed_forks_ = 0;
            if (expected || end.left != farewell::none) return {};
            const bool began = board_.header().init_failed.load(std::memory_order_acquire) != 2;
            if (began && !busy && lived >= settled_ns) return {};
            if (now - last_crash_ > crash_window_ns) crashes_ = 0;
            last_crash_ = now;
            ++crashes_;
            return reason_to_give_up(end);
        } catch (...) {
            return crashes_ > crash_limit_ ? "out of memory" : "";  // short enough to need none
        }
    }

    /// Decides who is to be hired and who is to leave. `backlog`: tasks that nobody has begun. `next`: when to plan again,
    /// if that is earlier.
    void plan(std::uint64_t backlog, std::int64_t now, std::int64_t& next) {
        if (closed_ || (!changed_ && (on_leave_ == 0 || backlog == 0))) return;
        changed_ = false;
        for (std::uint32_t i = 0; i < places_.size(); ++i) {
            place& p = places_[i];
            if (i < wanted())
                fill(i, backlog, now);
            else
                vacate(i);
            if (p.now != state::due) continue;
            next = std::min(next, p.at);
            changed_ = true;
        }
    }
    /// Without the mutex, by who has planned.
    void carry_out() noexcept {
        for (const std::uint32_t i : hires_) crew_.hire(i);
        for (const std::uint32_t i : leavers_) crew_.dismiss(i);
        hires_.clear();
        leavers_.clear();
    }

private:
    enum class state : std::uint8_t {
        empty,
        filled,   ///< there is a worker, or soon
        due,      ///< one is to be hired at `at`
        on_leave  ///< one is to be hired when there is something to do
    };
    struct place {
        state now = state::empty;
        bool leaving =
            false;  ///< filled, and its worker was asked to leave; if it is wanted again, another follows
        std::int64_t at = 0;  ///< when its worker was hired, or is to be
    };

    void fill(std::uint32_t index, std::uint64_t& backlog, std::int64_t now) {
        place& p = places_[index];
        if (p.now == state::empty) p = {.now = state::due};
        if (p.now == state::on_leave && backlog != 0) {
            --backlog;
            --on_leave_;
            p = {.now = state::due};
        }
        if (p.now == state::due && p.at <= now) {
            p = {.now = state::filled, .at = now};
            hires_.push_back(index);
        }
    }
    void vacate(std::uint32_t index) {
        place& p = places_[index];
        if (p.now == state::on_leave) --on_leave_;
        if (p.now == state::due || p.now == state::on_leave) p = {};
        if (p.now != state::filled || p.leaving) return;
        p.leaving = true;
        leavers_.push_back(index);
    }

    /// A replacement could not be forked, and another try follows. As long as a worker lives the pool goes on with fewer.
    [[nodiscard]] std::string not_forked(place& p, const worker_end& end, std::int64_t now) {
        if (failed_forks_++ == 0) failing_since_ = now;
        p.at = now + (std::int64_t{10'000'000} << std::min(failed_forks_ - 1, 6u));
        const bool any_lives = std::any_of(places_.begin(), places_.end(),
                                           [](const place& other) { return other.now == state::filled; });
        if (any_lives || now - failing_since_ < unforked_ns) return {};
        return "no worker is left, and for a second none " + describe(end);
    }

    /// After a crash: why the pool should not go on, or nothing.
    [[nodiscard]] std::string reason_to_give_up(const worker_end& end) {
        if (crashes_ == 1) {
            first_crash_.clear();
            first_crash_ = "a worker (process " + std::to_string(end.pid) + ") " + describe(end);
        }
        if (board_.header().init_failed.load(std::memory_order_acquire) == 2)
            return "a worker could not begin: " + initial_error(end.pid);
        if (crashes_ > crash_limit_)
            return std::to_string(crashes_) +
                   " workers in a row have died, each within a minute of the one before, and no task was "
                   "completed between; the first: " +
                   first_crash_;
        return {};
    }

    [[nodiscard]] std::string initial_error(int pid) const {
        const board_header& header = board_.header();
        const auto size = std::min<std::size_t>(read_once(header.init_error_size), header.init_error.size());
        try {
            std::rethrow_exception(decode_exception(std::span(header.init_error).first(size), pid));
        } catch (const std::exception& error) {
            return error.what();
        } catch (...) {
            return "an exception of unknown type";
        }
    }

    Crew& crew_;
    const process_board& board_;
    std::atomic<std::uint32_t> wanted_;
    const std::uint32_t crash_limit_;
    std::vector<place> places_;
    std::uint32_t on_leave_ = 0;  ///< how many places are
    bool changed_ = false;        ///< since the last plan
    bool closed_ = false;
    std::uint32_t crashes_ = 0;  ///< since the last task that completed
    std::int64_t last_crash_ = 0;
    std::uint32_t failed_forks_ = 0;  ///< since the last worker that was forked
    std::int64_t failing_since_ = 0;
    std::string first_crash_;

    // The collector's own.
    std::vector<std::uint32_t> hires_;
    std::vector<std::uint32_t> leavers_;
};
using process_staff = basic_process_staff<process_crew>;

}  // namespace yoke::detail
