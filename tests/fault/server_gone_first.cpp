// SPDX-License-Identifier: MIT
// labels: process
// own-main
//
// A worker asks the kernel to be killed with its parent, the fork server. If the server dies before the worker has asked, no
// signal will ever come; the worker has to notice by itself.
#define YOKE_TEST_POINTS
#include "support/process_watch.hpp"

#include <yoke/executor/process_pool.hpp>

#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <thread>

namespace {

struct board {
    std::atomic<int> worker{0};
    std::atomic<int> go_on{0};
};
board& shared = yoke_test::make_shared_object<board>();

void stop_before_asking(const char* point) {
    if (std::strcmp(point, "worker before pdeathsig") != 0) return;
    shared.worker = ::getpid();
    while (shared.go_on == 0) ::usleep(100);
}

}  // namespace

int main() {
    yoke::detail::test_point_hook = &stop_before_asking;
    yoke::process_pool pool(1);
    const yoke_test::watchdog ten_seconds("a worker without a server");
    while (shared.worker == 0) std::this_thread::yield();
    const int worker = shared.worker;
    const int server = yoke::detail::process_host::instance().server_pid();
    ::kill(server, SIGKILL);
    if (!yoke_test::eventually([&] { return !yoke_test::alive(server); }) || !yoke_test::alive(worker)) {
        std::puts("the server did not die alone");
        return 1;
    }
    shared.go_on = 1;
    if (!yoke_test::eventually([&] { return !yoke_test::alive(worker); })) {
        std::puts("the worker outlived its server");
        ::kill(worker, SIGKILL);
        return 1;
    }
    std::puts("the worker left");
    return 0;
}
