// SPDX-License-Identifier: MIT
#pragma once

/// The fork server: a small process that forks the workers, buries them and reports their deaths.
///
/// It is forked from the host program while that has one thread, and never grows a second one. So a worker can be forked
/// from it at any later time, whatever the host's threads hold at that moment, and costs the same however large the
/// host has grown. What it does, and nothing else:
///
/// - on a request, forks a worker, which calls the function that the request names;
/// - on a request, sends a signal to a worker: only who reaps a process knows that its number is still its own;
/// - reaps dead workers and tells the host which of them ended and how;
/// - when the host is gone, kills all workers and leaves.
///
/// It has a session of its own, so neither the terminal's Ctrl-C nor its hang-up reaches it or the workers; signals have
/// their default meaning, except INT, QUIT, HUP and PIPE, which are ignored. Descriptors of the host are closed.
/// Should the server itself be killed, the kernel kills its workers (PR_SET_PDEATHSIG), and the host finds the
/// socket closed.
///
/// The protocol: SEQPACKET messages of one struct each. The server never blocks in a send: events the host does not
/// take wait in a list, so a host that blocks in a request cannot make a circle with it. The memory for all events that
/// a worker can cause is there before the worker is; without it the request to start one fails, and the server goes on.

#include <yoke/detail/base/config.hpp>
#include <yoke/detail/base/test_point.hpp>
#include <yoke/detail/os/fork_detector.hpp>
#include <yoke/detail/process/setup.hpp>
#include <yoke/detail/process/sys.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <new>
#include <vector>

namespace yoke::detail {

/// What a worker runs. It then leaves, with the status that this returns. Must not throw.
using worker_entry = int (*)(const worker_terms& terms) noexcept;

struct server_request {
    enum kind : std::uint32_t { spawn, signal, leave };
    std::uint32_t what = leave;
    std::int32_t number = 0;   ///< signal: which
    std::uint64_t worker = 0;  ///< never used twice
    worker_entry entry = nullptr;
    std::uint32_t streams = 0;  ///< spawn: 1 if standard output and error of the worker come along
    worker_terms terms{};
};

/// A request on its way through the socket, and the two descriptors that may come along.
class request_message {
public:
    explicit request_message(server_request& request) noexcept : part_{&request, sizeof request} {}
    request_message(const request_message&) = delete;
    request_message& operator=(const request_message&) = delete;

    /// To be sent without descriptors, or with these.
    [[nodiscard]] const msghdr& to_send(const std::array<int, 2>& streams) noexcept;
    msghdr& to_receive() noexcept;
    /// The descriptors that were received; -1 if there are none.
    [[nodiscard]] std::array<int, 2> received() noexcept;

private:
    iovec part_;
    alignas(cmsghdr) std::array<char, CMSG_SPACE(2 * sizeof(int))> control_{};
    msghdr header_{.msg_name = nullptr,
                   .msg_namelen = 0,
                   .msg_iov = &part_,
                   .msg_iovlen = 1,
                   .msg_control = nullptr,
                   .msg_controllen = 0,
                   .msg_flags = 0};
};

struct server_event {
    enum kind : std::uint32_t { hello, spawned, spawn_failed, died };
    std::uint32_t what = hello;
    std::int32_t pid = 0;
    std::uint64_t worker = 0;
    std::int32_t code = 0;    ///< died: CLD_EXITED, CLD_KILLED or CLD_DUMPED; spawn_failed: errno
    std::int32_t status = 0;  ///< died: exit status or signal
};

/// True in the worker processes (and what they fork).
YOKE_SHARED_STATE inline bool in_worker_process = false;
/// In those: the process number of the worker.
YOKE_SHARED_STATE inline unsigned worker_process_number = 0;

/// True in a process that a task has forked. It has the worker's memory, and none of its duties.
[[nodiscard]] inline bool forked_by_worker() noexcept {
    return in_worker_process && process_number() != worker_process_number;
}
/// Where a task returns to its worker: ends the process if it is not the worker, but a child that the task has forked.
/// Else that would go on as a second worker in the same place. What is left in its buffers is dropped, as the worker
/// has it, too.
inline void end_forked_child() noexcept {
    if (forked_by_worker()) ::_exit(EXIT_FAILURE);
}

/// Writes out what was printed to standard output.
void flush_output() noexcept;
/// Writes out what was printed anywhere.
void flush_all() noexcept;

/// Has exit() and quick_exit() end this process as a worker is to end: what tasks have registered runs, and what they
/// have printed is written. Nothing that the program registered before the fork runs here, nor do the destructors of
/// its static objects, as handlers run in reverse order and the one from here, which ends the process, comes before
/// those. (Of the program's, destructors of thread_local objects of the thread that made the fork server run all the
/// same: exit() calls them first of all.)
void exit_as_worker() noexcept;

/// Closes all descriptors above 2 but these two.
void close_all_but(int one, int other) noexcept;

/// The server's side. Lives in the server process only.
class fork_server {
public:
    /// `socket` leads to the host, `host` is a pidfd of it, or -1 where there are none.
    fork_server(int socket, int host, pid_t host_pid) noexcept
        : socket_(socket), host_(host), host_pid_(host_pid), self_(::getpid()) {}

    /// Serves until the host leaves or says so. Does not return.
    [[noreturn]] void run() noexcept;

private:
    struct child {
        std::uint64_t worker;
        pid_t pid;
    };

    void settle() noexcept;

    void serve() noexcept;

    void spawn(const server_request& request, const std::array<int, 2>& streams);

    /// Memory for one more worker, its start and its end, and for the ends of all others; false if there is none. With
    /// what is reserved beyond, the failure can be told.
    [[nodiscard]] bool make_room() noexcept;

    [[noreturn]] void become_worker(const server_request& request,
                                    const std::array<int, 2>& streams) noexcept;

    void signal(std::uint64_t worker, int number) noexcept;

    void reap() noexcept;

    void tell(const server_event& event) noexcept;

    void send_waiting() noexcept;

    /// Nobody is left to serve.
    [[noreturn]] void leave() noexcept;

    int socket_;
    int host_;
    pid_t host_pid_;
    pid_t self_;
    std::vector<child> children_;
    std::vector<server_event> unsent_;
};

}  // namespace yoke::detail

#if YOKE_IS_HEADER_ONLY
#include <yoke/detail/process/fork_server.ipp>
#endif
