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
/// take wait in a list, so a host that blocks in a request cannot make a circle with it.

#include <yoke/detail/sys.hpp>
#include <yoke/detail/test_point.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <deque>
#include <vector>

namespace yoke::detail {

/// What a worker runs: `entry(offset, index)`, then it leaves. Must not throw.
using worker_entry = void (*)(std::uint64_t offset, std::uint32_t index) noexcept;

struct server_request {
    enum kind : std::uint32_t { spawn, signal, leave };
    std::uint32_t what = leave;
    std::int32_t number = 0;   ///< signal: which
    std::uint64_t worker = 0;  ///< never used twice
    worker_entry entry = nullptr;
    std::uint64_t offset = 0;
    std::uint32_t index = 0;
    std::uint32_t streams = 0;  ///< spawn: 1 if standard output and error of the worker come along
};

/// A request on its way through the socket, and the two descriptors that may come along.
class request_message {
public:
    explicit request_message(server_request& request) noexcept : part_{&request, sizeof request} {}
    request_message(const request_message&) = delete;
    request_message& operator=(const request_message&) = delete;

    /// To be sent without descriptors, or with these.
    [[nodiscard]] const msghdr& to_send(const std::array<int, 2>& streams) noexcept {
        if (streams[0] < 0) return header_;
        to_receive();
        cmsghdr* const rights = CMSG_FIRSTHDR(&header_);
        rights->cmsg_level = SOL_SOCKET;
        rights->cmsg_type = SCM_RIGHTS;
        rights->cmsg_len = CMSG_LEN(sizeof streams);
        std::memcpy(CMSG_DATA(rights), streams.data(), sizeof streams);
        return header_;
    }
    msghdr& to_receive() noexcept {
        header_.msg_control = control_.data();
        header_.msg_controllen = control_.size();
        return header_;
    }
    /// The descriptors that were received; -1 if there are none.
    [[nodiscard]] std::array<int, 2> received() noexcept {
        std::array<int, 2> streams{-1, -1};
        const cmsghdr* const rights = CMSG_FIRSTHDR(&header_);
        if (rights != nullptr && rights->cmsg_type == SCM_RIGHTS)
            std::memcpy(streams.data(), CMSG_DATA(rights),
                        std::min(sizeof streams, rights->cmsg_len - CMSG_LEN(0)));
        return streams;
    }

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

/// Closes all descriptors above 2 but these two.
inline void close_all_but(int one, int other) noexcept {
    const int low = std::min(one, other);
    const int high = std::max(one, other);
    const auto close_between = [](int first, int last) {
        if (first > last) return;
        if (sys.close_range(static_cast<unsigned>(first), static_cast<unsigned>(last)) == 0) return;
        // An old kernel. The limit bounds what can be open; beyond a million nobody goes.
        const long limit = std::min(::sysconf(_SC_OPEN_MAX), 1'000'000L);
        for (int fd = first; fd <= last && fd < limit; ++fd) ::close(fd);
    };
    close_between(3, low > 2 ? low - 1 : 2);
    close_between(std::max(low + 1, 3), high - 1);
    close_between(std::max(high + 1, 3), INT32_MAX);
}

/// The server's side. Lives in the server process only.
class fork_server {
public:
    /// `socket` leads to the host, `host` is a pidfd of it, or -1 where there are none.
    fork_server(int socket, int host, pid_t host_pid) noexcept
        : socket_(socket), host_(host), host_pid_(host_pid), self_(::getpid()) {}

    /// Serves until the host leaves or says so. Does not return.
    [[noreturn]] void run() {
        settle();
        tell({.what = server_event::hello, .pid = self_});
        sigset_t none;
        ::sigemptyset(&none);
        for (;;) {
            reap();
            pollfd waiting[] = {{socket_, static_cast<short>(POLLIN | (unsent_.empty() ? 0 : POLLOUT)), 0},
                                {host_, POLLIN, 0}};
            // Without a pidfd the host's end of the socket tells, unless a child of the host still has it open.
            const timespec moment{0, 50'000'000};
            // SIGCHLD is delivered in here only, so a death between reap() and this call is not slept through.
            const int ready = sys.ppoll(waiting, 2, host_ < 0 ? &moment : nullptr, &none);
            if (host_ < 0 && sys.kill(host_pid_, 0) != 0 && errno == ESRCH) leave();
            if (ready <= 0) continue;
            if (waiting[1].revents != 0) leave();
            if ((waiting[0].revents & POLLOUT) != 0) send_waiting();
            if ((waiting[0].revents & (POLLIN | POLLHUP | POLLERR)) != 0) serve();
        }
    }

private:
    struct child {
        std::uint64_t worker;
        pid_t pid;
    };

