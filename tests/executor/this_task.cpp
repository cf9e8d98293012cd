// SPDX-License-Identifier: MIT
// labels: process
#include "catch.hpp"

#include "support/process_watch.hpp"

#include <yoke/executor/process_pool.hpp>
#include <yoke/executor/this_task.hpp>

#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>

using namespace std::chrono_literals;

namespace {

struct shared_board {
    std::atomic<int> started{0};
    std::atomic<int> ended{0};
    std::atomic<int> gate{0};
};
shared_board& board = yoke_test::make_shared_object<shared_board>();

void wipe() {
    board.started = 0;
    board.ended = 0;
    board.gate = 0;
}
void await_started(int n) {
    while (board.started < n) std::this_thread::yield();
}

int runs_until_stopped() {
    ++board.started;
    while (!yoke::this_task::stop_requested()) std::this_thread::yield();
    return 42;
}
int throws_when_stopped() {
    runs_until_stopped();
    throw yoke::cancelled();
}
int waits_until_stopped() {
    const std::stop_token stop = yoke::this_task::stop_token();
    std::mutex mutex;
    std::condition_variable_any never_notified;
    std::unique_lock lock(mutex);
    ++board.started;
    never_notified.wait(lock, stop, [] { return false; });
    return stop.stop_requested() ? 43 : -1;
}
int deaf() {
    ++board.started;
    for (;;) ::pause();
}
int same(int x) { return x; }
int process() { return ::getpid(); }

}  // namespace

TEST_CASE("outside of a worker's task there is nothing to ask", "[process]") {
    REQUIRE_FALSE(yoke::this_task::stop_requested());
    REQUIRE_FALSE(yoke::this_task::stop_token().stop_possible());
}

TEST_CASE("a stop request reaches a running task, whose result counts", "[process]") {
    const yoke_test::watchdog dog("a stop request reaches a running task");
    wipe();
    yoke::process_pool pool(1);
    for (const auto f : {runs_until_stopped, waits_until_stopped}) {
        std::stop_source stop;
        auto running = pool.submit({.stop = stop.get_token()}, f);
        await_started(1);
        stop.request_stop();
        REQUIRE(running.get() == (f == runs_until_stopped ? 42 : 43));
        wipe();
    }
}

TEST_CASE("a task that throws cancelled when it was asked to stop completes as stopped", "[process]") {
    const yoke_test::watchdog dog("a task that throws cancelled");
    wipe();
    yoke::process_pool pool(1);
    struct receiver {
        std::atomic<int>* how;
        void set_value(int) noexcept { *how = 1; }
        void set_error(const std::exception_ptr&) noexcept { *how = 2; }
        void set_stopped() noexcept { *how = 3; }
        [[nodiscard]] const yoke::task_options& options() const noexcept { return wishes; }
        yoke::task_options wishes;
    };
    std::atomic<int> how{0};
    std::stop_source stop;
    pool.execute(receiver{&how, {.stop = stop.get_token()}}, throws_when_stopped);
    await_started(1);
    stop.request_stop();
    pool.wait();
    REQUIRE(how == 3);
    // Nobody asked this one: it is an error like any other.
    pool.execute(receiver{&how, {}}, []() -> int { throw yoke::cancelled(); });
    pool.wait();
    REQUIRE(how == 2);
}

TEST_CASE("each task hears of its own stop only", "[process]") {
    const yoke_test::watchdog dog("each task hears of its own stop only");
    wipe();
    yoke::process_pool pool(2);
    std::stop_source one;
    std::stop_source two;
    auto first = pool.submit({.stop = one.get_token()}, waits_until_stopped);
    auto second = pool.submit({.stop = two.get_token()}, waits_until_stopped);
    await_started(2);
    one.request_stop();
    REQUIRE(first.get() == 43);
    // A later task in the same worker, and perhaps in the same slot.
    for (int i = 0; i < 600; ++i)
        REQUIRE_FALSE(pool.submit([] { return yoke::this_task::stop_requested(); }).get());
    REQUIRE_FALSE(second.ready());
    two.request_stop();
    REQUIRE(second.get() == 43);
    REQUIRE(pool.submit([] { return yoke::this_task::stop_token().stop_requested(); }).get() == false);
}

