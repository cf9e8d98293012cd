// SPDX-License-Identifier: MIT
#pragma once

#include <yoke/detail/process/host.hpp>

namespace yoke::detail {

YOKE_INLINE bool server_link::send(server_request request, const std::array<int, 2>& streams) const noexcept {
    request_message message(request);
    const msghdr& to_send = message.to_send(streams);
    return uninterrupted([&] { return sys.sendmsg(socket_.get(), &to_send, MSG_NOSIGNAL); }) ==
           static_cast<ssize_t>(sizeof request);
}

YOKE_INLINE bool server_link::receive(server_event& event) const noexcept {
    return uninterrupted([&] { return sys.recv(socket_.get(), &event, sizeof event, 0); }) ==
           static_cast<ssize_t>(sizeof event);
}

YOKE_INLINE void server_link::await_end() const noexcept {
    pollfd gone{pidfd_.get(), POLLIN, 0};
    const timespec enough{1, 0};
    if (pidfd_) uninterrupted([&] { return sys.ppoll(&gone, 1, &enough, nullptr); });
}

YOKE_INLINE process_host& process_host::instance() {
    process_host* current = current_.load(std::memory_order_acquire);
    while (current == nullptr || (current->watch_.forked() && !in_worker_process)) {
        auto fresh = std::make_unique<process_host>();
        if (current_.compare_exchange_strong(current, fresh.get(), std::memory_order_acq_rel)) {
            // Never destroyed. The one of the parent process, if any, hangs on to it and stays reachable.
            fresh->before_fork_ = current;
            return *fresh.release();
        }
    }
    return *current;
}

YOKE_INLINE bool process_host::shares(const void* address) noexcept {
    const process_host* const host = current_.load(std::memory_order_acquire);
    return host != nullptr && !host->watch_.forked() && host->arena_ && host->arena_->contains(address, 1);
}

YOKE_INLINE void process_host::start() {
    if (in_worker_process)
        throw deadlock_error("a worker process of a pool cannot start a process pool or shared memory of its "
                             "own; let the program that owns the pool submit the work");
    const std::lock_guard lock(starting_);
    if (running()) return;
    end_monitor();  // of a server that was lost
    if (other_threads_run())
        throw unsafe_fork(
            "processes can only be forked safely while the program has one thread, and it has more by "
            "now: put "
            "`yoke::runtime rt{argc, argv};` at the top of main, or make the first process pool "
            "before the first thread");
    if (!arena_) arena_ = std::make_unique<shared_arena>();
    start_server();
    kills_ = out_of_memory_kills();
}

YOKE_INLINE void process_host::stop() noexcept {
    if (watch_.forked()) return;
    const std::lock_guard lock(starting_);
    {
        const std::lock_guard guard(owners_mutex_);
        if (users_ != 0) return;
    }
    // The monitor, if there is one, sees the end of the socket.
    const bool told = running() && link_->send({.what = server_request::leave});
    end_monitor();
    if (told) link_->await_end();
    link_.reset();
}

YOKE_INLINE std::shared_ptr<server_link> process_host::use_server() {
    start();
    const std::lock_guard lock(starting_);
    if (!monitor_.joinable()) start_monitor();
    const std::lock_guard guard(owners_mutex_);
    ++users_;
    return link_;
}

YOKE_INLINE void process_host::leave_server() noexcept {
    const std::lock_guard guard(owners_mutex_);
    --users_;
}

YOKE_INLINE std::uint64_t process_host::add_worker(worker_owner& owner) {
    const std::lock_guard guard(owners_mutex_);
    owners_.emplace(next_worker_, &owner);
    return next_worker_++;
}

YOKE_INLINE void process_host::remove_worker(std::uint64_t worker) noexcept {
    const std::lock_guard guard(owners_mutex_);
    owners_.erase(worker);
}

YOKE_INLINE void process_host::add_bell(shared_word& word) {
    const std::lock_guard guard(owners_mutex_);
    bells_.push_back(&word);
}

YOKE_INLINE void process_host::remove_bell(shared_word& word) noexcept {
    const std::lock_guard guard(owners_mutex_);
    std::erase(bells_, &word);
}

YOKE_INLINE bool process_host::memory_ran_out() noexcept {
    try {
        const std::lock_guard guard(kills_mutex_);
        const std::uint64_t kills = out_of_memory_kills();
        const std::int64_t now = monotonic_ns();
        if (std::exchange(kills_, kills) < kills) kills_seen_ = now;
        return kills_seen_ != 0 && now - kills_seen_ < 1'000'000'000;
    } catch (...) {
        return false;  // no memory to read the counters with
    }
}

YOKE_INLINE pid_t process_host::server_pid() {
    const std::lock_guard lock(starting_);
    return running() ? link_->pid() : 0;
}

YOKE_INLINE void process_host::start_server() {
    int ends[2];
    if (sys.socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
        throw_errno("yoke cannot connect to its fork server (socketpair)");
    unique_fd ours(ends[0]);
    unique_fd theirs(ends[1]);
    ours = above_standard_streams(std::move(ours));
    theirs = above_standard_streams(std::move(theirs));
    // Opened here, by ourselves: the server could be too late for that. Old kernels have none.
    unique_fd self(sys.pidfd_open(::getpid()));
    if (self) self = above_standard_streams(std::move(self));

    code_ = code_map::of_this_process();
    const pid_t host = ::getpid();
    flush_all();  // or the workers would print it again
    {
        const signals_blocked quiet;
        // Twice, so that the server is nobody's child here and the program's wait() never meets it.
        const pid_t between = sys.fork();
        if (between < 0) throw_errno("yoke cannot fork its fork server");
        if (between == 0) {
            const pid_t server = sys.fork();
            if (server != 0) ::_exit(server < 0 ? errno : 0);
            serve(theirs.get(), self.get(), host);
        }
        int status = 0;
        const pid_t reaped = uninterrupted([&] { return sys.waitpid(between, &status, 0); });
        // If the program ignores SIGCHLD the kernel has reaped the child, and the greeting below has to do.
        if (reaped == between && status != 0) {
            errno = WIFEXITED(status) ? WEXITSTATUS(status) : EAGAIN;
            throw_errno("yoke cannot fork its fork server");
        }
    }
    theirs = unique_fd();
    server_event greeting;
    const ssize_t got = uninterrupted([&] { return sys.recv(ours.get(), &greeting, sizeof greeting, 0); });
    if (got != static_cast<ssize_t>(sizeof greeting)) {
        errno = got < 0 ? errno : ECHILD;
        throw_errno("yoke's fork server did not start");
    }
    link_ = std::make_shared<server_link>(std::move(ours), greeting.pid);
}

YOKE_INLINE void process_host::start_monitor() {
    const signals_blocked quiet;  // inherited by the thread: the program's handlers run on its own threads
    monitor_ = std::thread([this, link = link_] { monitor(*link); });
}

YOKE_INLINE void process_host::monitor(server_link& link) noexcept {
    ::prctl(PR_SET_NAME, "yoke-monitor");
    server_event event;
    while (link.receive(event)) {
        const std::lock_guard guard(owners_mutex_);
        if (const auto owner = owners_.find(event.worker); owner != owners_.end())
            owner->second->worker_event(event);
        if (event.what == server_event::died) ring_bells();
    }
    const std::lock_guard guard(owners_mutex_);
    link.set_lost();
    ring_bells();
    // An owner has several workers; it is told once for each and must not mind.
    for (const auto& [worker, owner] : owners_) owner->server_lost();
}

YOKE_INLINE void process_host::ring_bells() noexcept {
    for (shared_word* const word : bells_) {
        word->fetch_add(1, std::memory_order_seq_cst);
        futex_wake(*word);
    }
}

}  // namespace yoke::detail
