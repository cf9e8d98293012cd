// SPDX-License-Identifier: MIT
#pragma once

/// The system calls that the process pool makes, behind one table.
///
/// All code of the library calls `sys.fork()` and not `::fork()`, so a test can put a function of its own in the
/// place of one entry and see what becomes of the pool when the n-th call fails. Entries fail as the system does: -1 and
/// errno. The table is plain data: it is replaced before threads use it, and a fork server has the table of
/// the moment in which it was forked.

#include <yoke/detail/base/config.hpp>

#if !defined(__linux__)
#error "yoke: the process pool and its shared memory need Linux; use yoke::thread_pool on this system"
#endif

#include <cerrno>
#include <csignal>
#include <cstdint>
#include <string>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/futex.h>
#include <poll.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

namespace yoke::detail {

struct sys_ops {
    int (*memfd_create)(const char* name, unsigned flags) = &::memfd_create;
    int (*ftruncate)(int fd, off_t size) = &::ftruncate;
    int (*fallocate)(int fd, int mode, off_t offset, off_t size) = &::fallocate;
    void* (*mmap)(void* at, std::size_t size, int protection, int flags, int fd, off_t offset) = &::mmap;
    int (*socketpair)(int domain, int type, int protocol, int fds[2]) = &::socketpair;
    ssize_t (*send)(int fd, const void* data, std::size_t size, int flags) = &::send;
    ssize_t (*recv)(int fd, void* data, std::size_t size, int flags) = &::recv;
    ssize_t (*sendmsg)(int fd, const msghdr* message, int flags) = &::sendmsg;
    ssize_t (*recvmsg)(int fd, msghdr* message, int flags) = &::recvmsg;
    pid_t (*fork)() = &::fork;
    pid_t (*waitpid)(pid_t pid, int* status, int options) = &::waitpid;
    int (*waitid)(idtype_t type, id_t id, siginfo_t* info, int options) = &::waitid;
    int (*kill)(pid_t pid, int signal) = &::kill;
    int (*ppoll)(pollfd* fds, nfds_t count, const timespec* time, const sigset_t* mask) = &::ppoll;
    int (*unshare)(int flags) = &::unshare;
    int (*pidfd_open)(pid_t pid) = [](pid_t pid) {
        return static_cast<int>(::syscall(SYS_pidfd_open, pid, 0u));
    };
    int (*close_range)(unsigned first, unsigned last) = [](unsigned first, unsigned last) {
        return static_cast<int>(::syscall(SYS_close_range, first, last, 0u));
    };
    long (*futex)(std::uint32_t* word, int operation, std::uint32_t value, const timespec* time,
                  std::uint32_t bits) = [](std::uint32_t* word, int operation, std::uint32_t value,
                                           const timespec* time, std::uint32_t bits) {
        return ::syscall(SYS_futex, word, operation, value, time, nullptr, bits);
    };
};

YOKE_SHARED_STATE inline sys_ops sys;

/// Repeats `call()` for as long as a signal handler interrupts it.
template <class Call>
auto uninterrupted(Call&& call) {
    for (;;) {
        const auto result = call();
        if (result != -1 || errno != EINTR) return result;
    }
}

/// Throws the std::system_error for errno.
[[noreturn]] inline void throw_errno(const std::string& what) {
    throw std::system_error(errno, std::generic_category(), what);
}

/// A file descriptor and who must close it.
class unique_fd {
public:
    unique_fd() = default;
    explicit unique_fd(int fd) noexcept : fd_(fd) {}
    unique_fd(unique_fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    unique_fd& operator=(unique_fd&& other) noexcept {
        unique_fd(std::move(other)).swap(*this);
        return *this;
    }
    ~unique_fd() {
        if (fd_ >= 0) ::close(fd_);
    }

    [[nodiscard]] int get() const noexcept { return fd_; }
    [[nodiscard]] int release() noexcept { return std::exchange(fd_, -1); }
    explicit operator bool() const noexcept { return fd_ >= 0; }
    void swap(unique_fd& other) noexcept { std::swap(fd_, other.fd_); }

private:
    int fd_ = -1;
};

/// The same descriptor under a number above 2, which a program that closed its standard streams may have been given.
inline unique_fd above_standard_streams(unique_fd fd) {
    if (fd.get() > 2 || fd.get() < 0) return fd;
    unique_fd higher(::fcntl(fd.get(), F_DUPFD_CLOEXEC, 3));
    if (!higher) throw_errno("cannot duplicate a file descriptor");
    return higher;
}

/// Blocks all signals of this thread for as long as it lives. What the system sends because of a fault of the thread
/// itself stays as it is.
class signals_blocked {
public:
    signals_blocked() noexcept {
        sigset_t all;
        ::sigfillset(&all);
        for (const int fault : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP}) ::sigdelset(&all, fault);
        ::pthread_sigmask(SIG_BLOCK, &all, &before_);
    }
    signals_blocked(const signals_blocked&) = delete;
    signals_blocked& operator=(const signals_blocked&) = delete;
    ~signals_blocked() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

private:
    sigset_t before_{};
};

/// Nanoseconds of the clock that all processes share and nobody sets (std::chrono::steady_clock).
inline std::int64_t monotonic_ns() noexcept {
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

/// Milliseconds of the same clock, a few of them late, for a fifth of the price; counts round and round.
inline std::uint32_t coarse_ms() noexcept {
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    return static_cast<std::uint32_t>(now.tv_sec * 1'000 + now.tv_nsec / 1'000'000);
}

}  // namespace yoke::detail
