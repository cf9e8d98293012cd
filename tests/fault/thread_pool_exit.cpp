// SPDX-License-Identifier: MIT
// own-main
//
// The program ends while a thread pool's threads run tasks: by the end of main(), by exit() on the main thread or inside a
// task, with pools that are static, forgotten or shared with a task. Each case is a child process, which has to end
// within ten seconds with the status it wants.
#include "support/process_watch.hpp"

#include <yoke/executor/thread_pool.hpp>

#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>

namespace {

/// Keeps itself in the pool for ever.
struct endless {
    yoke::thread_pool& pool;
    void operator()() const {
        try {
            pool.detach(*this);
        } catch (const yoke::pool_closed&) {}
    }
};

yoke::thread_pool& static_pool() {
    static yoke::thread_pool pool(4);
    return pool;
}

void keep_busy(yoke::thread_pool& pool) {
    for (int i = 0; i != 8; ++i) pool.detach(endless{pool});
    pool.resize(6);
}

[[noreturn]] void wait_for_ever() {
    for (;;) ::pause();
}

struct test {
    const char* name;
    void (*body)();
    int status;
};

const test tests[] = {
    {"exit() while a static pool's tasks run",
     [] {
         keep_busy(static_pool());
         std::exit(3);
     },
     3},
    {"exit() while a forgotten pool's tasks run",
     [] {
         keep_busy(*new yoke::thread_pool(4));
         std::exit(4);
     },
     4},
    {"exit() inside a task of a static pool",
     [] {
         keep_busy(static_pool());
         static_pool().detach([] { std::exit(5); });
         wait_for_ever();
     },
     5},
    {"exit() inside a task of a forgotten pool",
     [] {
         auto& pool = *new yoke::thread_pool(1);
         pool.detach([] { std::exit(6); });
         wait_for_ever();
     },
     6},
    {"exit() with a static pool that was never used",
     [] {
         static_cast<void>(static_pool());
         std::exit(7);
     },
     7},
    {"exit() with a static pool that is paused",
     [] {
         static_pool().pause();
         for (int i = 0; i != 8; ++i) static_pool().detach([] {});
         std::exit(8);
     },
     8},
    {"quick_exit() while tasks run",
     [] {
         keep_busy(static_pool());
         std::quick_exit(9);
     },
     9},
    {"the last task owns the pool and the program ends at once",
     [] {
         auto pool = std::make_shared<yoke::thread_pool>(2);
         pool->detach([pool]() mutable { pool.reset(); });
         pool.reset();
         std::exit(10);
     },
     10},
};

}  // namespace

int main() {
    for (const test& each : tests) {
        for (int round = 0; round != 20; ++round) {
            std::fflush(nullptr);
            const pid_t child = ::fork();
            if (child == 0) {
                each.body();
                std::_Exit(0);
            }
            int status = 0;
            pid_t ended = 0;
            const bool in_time = yoke_test::eventually(
                [&] { return (ended = ::waitpid(child, &status, WNOHANG)) != 0; }, std::chrono::seconds(10));
            if (!in_time) ::kill(child, SIGKILL);
            yoke_test::require(in_time, "it ends:", each.name);
            yoke_test::require(ended == child && WIFEXITED(status), "it does not crash:", each.name);
            yoke_test::require(WEXITSTATUS(status) == each.status, "it has its status:", each.name);
        }
    }
    return 0;
}
