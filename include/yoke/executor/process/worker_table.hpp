// SPDX-License-Identifier: MIT
#pragma once

/// The workers of one pool, as the pool sees them: places, in each of which a worker starts, lives and dies, and is
/// replaced by the next one.
///
/// Events come from the monitor, which notes them under the crew's mutex and calls the collector; the collector takes them
/// by `take_ends`. Signals go through the fork server, which reaps the workers: only there can a process id not be
/// somebody else's by now.

#include <yoke/detail/process/host.hpp>
#include <yoke/detail/process/output.hpp>
#include <yoke/error.hpp>
#include <yoke/executor/process/board.hpp>
#include <yoke/executor/process/worker.hpp>

#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <system_error>
#include <vector>

#include <sys/resource.h>

namespace yoke::detail {

/// How a worker's place became empty.
struct worker_end {
    std::uint32_t place = 0;
    int pid = 0;
    int signal = 0;               ///< 0 if it exited
    int status = 0;               ///< if it exited
    int not_forked = 0;           ///< errno if it never lived
    bool memory_ran_out = false;  ///< the kernel has killed some process for want of memory, by its own count
    farewell left = farewell::none;  ///< why, if it went of its own accord, between tasks
};

/// Why the system did not fork a process: "Resource temporarily unavailable (EAGAIN: ...)".
inline std::string describe_fork_failure(int error) {
    std::string text = std::generic_category().message(error);
    if (error != EAGAIN) return text;
    rlimit processes{};
    ::getrlimit(RLIMIT_NPROC, &processes);
    text += " (EAGAIN: a limit of the number of processes is reached; this user's, RLIMIT_NPROC, is ";
    text += processes.rlim_cur == RLIM_INFINITY ? "none" : std::to_string(processes.rlim_cur);
    return text + ", and there is pids.max of its control groups)";
}

/// "was killed by signal 9 (SIGKILL)", "exited with status 3", "could be forked: ...".
inline std::string describe(const worker_end& end) {
    if (end.not_forked != 0) return "could be forked: " + describe_fork_failure(end.not_forked);
    if (end.signal == 0) return "exited with status " + std::to_string(end.status);
    const auto name = [&]() -> const char* {
        switch (end.signal) {
        case SIGKILL:
            return end.memory_ran_out ? " (SIGKILL; the system ran out of memory: the kernel counts a "
                                        "process that it has ended for that)"
                                      : " (SIGKILL)";
        case SIGSEGV: return " (SIGSEGV: it used memory it does not have)";
        case SIGBUS: return " (SIGBUS)";
        case SIGFPE: return " (SIGFPE)";
        case SIGILL: return " (SIGILL)";
        case SIGABRT: return " (SIGABRT)";
        case SIGTERM: return " (SIGTERM)";
        case SIGXCPU: return " (SIGXCPU: its CPU time was used up)";
        default: return "";
        }
    };
    return "was killed by signal " + std::to_string(end.signal) + name();
}

class process_crew final : private worker_owner {
public:
    /// For as many workers as the board has desks. None is started yet.
    /// The worker in place i runs on processors[i % size].
    process_crew(process_host& host, std::shared_ptr<server_link> link, const process_board& board,
                 const worker_terms& terms, std::vector<unsigned> processors, process_output& output)
        : output_(output),
          host_(host),
          link_(std::move(link)),
          board_(board),
          terms_(terms),
          processors_(std::move(processors)),
          places_(board.worker_count()) {}
    process_crew(const process_crew&) = delete;
    process_crew& operator=(const process_crew&) = delete;

