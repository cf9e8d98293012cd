// SPDX-License-Identifier: MIT
// labels: process
// own-main
//
// The system refuses a process, at the first, the second ... fork: the constructor throws, and nothing is left.
#include "support/process_watch.hpp"

#include <yoke/executor/process_pool.hpp>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <system_error>

namespace {

struct countdown {
    std::atomic<int> left{0};  // forks that succeed before one fails
};
countdown& forks = yoke_test::make_shared_object<countdown>();  // the server counts, too

pid_t failing_fork() {
    if (forks.left.fetch_sub(1) > 0) return ::fork();
    errno = EAGAIN;
    return -1;
}

}  // namespace

int main() {
    yoke::detail::sys.fork = &failing_fork;
    const yoke_test::holdings before;

    // The server takes two forks (it is nobody's child), each of three workers one.
    for (int succeed = 0; succeed < 5; ++succeed) {
        forks.left = succeed;
        try {
            yoke::process_pool pool(3);
            std::printf("with %d forks a pool of 3 was made\n", succeed);
            return 1;
        } catch (const std::system_error& e) {
            if (e.code() != std::errc::resource_unavailable_try_again) {
                std::printf("with %d forks: %s\n", succeed, e.what());
                return 1;
            }
        }
        // Whatever server was started stays for the next pool; ending it here lets each round begin alike.
        yoke::detail::process_host::instance().stop();
    }
    forks.left = 1000;
    {
        yoke::process_pool pool(3);
        if (pool.submit([] { return 3; }).get() != 3) return 1;
    }
    yoke::detail::process_host::instance().stop();
    // The arena stays for the life of the program, with one descriptor.
    if (!yoke_test::eventually([&] {
            const yoke_test::holdings now;
            return now.descriptors.size() <= before.descriptors.size() + 1 &&
                   now.threads.size() == before.threads.size() && !now.children;
        })) {
        std::printf("left: %s\n", yoke_test::difference(before, yoke_test::holdings()).c_str());
        return 1;
    }
    std::puts("refused each time, nothing left, and fine at last");
    return 0;
}