TEST_CASE("a task that goes on after its grace is killed and completes as stopped", "[process]") {
    const yoke_test::watchdog dog("grace");
    wipe();
    yoke::process_pool pool(1);
    const int worker = pool.submit(process).get();
    for (const auto grace : {0ms, 20ms}) {
        std::stop_source stop;
        auto running = pool.submit({.stop = stop.get_token(), .grace = grace}, deaf);
        await_started(1);
        stop.request_stop();
        REQUIRE_THROWS_AS(running.get(), yoke::cancelled);
        wipe();
    }
    // The worker was replaced, and no crash is counted against the pool.
    REQUIRE(pool.submit(process).get() != worker);
    REQUIRE_FALSE(yoke_test::alive(worker));
    REQUIRE(pool.submit(same, 5).get() == 5);
}

TEST_CASE("a task that ends within its grace keeps its result, and its worker", "[process]") {
    const yoke_test::watchdog dog("within the grace");
    wipe();
    yoke::process_pool pool(1);
    const int worker = pool.submit(process).get();
    std::stop_source stop;
    auto running = pool.submit({.stop = stop.get_token(), .grace = 1h}, runs_until_stopped);
    await_started(1);
    stop.request_stop();
    REQUIRE(running.get() == 42);
    REQUIRE(pool.submit(process).get() == worker);
}

TEST_CASE("without a grace a task that does not listen is waited for", "[process]") {
    const yoke_test::watchdog dog("without a grace");
    wipe();
    yoke::process_pool pool(1);
    std::stop_source stop;
    auto running = pool.submit({.stop = stop.get_token()}, [] {
        ++board.started;
        while (board.gate == 0) std::this_thread::yield();
        return 7;
    });
    await_started(1);
    stop.request_stop();
    REQUIRE_FALSE(running.ready());
    board.gate = 1;
    REQUIRE(running.get() == 7);
}

TEST_CASE("timeout and grace of one task: whichever is over first ends it", "[process]") {
    const yoke_test::watchdog dog("timeout and grace");
    wipe();
    yoke::process_pool pool(1);
    std::stop_source stop;
    auto late = pool.submit({.stop = stop.get_token(), .timeout = 30ms, .grace = 1h}, deaf);
    await_started(1);
    stop.request_stop();
    REQUIRE_THROWS_AS(late.get(), yoke::task_timeout);
    wipe();
    std::stop_source other;
    auto stopped = pool.submit({.stop = other.get_token(), .timeout = 1h, .grace = 10ms}, deaf);
    await_started(1);
    other.request_stop();
    REQUIRE_THROWS_AS(stopped.get(), yoke::cancelled);
}

TEST_CASE("a task whose worker dies after a stop request is not started again", "[process]") {
    const yoke_test::watchdog dog("no retry after a stop request");
    wipe();
    yoke::process_pool pool(1);
    std::stop_source stop;
    auto dying = pool.submit({.stop = stop.get_token(), .attempts = 5}, [] {
        runs_until_stopped();
        ::raise(SIGKILL);
    });
    await_started(1);
    stop.request_stop();
    REQUIRE_THROWS_AS(dying.get(), yoke::worker_lost);
    REQUIRE(board.started == 1);
    REQUIRE(pool.submit(same, 1).get() == 1);
}

TEST_CASE("stop requests race with the ends of their tasks, and each task settles once", "[process]") {
    const yoke_test::watchdog dog("stop requests race", 30s);
    yoke::process_pool pool(2);
    int values = 0;
    int stopped = 0;
    for (int round = 0; round < 300; ++round) {
        std::stop_source stop;
        auto task = pool.submit(
            {.stop = stop.get_token(), .grace = std::chrono::microseconds(round % 40)},
            [](int spins) {
                for (std::atomic<int> i{0}; i < spins; ++i) {}
                return spins;
            },
            round % 7 * 1000);
        if (round % 3 != 0) std::this_thread::sleep_for(std::chrono::microseconds(round % 50));
        stop.request_stop();
        try {
            const int spins = task.get();
            REQUIRE(spins == round % 7 * 1000);
            ++values;
        } catch (const yoke::cancelled&) {
            ++stopped;
        }
    }
    REQUIRE(values + stopped == 300);
}

TEST_CASE("a negative grace is refused", "[process]") {
    yoke::process_pool pool(1);
    REQUIRE_THROWS_AS(pool.submit({.grace = -1ms}, same, 1), std::invalid_argument);
}
