// SPDX-License-Identifier: MIT
#pragma once

#include <yoke/detail/process/fork_server.hpp>

namespace yoke::detail {

YOKE_INLINE const msghdr& request_message::to_send(const std::array<int, 2>& streams) noexcept {
    if (streams[0] < 0) return header_;
    to_receive();
    cmsghdr* const rights = CMSG_FIRSTHDR(&header_);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof streams);
    std::memcpy(CMSG_DATA(rights), streams.data(), sizeof streams);
    return header_;
}

YOKE_INLINE msghdr& request_message::to_receive() noexcept {
    header_.msg_control = control_.data();
    header_.msg_controllen = control_.size();
    return header_;
}

YOKE_INLINE std::array<int, 2> request_message::received() noexcept {
    std::array<int, 2> streams{-1, -1};
    const cmsghdr* const rights = CMSG_FIRSTHDR(&header_);
    if (rights != nullptr && rights->cmsg_type == SCM_RIGHTS)
        std::memcpy(streams.data(), CMSG_DATA(rights),
                    std::min(sizeof streams, rights->cmsg_len - CMSG_LEN(0)));
    return streams;
}

YOKE_INLINE void flush_output() noexcept {
    // std::cout has a buffer of its own if the program wished so (sync_with_stdio(false)). Flushing throws if the
    // program wished that; what cannot be written then stays where it is.
    try {
        std::cout.flush();
    } catch (...) {}
    std::fflush(stdout);
}

YOKE_INLINE void flush_all() noexcept {
    flush_output();
    try {
        std::clog.flush();
    } catch (...) {}
    std::fflush(nullptr);
}

YOKE_INLINE void exit_as_worker() noexcept {
#if defined(__GLIBC__)
    const bool first = ::on_exit(
                           [](int status, void*) {
                               flush_all();
                               ::_exit(status);
                           },
                           nullptr) == 0;
    // This library passes the status to the handlers of quick_exit, too.
    constexpr void (*at_quick_exit)(void*, int) = [](void*, int status) { ::_exit(status); };
    const bool second = std::at_quick_exit(reinterpret_cast<void (*)()>(at_quick_exit)) == 0;
#else
    const bool first = std::atexit([] {
                           flush_all();
                           ::_exit(EXIT_FAILURE);
                       }) == 0;
    const bool second = std::at_quick_exit([] { ::_exit(EXIT_FAILURE); }) == 0;
#endif
    if (!first || !second) ::_exit(EXIT_FAILURE);
}

YOKE_INLINE void close_all_but(int one, int other) noexcept {
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

YOKE_INLINE void fork_server::run() noexcept {
    settle();
    if (!make_room()) ::_exit(ENOMEM);
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

YOKE_INLINE void fork_server::settle() noexcept {
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

YOKE_INLINE void fork_server::serve() noexcept {
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

YOKE_INLINE void fork_server::spawn(const server_request& request, const std::array<int, 2>& streams) {
    const unique_fd output(streams[0]);
    const unique_fd error(streams[1]);
    const bool lacking = request.streams != 0 && (!output || !error);
    int failure = lacking ? EMFILE : make_room() ? 0 : ENOMEM;
    const pid_t pid = failure != 0 ? -1 : sys.fork();
    if (failure == 0) failure = errno;
    if (pid == 0) become_worker(request, streams);
    if (pid < 0) {
        tell({.what = server_event::spawn_failed, .worker = request.worker, .code = failure});
    } else {
        children_.push_back({request.worker, pid});
        tell({.what = server_event::spawned, .pid = pid, .worker = request.worker});
    }
}

YOKE_INLINE bool fork_server::make_room() noexcept {
    const auto reserve = [](auto& list, std::size_t wanted) {
        if (list.capacity() < wanted) list.reserve(2 * wanted);
    };
    try {
        reserve(children_, children_.size() + 1);
        reserve(unsent_, unsent_.size() + children_.size() + 3);
        return true;
    } catch (const std::bad_alloc&) {
        return false;
    }
}

YOKE_INLINE void fork_server::become_worker(const server_request& request,
                                            const std::array<int, 2>& streams) noexcept {
    in_worker_process = true;
    worker_process_number = process_number();
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
    exit_as_worker();
    const int status = request.entry(request.terms);
    flush_all();
    ::_exit(status);
}

YOKE_INLINE void fork_server::signal(std::uint64_t worker, int number) noexcept {
    for (const child& c : children_)
        if (c.worker == worker) sys.kill(c.pid, number);
}

YOKE_INLINE void fork_server::reap() noexcept {
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

YOKE_INLINE void fork_server::tell(const server_event& event) noexcept {
    try {
        unsent_.push_back(event);
    } catch (const std::bad_alloc&) {
        leave();  // one failure after the other, and nobody takes word of them: there is no memory left at all
    }
    send_waiting();
}

YOKE_INLINE void fork_server::send_waiting() noexcept {
    std::size_t sent_so_far = 0;
    while (sent_so_far != unsent_.size()) {
        const ssize_t sent =
            sys.send(socket_, &unsent_[sent_so_far], sizeof(server_event), MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) continue;
        if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS)) break;
        if (sent < 0) leave();
        ++sent_so_far;
    }
    unsent_.erase(unsent_.begin(), unsent_.begin() + static_cast<std::ptrdiff_t>(sent_so_far));
}

YOKE_INLINE void fork_server::leave() noexcept {
    for (const child& c : children_) sys.kill(c.pid, SIGKILL);
    siginfo_t info{};
    while (uninterrupted([&] { return sys.waitid(P_ALL, 0, &info, WEXITED); }) == 0) {}
    ::_exit(0);
}

}  // namespace yoke::detail
