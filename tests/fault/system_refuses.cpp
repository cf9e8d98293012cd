// SPDX-License-Identifier: MIT
// labels: process
// own-main
//
// Every system call the process pool makes, refused at its n-th use: the constructor throws std::system_error and leaves
// nothing, or, where there is another way, the pool works. Rows B6, B7 and C1-C6 of the list of faults.
#include "support/process_watch.hpp"

#include <yoke/executor/process_pool.hpp>

#include <dlfcn.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstdio>
#include <string>
#include <system_error>
#include <type_traits>

using yoke::detail::sys;
using yoke::detail::sys_ops;
using yoke_test::require;

namespace {

/// Which call fails, when and how; shared with the fork server.
struct plan {
    std::atomic<int> left{-1};  // calls that succeed before; negative: none fails
    std::atomic<int> error{0};
    std::atomic<int> repeat{0};  // goes on failing
    std::atomic<int> failures{0};
};
plan& the_plan = yoke_test::make_shared_object<plan>();

/// Of threads and processes that call at once each counts.
bool refused() {
    int left = the_plan.left;
    do {
        if (left < 0) return false;
    } while (!the_plan.left.compare_exchange_weak(left, left > 0 || the_plan.repeat == 0 ? left - 1 : 0));
    if (left > 0) return false;
    ++the_plan.failures;
    errno = the_plan.error;
    return true;
}

template <class R>
R failure() {
    if constexpr (std::is_pointer_v<R>)
        return MAP_FAILED;
    else
        return -1;
}

#define REFUSABLE(NAME, PARAMETERS, ARGUMENTS)                                                               \
    sys.NAME = [] PARAMETERS {                                                                               \
        static const sys_ops real;                                                                           \
        return refused() ? failure<decltype(real.NAME ARGUMENTS)>() : real.NAME ARGUMENTS;                   \
    }

/// Not of the table: the standard library starts threads.
[[maybe_unused]] std::atomic<bool> threads_are_refusable{false};
#if !defined(__SANITIZE_ADDRESS__) && !defined(YOKE_ADDRESS_SANITIZER)
using start_routine = void* (*)(void*);
using create_thread = int (*)(pthread_t*, const pthread_attr_t*, start_routine, void*);
extern "C" int pthread_create(pthread_t* thread, const pthread_attr_t* attributes, start_routine start,
                              void* argument) {
    static const auto real = reinterpret_cast<create_thread>(::dlsym(RTLD_NEXT, "pthread_create"));
    if (threads_are_refusable && refused()) return the_plan.error;
    return real(thread, attributes, start, argument);
}
#endif

struct call {
    const char* name;
    void (*replace)();
    int error;
    bool must_work;  // the pool has another way
};
const call calls[] = {
    {"memfd_create", [] { REFUSABLE(memfd_create, (const char* name, unsigned flags), (name, flags)); },
     EMFILE, false},
    {"memfd_create", [] { REFUSABLE(memfd_create, (const char* name, unsigned flags), (name, flags)); },
     ENOSYS, false},
    {"ftruncate", [] { REFUSABLE(ftruncate, (int fd, off_t size), (fd, size)); }, ENOSPC, false},
    {"ftruncate", [] { REFUSABLE(ftruncate, (int fd, off_t size), (fd, size)); }, EFBIG, false},
    {"mmap",
     [] {
         REFUSABLE(mmap, (void* at, std::size_t size, int protection, int flags, int fd, off_t offset),
                   (at, size, protection, flags, fd, offset));
     },
     ENOMEM, true},  // half of it will do
    {"mmap",
     [] {
         REFUSABLE(mmap, (void* at, std::size_t size, int protection, int flags, int fd, off_t offset),
                   (at, size, protection, flags, fd, offset));
     },
     ENODEV, false},
    {"fallocate",
     [] { REFUSABLE(fallocate, (int fd, int mode, off_t at, off_t size), (fd, mode, at, size)); }, ENOSPC,
     false},
    {"fallocate",
     [] { REFUSABLE(fallocate, (int fd, int mode, off_t at, off_t size), (fd, mode, at, size)); }, EOPNOTSUPP,
     false},
    {"socketpair",
     [] {
         REFUSABLE(socketpair, (int domain, int type, int protocol, int* fds), (domain, type, protocol, fds));
     },
     ENFILE, false},
    {"fork", [] { REFUSABLE(fork, (), ()); }, EAGAIN, false},
    {"fork", [] { REFUSABLE(fork, (), ()); }, ENOMEM, false},
#if !defined(__SANITIZE_ADDRESS__) && !defined(YOKE_ADDRESS_SANITIZER)
    {"pthread_create", [] { threads_are_refusable = true; }, EAGAIN, false},
#endif
    {"unshare", [] { REFUSABLE(unshare, (int flags), (flags)); }, EPERM, true},
    {"pidfd_open", [] { REFUSABLE(pidfd_open, (pid_t pid), (pid)); }, ENOSYS, true},
    {"close_range", [] { REFUSABLE(close_range, (unsigned first, unsigned last), (first, last)); }, ENOSYS,
     true},
    {"waitpid", [] { REFUSABLE(waitpid, (pid_t pid, int* status, int options), (pid, status, options)); },
     EINTR, true},
    {"send",
     [] {
         REFUSABLE(send, (int fd, const void* data, std::size_t size, int flags), (fd, data, size, flags));
     },
     EINTR, true},
    {"recv",
     [] { REFUSABLE(recv, (int fd, void* data, std::size_t size, int flags), (fd, data, size, flags)); },
     EINTR, true},
    {"sendmsg", [] { REFUSABLE(sendmsg, (int fd, const msghdr* message, int flags), (fd, message, flags)); },
     EINTR, true},
    {"recvmsg", [] { REFUSABLE(recvmsg, (int fd, msghdr* message, int flags), (fd, message, flags)); }, EINTR,
     true},
    {"ppoll",
     [] {
         REFUSABLE(ppoll, (pollfd * fds, nfds_t count, const timespec* time, const sigset_t* mask),
                   (fds, count, time, mask));
     },
     EINTR, true},
    {"waitid",
     [] {
         REFUSABLE(waitid, (idtype_t type, id_t id, siginfo_t * info, int options),
                   (type, id, info, options));
     },
     EINTR, true},
    {"futex",
     [] {
         sys.futex = [](std::uint32_t* word, int operation, std::uint32_t value, const timespec* time,
                        std::uint32_t bits) {
             static const sys_ops real;
             // A wake does not fail; a wait may always be interrupted.
             return operation != FUTEX_WAKE && refused() ? -1L
                                                         : real.futex(word, operation, value, time, bits);
         };
     },
     EINTR, true},
};

/// Makes a pool, uses it and its workers' death, in a process of its own. 0: it worked; 1: it was refused as promised;
/// else it was neither.
int use_a_pool() {
    const yoke_test::holdings before;
    int outcome = 0;
    try {
        yoke::process_pool pool({.workers = 2, .output = yoke::worker_output::capture});
        for (int i = 0; i < 20; ++i)
            if (pool.submit([](int x) { return x; }, i).get() != i) return 2;
        try {
            pool.submit([] { ::raise(SIGKILL); }).get();
            return 3;
        } catch (const yoke::worker_lost&) {}
        if (pool.submit([](const std::string& text) { return text + "!"; }, std::string(500'000, 'x'))
                .get()
                .size() != 500'001)
            return 4;
    } catch (const std::system_error& error) {
        if (error.code().value() != the_plan.error) {
            std::printf("    %s\n", error.what());
            return 5;
        }
        outcome = 1;
    } catch (const yoke::message_too_large&) {
        outcome = 1;  // the memory for a result
    }
    yoke::detail::process_host::instance().stop();
    const bool clean = yoke_test::eventually([&] {
        const yoke_test::holdings now;
        // The arena stays for the life of the program.
        return now.descriptors.size() <= before.descriptors.size() + 1 &&
               now.threads.size() == before.threads.size() && now.shared_memory == before.shared_memory &&
               !now.children;
    });
    return clean ? outcome : 6;
}

constexpr int skipped = 77;

template <class Prepare>
int in_a_process(Prepare&& prepare) {
    std::fflush(nullptr);
    const pid_t child = ::fork();
    if (child == 0) {
        ::alarm(30);
        prepare();
        ::_exit(use_a_pool());
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 100 + WTERMSIG(status);
}

void refuse_each_call() {
    for (const call& c : calls) {
        for (int nth = 0; nth < 6; ++nth) {
            the_plan.left = nth;
            the_plan.error = c.error;
            the_plan.failures = 0;
            // A missing system call is missing for good, an interruption happens once.
            the_plan.repeat = c.error == ENOSYS || c.error == EPERM || c.error == EOPNOTSUPP ||
                              c.error == EFBIG || c.error == ENODEV;
            const int outcome = in_a_process(c.replace);
            const bool happened = the_plan.failures != 0;
            the_plan.left = -1;
            if (outcome > 1 || (c.must_work && outcome != 0)) {
                std::printf("FAILED: %s refused at use %d with error %d: outcome %d\n", c.name, nth + 1,
                            c.error, outcome);
                std::exit(1);
            }
            require(happened || nth != 0, "it is used at all:", c.name);
            require(happened || outcome == 0, "what did not happen does no harm:", c.name);
            if (!happened) break;  // it is not used so often
        }
    }
}

/// From now on clone3 fails in this process, as in containers whose filter does not know it. yoke never calls it: only the
/// C library does, to start a thread, and fork() is an older call.
template <int Error>
void refuse_clone3() {
    sock_filter filter[] = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
                            BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone3, 0, 1),
                            BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | Error),
                            BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
    const sock_fprog program{sizeof filter / sizeof filter[0], filter};
    ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) != 0) {
        std::perror("skipped: clone3 cannot be refused");
        ::_exit(skipped);
    }
    errno = 0;
    if (::syscall(SYS_clone3, nullptr, 0) != -1 || errno != Error) ::_exit(7);
}
void refuse_clone3() {
    const int missing = in_a_process(refuse_clone3<ENOSYS>);
    require(missing == 0 || missing == skipped, "without clone3 the C library has another way");
    // A C library that does not use it works, too.
    the_plan.error = EAGAIN;
    const int refused = in_a_process(refuse_clone3<EAGAIN>);
    require(refused == 0 || refused == 1 || refused == skipped, "a thread that is refused is an error");
}

/// What a program may do to its own process.
void odd_programs() {
    const auto check = [](const char* what, int expected, auto&& prepare) {
        const int outcome = in_a_process(prepare);
        if (outcome == expected) return;
        std::printf("FAILED: a program that %s: outcome %d, not %d\n", what, outcome, expected);
        std::exit(1);
    };
    check("ignores SIGCHLD", 0, [] { ::signal(SIGCHLD, SIG_IGN); });
    check("waits for every child in a handler", 0, [] {
        ::signal(SIGCHLD, [](int) {
            while (::waitpid(-1, nullptr, WNOHANG) > 0) {}
        });
    });
    check("has closed its standard streams", 0, [] {
        for (const int stream : {0, 1, 2}) ::close(stream);
    });
    check("has blocked all signals", 0, [] {
        sigset_t all;
        ::sigfillset(&all);
        ::sigprocmask(SIG_BLOCK, &all, nullptr);
    });
    check("may write 1 GiB to a file", 0, [] {
        const rlimit limit{std::size_t{1} << 30, std::size_t{1} << 30};
        ::setrlimit(RLIMIT_FSIZE, &limit);
    });
    the_plan.error = EFBIG;
    check("may write 4 KiB to a file", 1, [] {
        const rlimit limit{4096, 4096};
        ::setrlimit(RLIMIT_FSIZE, &limit);
    });
}

}  // namespace

int main() {
    // No watchdog here, which is a thread: a child forked from a program with threads may find a lock of the allocator taken.
    // Each child has an alarm instead, by which a hang is outcome 114.
    refuse_each_call();
    refuse_clone3();
    odd_programs();
    std::puts("refused with an error, or done in another way; nothing left");
    return 0;
}
