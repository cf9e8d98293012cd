// SPDX-License-Identifier: MIT
// labels: process
// own-main
//
// What goes on in a program beside its process pool: threads that end, signals and their handlers, somebody who waits for every
// child, code that is loaded late. Rows A12, B3, B5, B6, B8, B9, E10 and E13 of the list of faults. Each program is
// a process of its own.
#include "support/process_watch.hpp"
#include "support/program.hpp"

#include <yoke/executor/process_pool.hpp>

#include <dlfcn.h>
#include <signal.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <thread>
#include <vector>

using namespace std::chrono_literals;
using yoke_test::require;

namespace {

struct shared_board {
    std::atomic<int> started{0};
    std::atomic<int> signals{0};
    std::atomic<int> server{0};
    std::atomic<int> kills{0};
    std::atomic<int> strangers{0};
    std::array<std::atomic<int>, 2> workers{};
};
shared_board& board = yoke_test::make_shared_object<shared_board>();

int same(int x) { return x; }
void never_ends() {
    ++board.started;
    for (;;) ::pause();
}
int server() { return yoke::detail::process_host::instance().server_pid(); }

/// PR_SET_PDEATHSIG speaks of the thread that forked, so none of the program's may be that thread.
void a_thread_makes_a_pool_and_ends() {
    std::unique_ptr<yoke::process_pool> pool;
    std::thread([&] { pool = std::make_unique<yoke::process_pool>(std::size_t{2}); }).join();
    const auto before = pool->worker_pids();
    for (int i = 0; i < 200; ++i) require(pool->submit(same, i).get() == i, "tasks run");
    require(pool->worker_pids() == before, "the workers outlive the thread that asked for them");
    // Replacements, too: this one is asked for by the collector, which ends with its pool.
    try {
        pool->submit([] { ::raise(SIGKILL); }).get();
    } catch (const yoke::worker_lost&) {}
    require(pool->submit(same, 1).get() == 1, "and so do those that follow");
}

/// The program's own way to treat Ctrl-C: drain at the first, leave at the second.
void two_interrupts() {
    struct sigaction action {};
    action.sa_handler = [](int) {
        if (++board.signals == 2) ::_exit(130);
    };
    ::sigaction(SIGINT, &action, nullptr);
    yoke::process_pool pool(2);
    const auto pids = pool.worker_pids();
    for (std::size_t i = 0; i < 2; ++i) board.workers[i] = pids[i];
    board.server = server();
    std::vector<yoke::future<void>> tasks;
    for (int i = 0; i < 20; ++i) tasks.push_back(pool.submit(never_ends));
    while (board.started < 2) std::this_thread::yield();
    ::kill(::getpid(), SIGINT);
    while (board.signals == 0) std::this_thread::yield();
    pool.shutdown(yoke::cancel_pending);
    int stopped = 0;
    for (int i = 2; i < 20; ++i) {
        try {
            tasks[static_cast<std::size_t>(i)].get();
        } catch (const yoke::cancelled&) {
            ++stopped;
        }
    }
    require(stopped == 18, "the first interrupt cancels what has not begun");
    std::thread impatient([] { ::kill(::getpid(), SIGINT); });
    impatient.detach();
    pool.wait();  // for ever
}

void handlers_stay_as_they_are() {
    constexpr int signals[] = {SIGCHLD, SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGUSR1};
    const auto handler = [](int) { ++board.signals; };
    for (const int signal : signals) {
        struct sigaction action {};
        action.sa_handler = handler;
        ::sigaction(signal, &action, nullptr);
    }
    sigset_t mask_before;
    ::sigprocmask(SIG_BLOCK, nullptr, &mask_before);
    for (int round = 0; round < 3; ++round) {
        yoke::process_pool pool(2);
        require(pool.submit(same, round).get() == round, "tasks run");
        try {
            pool.submit([] { ::raise(SIGKILL); }).get();
        } catch (const yoke::worker_lost&) {}
        pool.resize(3);
        require(pool.submit(same, round).get() == round, "tasks run");
    }
    for (const int signal : signals) {
        struct sigaction now {};
        ::sigaction(signal, nullptr, &now);
        require(now.sa_handler == static_cast<void (*)(int)>(handler),
                "the program's handler is still there");
    }
    sigset_t mask_after;
    ::sigprocmask(SIG_BLOCK, nullptr, &mask_after);
    for (int signal = 1; signal < 32; ++signal)
        require(::sigismember(&mask_before, signal) == ::sigismember(&mask_after, signal),
                "and its mask is what it was");
    require(board.signals == 0, "no signal of the pool's processes reaches it");
    // In a worker signals mean what they mean by default, whatever the program does with them.
    yoke::process_pool pool(1);
    try {
        pool.submit([] { ::raise(SIGTERM); }).get();
        require(false, "it was terminated");
    } catch (const yoke::worker_lost& lost) {
        require(lost.signal() == SIGTERM, "by the signal that was sent");
    }
}

void a_server_that_is_gone_makes_no_sigpipe() {
    ::signal(SIGPIPE, SIG_DFL);
    yoke::process_pool pool(1);
    ::kill(server(), SIGKILL);
    // As soon as it can be, and until it is noticed, the program sends it requests.
    std::size_t size = 1;
    try {
        for (;;) {
            pool.resize(1 + ++size % 60);
            pool.submit(same, 1).get();
        }
    } catch (const yoke::broken_pool&) {}
}

void somebody_waits_for_every_child() {
    std::atomic<bool> over{false};
    std::atomic<int> stolen{0};
    std::thread waiter([&] {
        while (!over) {
            int status = 0;
            if (::waitpid(-1, &status, 0) > 0) ++stolen;
        }
    });
    {
        yoke::process_pool pool(2);
        for (int round = 0; round < 20; ++round) {
            try {
                pool.submit([](int n) { n % 2 == 0 ? static_cast<void>(::raise(SIGKILL)) : ::_exit(n); },
                            round)
                    .get();
                require(false, "the worker was lost");
            } catch (const yoke::worker_lost& lost) {
                require(round % 2 == 0 ? lost.signal() == SIGKILL : lost.status() == round,
                        "a worker's status is known whoever waits");
            }
            require(pool.submit(same, round).get() == round, "the pool goes on");
        }
    }
    require(stolen == 0, "there is nothing of ours to wait for");
    // Its own child is still its own.
    const pid_t child = ::fork();
    if (child == 0) ::_exit(3);
    require(yoke_test::eventually([&] { return stolen == 1; }), "the program's own child is waited for");
    over = true;
    waiter.join();
}

/// A signal is only sent to a process that the sender has not reaped, so its number cannot be somebody else's.
int watched_kill(pid_t pid, int signal) {
    if (signal != 0) {
        ++board.kills;
        if (yoke_test::look_at(pid).parent != ::getpid()) ++board.strangers;
    }
    return ::kill(pid, signal);
}
void nobody_else_is_killed() {
    yoke::process_pool pool({.workers = 2, .crash_limit = 10'000});
    int late = 0;
    for (int i = 0; i < 300; ++i) {
        // Its end and its deadline come at the same time.
        try {
            pool.submit(
                    {.timeout = 1ms},
                    [](int n) {
                        const auto end =
                            std::chrono::steady_clock::now() + std::chrono::microseconds(900 + n);
                        while (std::chrono::steady_clock::now() < end) {}
                        ::raise(SIGKILL);
                    },
                    i % 200)
                .get();
        } catch (const yoke::worker_lost&) {
        } catch (const yoke::task_timeout&) {
            ++late;
        }
    }
    require(board.kills > 0 && late > 0, "some were killed at the deadline");
    require(board.strangers == 0, "and every signal went to a worker");
}

void the_server_has_one_thread() {
    yoke::process_pool pool(2);
    for (int round = 0; round < 10; ++round) {
        try {
            pool.submit([] { ::raise(SIGKILL); }).get();
        } catch (const yoke::worker_lost&) {}
        yoke::process_pool another(1);
        require(another.submit(same, 1).get() == 1, "tasks run");
        require(yoke_test::names_in("/proc/" + std::to_string(server()) + "/task").size() == 1,
                "the fork server has one thread");
    }
    const auto threads = pool.submit([] { return yoke_test::names_in("/proc/self/task").size(); }).get();
    require(threads == 1, "and a worker has one");
}

/// Code that was loaded after the fork server started is refused where it is submitted; a worker would jump into nothing.
void code_that_comes_too_late() {
#if defined(__GLIBC__)
    yoke::process_pool pool(1);
    void* const library = ::dlopen("libBrokenLocale.so.1", RTLD_NOW);  // small, and nobody uses it
    require(library != nullptr, "the C library brings this one along");
    using function = std::size_t (*)();
    const auto late = reinterpret_cast<function>(::dlsym(library, "__ctype_get_mb_cur_max"));
    require(late != nullptr && late() == 1, "it can be called here");
    try {
        static_cast<void>(pool.submit(late));
        require(false, "a worker does not have that code");
    } catch (const yoke::unsupported& refused) {
        require(std::string(refused.what()).find("loaded after") != std::string::npos, "the error says why");
    }
    try {
        const yoke::process_pool second({.workers = 1, .initializer = late});
        require(false, "nor can it begin with it");
    } catch (const yoke::unsupported&) {}
    require(pool.submit(same, 1).get() == 1, "the pool goes on");
#endif
}

bool all_gone() {
    return yoke_test::eventually([] {
        return !yoke_test::alive(board.server) && !yoke_test::alive(board.workers[0]) &&
               !yoke_test::alive(board.workers[1]);
    });
}

}  // namespace

int main() {
    yoke::detail::sys.kill = &watched_kill;
    const auto run = [](const char* what, auto&& program, int expected) {
        board.started = board.signals = board.server = board.kills = board.strangers = 0;
        yoke_test::run_program(what, program, expected);
    };
    run("a thread that ends", a_thread_makes_a_pool_and_ends, 0);
    run("two interrupts", two_interrupts, 130);
    require(all_gone(), "nothing is left after the second interrupt");
    run("signal handlers", handlers_stay_as_they_are, 0);
    run("a broken pipe", a_server_that_is_gone_makes_no_sigpipe, 0);
    run("waiting for every child", somebody_waits_for_every_child, 0);
    run("process numbers", nobody_else_is_killed, 0);
    run("threads of the server", the_server_has_one_thread, 0);
    run("code loaded late", code_that_comes_too_late, 0);
    std::puts("all as documented");
    return 0;
}
