// SPDX-License-Identifier: MIT
// labels: process
// own-main
//
// A program without a runtime: the first pool may start the fork server only while there is one thread.
#include <yoke/executor/process_pool.hpp>

#include <cstdio>
#include <latch>
#include <string>
#include <thread>

int main() {
    std::latch leave(1);
    std::thread other([&leave] { leave.wait(); });
    std::string said;
    try {
        const yoke::process_pool pool(1);
    } catch (const yoke::unsafe_fork& e) {
        said = e.what();
    }
    leave.count_down();
    other.join();
    if (said.find("yoke::runtime rt{argc, argv}") == std::string::npos) {
        std::printf("a pool beside a thread: \"%s\" does not say what to do\n", said.c_str());
        return 1;
    }
    // With one thread again, the pool itself starts the server.
    yoke::process_pool pool(1);
    if (pool.submit([] { return 5; }).get() != 5) return 1;
    std::puts("refused beside a thread, fine without");
    return 0;
}
