// SPDX-License-Identifier: MIT
// labels: process
// own-main
//
// A task that gets at a pool of the program that runs it, and waits: row D10 of the list of faults. A worker is an image of
// the program, so a pool that is older than the fork server is there; its threads and its results are not.
#include "support/process_watch.hpp"

#include <yoke/executor/process_pool.hpp>

#include <signal.h>

#include <memory>
#include <optional>
#include <thread>

using yoke_test::require;

namespace {

std::unique_ptr<yoke::process_pool> older;

int same(int x) { return x; }

/// Which way of using the pool is refused, one bit each.
int refusals() {
    int refused = 0;
    const auto check = [&](int bit, auto use) {
        try {
            use();
        } catch (const yoke::deadlock_error&) {
            refused |= bit;
        }
    };
    check(1, [] { older->submit(same, 1).get(); });
    check(2, [] { static_cast<void>(older->try_submit(same, 1)); });
    check(4, [] { older->wait(); });
    older->shutdown();  // does nothing
    return refused;
}

}  // namespace

int main() {
    older = std::make_unique<yoke::process_pool>(std::size_t{1});
    require(older->submit(same, 1).get() == 1, "the older pool works");
    older->shutdown();
    older->wait();
    // The next fork server, which has the older pool in its image.
    ::kill(yoke::detail::process_host::instance().server_pid(), SIGKILL);
    std::optional<yoke::process_pool> pool;
    const bool started = yoke_test::eventually([&] {
        try {
            pool.emplace(std::size_t{1});
            return true;
        } catch (const yoke::error&) {
            return false;  // its threads and its server are still about to end
        }
    });
    require(started, "another fork server starts");
    require(pool->submit(refusals).get() == 7, "every use of the program's pool by a task is refused");
    require(pool->submit(same, 2).get() == 2, "and the worker goes on");
    pool.reset();
    older.reset();
}
