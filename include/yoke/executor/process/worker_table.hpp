// SPDX-License-Identifier: MIT
#pragma once

/// The workers of one pool, as the pool sees them: places, in each of which a worker starts, lives and dies, and is
/// replaced by the next one.
///
/// Events come from the monitor, which notes them under the crew's mutex and calls the collector; the collector takes them
/// by `take_ends`. Signals go through the fork server, which reaps the workers: only there can a process id not be
/// somebody else's by now.

#include <yoke/detail/base/config.hpp>
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
std::string describe_fork_failure(int error);

/// "was killed by signal 9 (SIGKILL)", "exited with status 3", "could be forked: ...".
std::string describe(const worker_end& end);

class process_crew final : private worker_owner {
public:
    /// For as many workers as the board has desks. None is started yet.
    /// The worker in place i runs on processors[i % size].
    process_crew(process_host& host, std::shared_ptr<server_link> link, const process_board& board,
                 const worker_terms& terms, std::vector<unsigned> processors, process_output& output);
    process_crew(const process_crew&) = delete;
    process_crew& operator=(const process_crew&) = delete;

    /// Starts workers in the first places and waits until all are forked. Throws std::system_error if one cannot be, and
    /// broken_pool if the fork server is gone; those that were forked are ended first.
    void hire_first(std::uint32_t count);

    /// Starts a worker in an empty place. Whether that worked comes as an event.
    void hire(std::uint32_t place) noexcept;

    /// Kills the worker in this place, if there is one.
    void kill(std::uint32_t place) noexcept;

    /// Asks the worker in this place to leave when it has no task in hand.
    void dismiss(std::uint32_t place) noexcept;
    /// Wakes all workers that live.
    void wake_all() noexcept;

    /// True if take_ends() may have something to say.
    [[nodiscard]] bool news() const noexcept { return news_.load(std::memory_order_seq_cst); }
    /// Appends the ends that were not taken yet, and empties their places.
    void take_ends(std::vector<worker_end>& to);
    /// The fork server is gone.
    [[nodiscard]] bool lost() const noexcept;
    /// Process id of the worker in this place, which may be dead; 0 if there never was one.
    [[nodiscard]] int pid(std::uint32_t place) const noexcept;
    /// Process ids of the workers that live.
    [[nodiscard]] std::vector<int> pids() const;

    /// Lets the workers leave, kills those that have not left within a second, and returns when all are gone.
    void dismiss_all() noexcept;

private:
    enum class state : std::uint8_t { empty, starting, alive, ended };
    struct place_of_worker {
        std::uint64_t number = 0;
        state now = state::empty;
        int pid = 0;
        worker_end end{};
    };

    [[nodiscard]] bool any(state wanted) const noexcept;

    void worker_event(const server_event& event) noexcept override;
    void note(std::uint32_t index, const server_event& event) noexcept;
    void server_lost() noexcept override;
    /// Under the mutex, so that nobody who waits for the change can be faster than we are and destroy the crew.
    void tell() noexcept;

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

#if YOKE_IS_HEADER_ONLY
#include <yoke/executor/process/worker_table.ipp>
#endif
