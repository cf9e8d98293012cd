// SPDX-License-Identifier: MIT
// labels: process
// own-main
//
// A program that is killed takes its fork server and its workers with it, busy or idle, and leaves nothing in /dev/shm.
#include "support/process_watch.hpp"

#include <yoke/executor/process_pool.hpp>

#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdio>
#include <thread>

namespace {

struct board {
    std::atomic<int> server{0};
    std::atomic<int> busy[2]{};
    std::atomic<int> ready{0};
};
board& shared = yoke_test::make_shared_object<board>();

void never_ends(int place) {
    shared.busy[place] = ::getpid();
    for (;;) ::pause();
}

[[noreturn]] void victim() {
    yoke::process_pool pool(3);  // two busy workers, one idle
    auto first = pool.submit(never_ends, 0);
    auto second = pool.submit(never_ends, 1);
    shared.server = yoke::detail::process_host::instance().server_pid();
    while (shared.busy[0] == 0 || shared.busy[1] == 0) std::this_thread::yield();
    for (const int pid : pool.worker_pids()) std::printf("worker %d\n", pid);
    shared.ready = 1;
    for (;;) ::pause();
}

}  // namespace

int main() {
    const auto before = yoke_test::names_in("/dev/shm");
    const pid_t program = ::fork();
    if (program == 0) victim();
    const yoke_test::watchdog ten_seconds("a killed program");
    while (shared.ready == 0) std::this_thread::yield();
    const int server = shared.server;
    if (!yoke_test::alive(server) || !yoke_test::alive(shared.busy[0])) {
        std::puts("the program's processes were not there to begin with");
        return 1;
    }
    ::kill(program, SIGKILL);
    ::waitpid(program, nullptr, 0);
    const bool gone = yoke_test::eventually([&] {
        return !yoke_test::alive(server) && !yoke_test::alive(shared.busy[0]) &&
               !yoke_test::alive(shared.busy[1]) && yoke_test::children_of(server).empty();
    });
    if (!gone || yoke_test::names_in("/dev/shm") != before) {
        std::printf("left behind: server %d, workers %d and %d\n", yoke_test::alive(server),
                    yoke_test::alive(shared.busy[0]), yoke_test::alive(shared.busy[1]));
        return 1;
    }
    std::puts("nothing left");
    return 0;
}