    void settle() noexcept {
        ::setsid();
        ::prctl(PR_SET_NAME, "yoke-server");
        close_all_but(socket_, host_);
        // Standard input is the host's; the other two stay, and are opened where the host had closed them.
        const int nothing = ::open("/dev/null", O_RDWR);
        if (nothing > 0) ::dup2(nothing, 0);
        for (const int stream : {1, 2})
            if (::fcntl(stream, F_GETFD) < 0 && nothing >= 0) ::dup2(nothing, stream);
        if (nothing > 2) ::close(nothing);

        struct sigaction action {};
        action.sa_handler = SIG_DFL;
        for (int signal = 1; signal < NSIG; ++signal) ::sigaction(signal, &action, nullptr);
        action.sa_handler = SIG_IGN;
        for (const int signal : {SIGINT, SIGQUIT, SIGHUP, SIGPIPE}) ::sigaction(signal, &action, nullptr);
        action.sa_handler = [](int) {};  // so that it interrupts ppoll
        ::sigaction(SIGCHLD, &action, nullptr);
        sigset_t mask;
        ::sigemptyset(&mask);
        ::sigaddset(&mask, SIGCHLD);
        ::sigprocmask(SIG_SETMASK, &mask, nullptr);
    }

    void serve() {
        for (;;) {
            server_request request;
            request_message message(request);
            const ssize_t got = sys.recvmsg(socket_, &message.to_receive(), MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
            if (got < 0 && errno == EINTR) continue;
            if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return;
            if (got != static_cast<ssize_t>(sizeof request)) leave();  // the host closed its end
            switch (request.what) {
            case server_request::spawn: spawn(request, message.received()); break;
            case server_request::signal: signal(request.worker, request.number); break;
            default: leave();
            }
        }
    }

    void spawn(const server_request& request, const std::array<int, 2>& streams) {
        const unique_fd output(streams[0]);
        const unique_fd error(streams[1]);
        children_.reserve(children_.size() + 1);
        const bool lacking = request.streams != 0 && (!output || !error);
        const pid_t pid = lacking ? -1 : sys.fork();
        const int failure = lacking ? EMFILE : errno;
        if (pid == 0) become_worker(request, streams);
        if (pid < 0) {
            tell({.what = server_event::spawn_failed, .worker = request.worker, .code = failure});
        } else {
            children_.push_back({request.worker, pid});
            tell({.what = server_event::spawned, .pid = pid, .worker = request.worker});
        }
    }

    [[noreturn]] void become_worker(const server_request& request,
                                    const std::array<int, 2>& streams) noexcept {
        in_worker_process = true;
        ::close(socket_);
        if (host_ >= 0) ::close(host_);
        for (int i = 0; i < 2 && streams[0] >= 0; ++i) {
            ::dup2(streams[static_cast<std::size_t>(i)], i + 1);
            ::close(streams[static_cast<std::size_t>(i)]);
        }
        // What was printed before a crash should be there to read.
        if (streams[0] >= 0) std::setvbuf(stdout, nullptr, _IOLBF, 0);
        YOKE_TEST_POINT("worker before pdeathsig");
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        // The server may have died before the line above: then nobody would ever tell us.
        if (::getppid() != self_) ::_exit(0);
        ::prctl(PR_SET_NAME, "yoke-worker");
        struct sigaction action {};
        action.sa_handler = SIG_DFL;
        ::sigaction(SIGCHLD, &action, nullptr);
        ::sigaction(SIGPIPE, &action, nullptr);
        sigset_t none;
        ::sigemptyset(&none);
        ::sigprocmask(SIG_SETMASK, &none, nullptr);
        request.entry(request.offset, request.index);
        std::fflush(nullptr);
        ::_exit(0);
    }

    void signal(std::uint64_t worker, int number) noexcept {
        for (const child& c : children_)
            if (c.worker == worker) sys.kill(c.pid, number);
    }

    void reap() {
        for (;;) {
            siginfo_t info{};
            if (uninterrupted([&] { return sys.waitid(P_ALL, 0, &info, WEXITED | WNOHANG); }) != 0) return;
            if (info.si_pid == 0) return;
            const auto dead = std::find_if(children_.begin(), children_.end(),
                                           [&](const child& c) { return c.pid == info.si_pid; });
            if (dead == children_.end()) continue;
            tell({.what = server_event::died,
                  .pid = info.si_pid,
                  .worker = dead->worker,
                  .code = info.si_code,
                  .status = info.si_status});
            *dead = children_.back();
            children_.pop_back();
        }
    }

    void tell(const server_event& event) {
        unsent_.push_back(event);
        send_waiting();
    }

    void send_waiting() {
        while (!unsent_.empty()) {
            const ssize_t sent =
                sys.send(socket_, &unsent_.front(), sizeof(server_event), MSG_DONTWAIT | MSG_NOSIGNAL);
            if (sent < 0 && errno == EINTR) continue;
            if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS)) return;
            if (sent < 0) leave();
            unsent_.pop_front();
        }
    }

    /// Nobody is left to serve.
    [[noreturn]] void leave() noexcept {
        for (const child& c : children_) sys.kill(c.pid, SIGKILL);
        siginfo_t info{};
        while (uninterrupted([&] { return sys.waitid(P_ALL, 0, &info, WEXITED); }) == 0) {}
        ::_exit(0);
    }

    int socket_;
    int host_;
    pid_t host_pid_;
    pid_t self_;
    std::vector<child> children_;
    std::deque<server_event> unsent_;
};

}  // namespace yoke::detail