    /// Starts workers in the first places and waits until all are forked. Throws std::system_error if one cannot be, and
    /// broken_pool if the fork server is gone; those that were forked are ended first.
    void hire_first(std::uint32_t count) {
        for (std::uint32_t place = 0; place < count; ++place) hire(place);
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return lost_ || !any(state::starting); });
        int failure = 0;
        for (const place_of_worker& p : places_)
            if (p.now == state::ended && p.end.not_forked != 0) failure = p.end.not_forked;
        if (!lost_ && failure == 0) return;
        const bool lost = lost_;
        lock.unlock();
        dismiss_all();
        if (lost) throw broken_pool("the fork server is gone, so no worker processes can be started");
        throw std::system_error(failure, std::generic_category(),
                                "cannot fork the " + std::to_string(count) +
                                    " worker processes of a pool: " + describe_fork_failure(failure));
    }

    /// Starts a worker in an empty place. Whether that worked comes as an event.
    void hire(std::uint32_t place) noexcept {
        std::uint64_t number = 0;
        std::array<int, 2> streams{};
        int failure = 0;
        try {
            streams = output_.streams(place);
            number = host_.add_worker(*this);
        } catch (const std::system_error& refused) {
            failure = refused.code().value();
        } catch (...) {
            failure = ENOMEM;
        }
        std::uint64_t before = 0;
        {
            const std::lock_guard lock(mutex_);
            before = places_[place].number;
            places_[place] = {.number = number, .now = state::starting};
        }
        if (before != 0) host_.remove_worker(before);
        server_request request{.what = server_request::spawn,
                               .worker = number,
                               .entry = &serve_pool,
                               .streams = output_.collects() ? 1u : 0u,
                               .terms = terms_};
        request.terms.index = place;
        if (!processors_.empty())
            request.terms.processor = static_cast<std::int32_t>(processors_[place % processors_.size()]);
        if (failure == 0 && link_->send(request, streams)) return;
        const std::lock_guard lock(mutex_);
        if (failure == 0) lost_ = true;  // and the monitor is about to say so, if it runs
        places_[place].now = state::ended;
        places_[place].end = {.place = place, .not_forked = failure != 0 ? failure : EPIPE};
        tell();
    }

    /// Kills the worker in this place, if there is one.
    void kill(std::uint32_t place) noexcept {
        const std::lock_guard lock(mutex_);
        if (places_[place].now == state::alive || places_[place].now == state::starting)
            static_cast<void>(link_->send(
                {.what = server_request::signal, .number = SIGKILL, .worker = places_[place].number}));
    }

    /// Asks the worker in this place to leave when it has no task in hand.
    void dismiss(std::uint32_t place) noexcept {
        board_.desk(place).leave.store(1, std::memory_order_seq_cst);
        board_.wake(place);
    }
    /// Wakes all workers that live.
    void wake_all() noexcept {
        const std::lock_guard lock(mutex_);
        for (std::uint32_t place = 0; place < places_.size(); ++place)
            if (places_[place].now == state::alive || places_[place].now == state::starting)
                board_.wake(place);
    }

    /// True if take_ends() may have something to say.
    [[nodiscard]] bool news() const noexcept { return news_.load(std::memory_order_seq_cst); }
    /// Appends the ends that were not taken yet, and empties their places.
    void take_ends(std::vector<worker_end>& to) {
        news_.store(false, std::memory_order_seq_cst);
        const std::lock_guard lock(mutex_);
        for (place_of_worker& p : places_) {
            if (p.now != state::ended) continue;
            to.push_back(p.end);
            p.now = state::empty;
        }
    }
    /// The fork server is gone.
    [[nodiscard]] bool lost() const noexcept {
        const std::lock_guard lock(mutex_);
        return lost_;
    }
    /// Process id of the worker in this place, which may be dead; 0 if there never was one.
    [[nodiscard]] int pid(std::uint32_t place) const noexcept {
        const std::lock_guard lock(mutex_);
        return places_[place].pid;
    }
    /// Process ids of the workers that live.
    [[nodiscard]] std::vector<int> pids() const {
        const std::lock_guard lock(mutex_);
        std::vector<int> living;
        for (const place_of_worker& p : places_)
            if (p.now == state::alive) living.push_back(p.pid);
        return living;
    }

    /// Lets the workers leave, kills those that have not left within a second, and returns when all are gone.
    void dismiss_all() noexcept {
        board_.header().stop.store(1, std::memory_order_seq_cst);
        wake_all();
        std::unique_lock lock(mutex_);
        const auto gone = [this] { return lost_ || !(any(state::alive) || any(state::starting)); };
        if (!changed_.wait_for(lock, std::chrono::seconds(1), gone)) {
            for (std::uint32_t place = 0; place < places_.size(); ++place) {
                lock.unlock();
                kill(place);
                lock.lock();
            }
            changed_.wait(lock, gone);
        }
        for (place_of_worker& p : places_) {
            const std::uint64_t number = p.number;
            lock.unlock();
            host_.remove_worker(number);
            lock.lock();
        }
    }

private:
    enum class state : std::uint8_t { empty, starting, alive, ended };
    struct place_of_worker {
        std::uint64_t number = 0;
        state now = state::empty;
        int pid = 0;
        worker_end end{};
    };

    [[nodiscard]] bool any(state wanted) const noexcept {
        for (const place_of_worker& p : places_)
            if (p.now == wanted) return true;
        return false;
    }

    void worker_event(const server_event& event) noexcept override {
        const std::lock_guard lock(mutex_);
        for (std::uint32_t i = 0; i < places_.size(); ++i)
            if (places_[i].number == event.worker) note(i, event);
        tell();
    }
    void note(std::uint32_t index, const server_event& event) noexcept {
        place_of_worker& place = places_[index];
        switch (event.what) {
        case server_event::spawned:
            place.pid = event.pid;
            place.now = state::alive;
            break;
        case server_event::spawn_failed:
            place.end = {.place = index, .not_forked = event.code != 0 ? event.code : EAGAIN};
            place.now = state::ended;
            break;
        case server_event::died:
            place.end = {.place = index, .pid = event.pid};
            (event.code == CLD_EXITED ? place.end.status : place.end.signal) = event.status;
            place.end.memory_ran_out = place.end.signal == SIGKILL && host_.memory_ran_out();
            if (event.code == CLD_EXITED && event.status == 0)
                place.end.left = board_.desk(index).left.load(std::memory_order_acquire);
            place.now = state::ended;
            break;
        default: break;
        }
    }
    void server_lost() noexcept override {
        const std::lock_guard lock(mutex_);
        lost_ = true;
        tell();
    }
    /// Under the mutex, so that nobody who waits for the change can be faster than we are and destroy the crew.
    void tell() noexcept {
        news_.store(true, std::memory_order_seq_cst);
        changed_.notify_all();
        board_.call_collector_surely();
    }

    process_output& output_;
    process_host& host_;
    const std::shared_ptr<server_link> link_;
    const process_board board_;
    const worker_terms terms_;
    const std::vector<unsigned> processors_;
    mutable std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<place_of_worker> places_;
    bool lost_ = false;
    std::atomic<bool> news_{false};
};

}  // namespace yoke::detail
