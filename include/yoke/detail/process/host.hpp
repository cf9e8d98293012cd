// SPDX-License-Identifier: MIT
#pragma once

/// The host's side of the fork server: one per process, shared by all pools.
///
/// It owns the arena, the connection to the server and the monitor, a thread that does nothing but wait for the server's
/// events and hand each to the pool whose worker it is about. The server starts with the first who asks (a
/// `yoke::runtime` or a pool) and stays until the process ends or `stop()`.
///
/// The object is never destroyed: pools with static storage use it until the very end. In a child that the program
/// forks by itself, `instance()` is a new host without a server, since the old one's arena is still the parent's.

#include <yoke/detail/base/config.hpp>
#include <yoke/detail/os/fork_detector.hpp>
#include <yoke/detail/os/system_memory.hpp>
#include <yoke/detail/process/code_map.hpp>
#include <yoke/detail/process/fork_server.hpp>
#include <yoke/detail/process/shared_arena.hpp>
#include <yoke/detail/process/shared_futex.hpp>
#include <yoke/detail/process/sys.hpp>
#include <yoke/detail/process/thread_probe.hpp>
#include <yoke/error.hpp>

#include <array>
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace yoke::detail {

/// A pool, as the monitor sees it. Called on the monitor's thread, which must not wait for anything long.
class worker_owner {
public:
    /// The worker was forked, could not be forked, or died.
    virtual void worker_event(const server_event& event) noexcept = 0;
    /// The fork server is gone, and all workers with it. No further events will come.
    virtual void server_lost() noexcept = 0;

protected:
    ~worker_owner() = default;
};

/// The socket to one fork server. Shared by all who may still send when the server is long gone.
class server_link {
public:
    server_link(unique_fd socket, pid_t pid)
        : socket_(std::move(socket)), pid_(pid), pidfd_(sys.pidfd_open(pid)) {}

    /// Sends a request, and with it two descriptors if there are any; false if the server is gone.
    [[nodiscard]] bool send(server_request request,
                            const std::array<int, 2>& streams = {-1, -1}) const noexcept;
    /// Waits for the next event; false if the server is gone.
    [[nodiscard]] bool receive(server_event& event) const noexcept;
    /// Waits until the process is gone, a second at most. (Its end of the socket closes a little earlier.)
    void await_end() const noexcept;

    [[nodiscard]] pid_t pid() const noexcept { return pid_; }
    /// False once the monitor has seen the server's end.
    [[nodiscard]] bool alive() const noexcept { return alive_.load(std::memory_order_acquire); }
    void set_lost() noexcept { alive_.store(false, std::memory_order_release); }

private:
    unique_fd socket_;
    pid_t pid_;
    unique_fd pidfd_;  // none on old kernels
    std::atomic<bool> alive_{true};
};

class process_host {
public:
    /// This process's host; made at the first call. Throws std::bad_alloc.
    static process_host& instance();

    /// Whether this address is in the memory that this process shares with others as the program or as a worker. In a
    /// child that one of them has forked, what it has inherited of that is not its own.
    [[nodiscard]] static bool shares(const void* address) noexcept;

    /// Starts arena and server unless they run. Throws unsafe_fork, std::system_error, deadlock_error in a worker.
    void start();

    /// Ends the server if no pool uses it; the next pool would have to start another. Does nothing in a forked child.
    void stop() noexcept;

    /// The arena; start() has been called.
    [[nodiscard]] shared_arena& arena() const noexcept { return *arena_; }
    /// In a worker: host and arena are its own from now on. What it forks has them from it, and must leave them alone.
    void belong_here() noexcept { watch_.belong_here(); }
    /// In a child that was forked since, by the program or by a task.
    [[nodiscard]] bool forked() const noexcept { return watch_.forked(); }
    /// The arena, or null if nothing has been started in this process or the one that forked it.
    [[nodiscard]] shared_arena* find_arena() const noexcept { return arena_.get(); }

    /// The code that the workers have; start() has been called.
    [[nodiscard]] const code_map& code() const noexcept { return code_; }

    /// Starts the server if need be and keeps it from being stopped until leave_server(). Throws what start() throws, and
    /// std::system_error if the monitor cannot be started.
    std::shared_ptr<server_link> use_server();
    void leave_server() noexcept;

    /// A number for a worker whose events go to `owner` from now on.
    std::uint64_t add_worker(worker_owner& owner);
    /// No events of this worker after this returns. Not to be called with a lock held that the owner's events take.
    void remove_worker(std::uint64_t worker) noexcept;

    /// A word in shared memory on which processes sleep until another process changes it. It is changed, and all who sleep on
    /// it are woken, whenever a worker has died: it may have been the one that should have done so.
    void add_bell(shared_word& word);
    void remove_bell(shared_word& word) noexcept;

    /// Whether the kernel has ended a process for want of memory lately: since the last call, or a second before it.
    [[nodiscard]] bool memory_ran_out() noexcept;

    /// The server's process id, 0 if there is none; for tests.
    [[nodiscard]] pid_t server_pid();

private:
    [[nodiscard]] bool running() const noexcept { return link_ && link_->alive(); }

    void start_server();

    [[noreturn]] static void serve(int socket, int host, pid_t host_pid) noexcept {
        fork_server(socket, host, host_pid).run();
    }

    void start_monitor();

    /// The monitor ends when the server does.
    void end_monitor() noexcept {
        if (monitor_.joinable()) monitor_.join();
    }

    void monitor(server_link& link) noexcept;

    void ring_bells() noexcept;

    YOKE_SHARED_STATE inline static std::atomic<process_host*> current_{nullptr};

    fork_watch watch_;
    process_host* before_fork_ = nullptr;
    std::mutex starting_;
    std::unique_ptr<shared_arena> arena_;
    code_map code_;
    std::shared_ptr<server_link> link_;
    std::thread monitor_;

    std::mutex kills_mutex_;
    std::uint64_t kills_ = 0;  ///< the kernel's count of processes ended for want of memory
    std::int64_t kills_seen_ = 0;

    std::mutex owners_mutex_;
    std::map<std::uint64_t, worker_owner*> owners_;
    std::uint64_t next_worker_ = 1;
    std::vector<shared_word*> bells_;
    std::size_t users_ = 0;
};

/// Has a word rung for as long as it lives. See process_host::add_bell.
class death_bell {
public:
    death_bell(process_host& host, shared_word& word) : host_(host), word_(word) { host_.add_bell(word_); }
    death_bell(const death_bell&) = delete;
    death_bell& operator=(const death_bell&) = delete;
    ~death_bell() {
        if (!watch_.forked()) host_.remove_bell(word_);
    }
    /// In a worker or a forked child the bell, and what it belongs to, is the program's.
    [[nodiscard]] bool foreign() const noexcept { return watch_.forked(); }

private:
    const fork_watch watch_;
    process_host& host_;
    shared_word& word_;
};

}  // namespace yoke::detail

#if YOKE_IS_HEADER_ONLY
#include <yoke/detail/process/host.ipp>
#endif
