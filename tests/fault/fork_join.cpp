// SPDX-License-Identifier: MIT
// labels: process
// own-main
//
// Forks and joins where the system does not play along: no membarrier from the start, or none from some moment on,
// and a child that a task makes in the middle of a fork.
#include "support/process_watch.hpp"

#include <yoke/algorithm/map.hpp>
#include <yoke/executor/thread_pool.hpp>

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <thread>
#include <vector>

using yoke_test::require;

namespace {

/// From now on the kernel refuses membarrier to all threads of this process. False if it will not be told so.
bool refuse_membarrier() {
    sock_filter steps[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_membarrier, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const sock_fprog program{sizeof steps / sizeof *steps, steps};
    return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program) == 0;
}

long fib(yoke::thread_pool& pool, long n) {
    if (n < 2) return n;
    const auto [a, b] = pool.invoke([&] { return fib(pool, n - 1); }, [&] { return fib(pool, n - 2); });
    return a + b;
}

/// Two calls that wait for one another: each on a thread of its own, or never.
void meet(yoke::thread_pool& pool) {
    std::atomic<int> met{0};
    const auto arrive = [&] {
        if (++met == 2) met.notify_all();
        for (int now = met.load(); now != 2; now = met.load()) met.wait(now);
    };
    pool.invoke(arrive, arrive);
}

std::size_t loop(yoke::thread_pool& pool) {
    std::vector<std::size_t> items(50'000, 1);
    yoke::for_each(pool, items, [](std::size_t& item) {
        std::atomic<std::size_t> steps{0};
        while (++steps != 20) {}
        item += steps;
    });
    std::size_t sum = 0;
    for (const std::size_t item : items) sum += item;
    return sum;
}
constexpr std::size_t loop_sum = 50'000 * 21;

/// Runs the program in a child, which has one thread to begin with; its exit status, or 1000 and the signal that ended it.
template <class Program>
int status_of(Program&& program) {
    std::fflush(nullptr);
    const pid_t child = ::fork();
    if (child == 0) {
        ::alarm(30);
        program();
        ::_exit(0);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

constexpr int no_filters = 77;

void without_membarrier() {
    if (!refuse_membarrier()) ::_exit(no_filters);
    require(!yoke::detail::enable_asymmetric_barrier(), "membarrier is refused");
    yoke::thread_pool pool(3);
    for (int round = 0; round != 200; ++round) meet(pool);
    require(pool.invoke([&] { return fib(pool, 18); }) == 2584, "forks without membarrier");
    require(loop(pool) == loop_sum, "a loop without membarrier");
}

void membarrier_refused_later() {
    yoke::thread_pool pool(3);
    meet(pool);
    require(pool.invoke([&] { return fib(pool, 18); }) == 2584, "forks with membarrier");
    if (!yoke::detail::enable_asymmetric_barrier() || !refuse_membarrier()) ::_exit(no_filters);
    require(!yoke::detail::heavy_barrier(), "membarrier is refused");
    // Nothing is stolen any more, so all is done by the forker.
    const auto here = [] { return std::this_thread::get_id(); };
    for (int round = 0; round != 20; ++round) {
        const auto [a, b] = pool.invoke(here, here);
        require(a == b, "without a barrier there is no theft");
    }
    require(pool.invoke([&] { return fib(pool, 18); }) == 2584, "forks after membarrier was refused");
    require(loop(pool) == loop_sum, "a loop after membarrier was refused");
    require(pool.submit([] { return 1; }).get() == 1, "tasks run as before");
}

void a_child_of_a_task_does_what_it_forks_itself() {
    yoke::thread_pool pool(2);
    meet(pool);
    for (int round = 0; round != 20; ++round) {
        const int status = pool.invoke([&] {
            return status_of([&] {
                require(fib(pool, 15) == 610, "a child forks");
                int called = 0;
                pool.invoke([&] { ++called; }, [&] { ++called; }, [&] { ++called; });
                require(called == 3, "a child calls all itself");
                require(loop(pool) == loop_sum, "a child's loop");
            });
        });
        require(status == 0, "a child of a task");
        meet(pool);
    }
}

void a_child_cannot_wait_for_what_was_stolen() {
    yoke::thread_pool pool(2);
    for (int round = 0; round != 20; ++round) {
        std::atomic<int> stolen{0};
        std::atomic<int> over{0};
        pid_t child = -1;
        const auto fork_and_join = [&] {
            pool.invoke(
                [&] {
                    stolen.wait(0);
                    child = ::fork();
                    if (child != 0) {
                        over = 1;
                        over.notify_all();
                    }
                },
                [&] {
                    stolen = 1;
                    stolen.notify_all();
                    over.wait(0);
                });
        };
        // All in one task: in the child there is only its thread.
        pool.invoke([&] {
            try {
                fork_and_join();
                if (child == 0) ::_exit(1);  // but the call that was stolen has not ended in this process
            } catch (const yoke::forked&) {
                ::_exit(child == 0 ? 0 : 2);
            }
        });
        int status = 0;
        require(::waitpid(child, &status, 0) == child, "a child to wait for");
        require(WIFEXITED(status) && WEXITSTATUS(status) == 0, "a child is told that it was forked");
    }
}

}  // namespace

int main() {
    struct {
        const char* name;
        void (*run)();
    } const programs[] = {
        {"membarrier is refused from the start", without_membarrier},
        {"membarrier is refused later", membarrier_refused_later},
        {"a child of a task does what it forks itself", a_child_of_a_task_does_what_it_forks_itself},
        {"a child cannot wait for what was stolen", a_child_cannot_wait_for_what_was_stolen},
    };
    for (const auto& [name, run] : programs) {
        const int status = status_of(run);
        if (status == no_filters) {
            std::printf("not tested, as the kernel takes no filters: %s\n", name);
        } else {
            require(status == 0, name);
        }
    }
    return 0;
}
