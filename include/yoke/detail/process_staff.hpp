// SPDX-License-Identifier: MIT
#pragma once

/// How many workers a process pool has: who is replaced and when, who is let go, and when it is time to give up.
///
/// The pool's collector tells of every end (`ended`), lets the staff plan, and then carries the plan out. Nobody else hires
/// or dismisses, so a resize from any thread is a number and a call of the collector. All but `carry_out` and
/// `wanted` is done with the pool's mutex held.

#include <yoke/detail/exception_wire.hpp>
#include <yoke/detail/futex.hpp>
#include <yoke/detail/process_board.hpp>
#include <yoke/detail/process_crew.hpp>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <span>
#include <string>
#include <vector>

namespace yoke::detail {

class process_staff {
public:
    /// The first `workers` places of the crew are filled, or about to be.
    process_staff(process_crew& crew, const process_board& board, std::uint32_t workers,
                  std::uint32_t crash_limit)
        : crew_(crew),
          board_(board),
          wanted_(workers),
          crash_limit_(crash_limit),
          places_(board.worker_count()) {
        for (std::uint32_t i = 0; i < workers; ++i) places_[i].now = state::filled;
        hires_.reserve(places_.size());
        leavers_.reserve(places_.size());
    }
    process_staff(const process_staff&) = delete;
    process_staff& operator=(const process_staff&) = delete;

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

    /// A worker has ended; `expected` if the pool itself has killed it. Returns why the pool should not go on, or nothing.
    [[nodiscard]] std::string ended(const worker_end& end, bool expected, std::int64_t now) {
        place& p = places_[end.place];
        p = {};
        changed_ = true;
        if (end.left == farewell::idle) {
            p.now = state::on_leave;
            ++on_leave_;
            return {};
        }
        p.now = state::due;
        if (expected || end.left != farewell::none) return {};
        ++crashes_;
        if (end.not_forked != 0) p.at = now + (std::int64_t{10'000'000} << std::min(crashes_, 6u));
        try {
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
        std::int64_t at = 0;
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
            p = {.now = state::filled};
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
                   " workers in a row have died and no task was completed between; the first: " +
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

    process_crew& crew_;
    const process_board& board_;
    std::atomic<std::uint32_t> wanted_;
    const std::uint32_t crash_limit_;
    std::vector<place> places_;
    std::uint32_t on_leave_ = 0;  ///< how many places are
    bool changed_ = false;        ///< since the last plan
    bool closed_ = false;
    std::uint32_t crashes_ = 0;  ///< since the last task that completed
    std::string first_crash_;

    // The collector's own.
    std::vector<std::uint32_t> hires_;
    std::vector<std::uint32_t> leavers_;
};

}  // namespace yoke::detail
