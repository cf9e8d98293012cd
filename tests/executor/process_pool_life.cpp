// SPDX-License-Identifier: MIT
// labels: process
//
// The number of a process pool's workers changes while it works.
#include "catch.hpp"

#include "support/process_watch.hpp"

#include <yoke/executor/process_pool.hpp>

#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <exception>
#include <set>
#include <stdexcept>
#include <thread>
#include <vector>

using namespace std::chrono_literals;

namespace {

struct shared_board {
    std::atomic<int> started{0};
    std::atomic<int> gate{0};
};
shared_board& board = yoke_test::make_shared_object<shared_board>();

int same(int x) { return x; }
int process() { return ::getpid(); }
/// Keeps its worker busy until the test opens the gate.
int hold() {
    ++board.started;
    while (board.gate == 0) std::this_thread::yield();
    return ::getpid();
}
void await_started(int n) {
    while (board.started < n) std::this_thread::yield();
}
/// A receiver that changes the pool's size.
struct resizer {
    yoke::process_pool* pool;
    std::size_t workers;
    std::atomic<int>* outcome;
    void set_value(int value) noexcept {
        pool->resize(workers);
        *outcome = value;
    }
    void set_error(const std::exception_ptr&) noexcept { *outcome = -1; }
    void set_stopped() noexcept { *outcome = -2; }
};
bool has_workers(const yoke::process_pool& pool, std::size_t n) {
    return yoke_test::eventually([&] { return pool.worker_pids().size() == n; });
}

}  // namespace

TEST_CASE("a pool that grows runs more tasks at a time", "[process]") {
    const yoke_test::watchdog dog("growing");
    board.started = board.gate = 0;
    yoke::process_pool pool(1);
    std::vector<yoke::future<int>> tasks;
    for (int i = 0; i < 5; ++i) tasks.push_back(pool.submit(hold));
    await_started(1);
    pool.resize(5);
    REQUIRE(pool.concurrency() == 5);
    await_started(5);
    board.gate = 1;
    std::set<int> pids;
    for (auto& task : tasks) pids.insert(task.get());
    REQUIRE(pids.size() == 5);
    REQUIRE(has_workers(pool, 5));
}

TEST_CASE("a pool that shrinks lets idle workers go at once, and busy ones after their task", "[process]") {
    const yoke_test::watchdog dog("shrinking");
    board.started = board.gate = 0;
    yoke::process_pool pool(4);
    pool.resize(2);
    REQUIRE(has_workers(pool, 2));
    pool.resize(4);
    REQUIRE(has_workers(pool, 4));

    std::vector<yoke::future<int>> busy;
    for (int i = 0; i < 4; ++i) busy.push_back(pool.submit(hold));
    await_started(4);
    std::vector<yoke::future<int>> waiting;
    for (int i = 0; i < 50; ++i) waiting.push_back(pool.submit(same, i));
    pool.resize(1);
    REQUIRE(pool.concurrency() == 1);
    REQUIRE(pool.worker_pids().size() == 4);  // each has a task in hand
    board.gate = 1;
    for (auto& task : busy) REQUIRE(task.get() > 0);
    for (int i = 0; i < 50; ++i) REQUIRE(waiting[static_cast<std::size_t>(i)].get() == i);
    REQUIRE(has_workers(pool, 1));
    const int last = pool.worker_pids().front();
    for (int i = 0; i < 20; ++i) REQUIRE(pool.submit(process).get() == last);
}

TEST_CASE("a pool that is made smaller and larger again in no time has its size and its tasks", "[process]") {
    const yoke_test::watchdog dog("a change of mind");
    board.started = board.gate = 0;
    yoke::process_pool pool(2);
    auto first = pool.submit(hold);
    auto second = pool.submit(hold);
    await_started(2);
    for (int i = 0; i < 100; ++i) pool.resize(1 + static_cast<std::size_t>(i) % 2);
    board.gate = 1;
    REQUIRE(std::set<int>{first.get(), second.get()}.size() == 2);
    REQUIRE(pool.submit(same, 1).get() == 1);
    REQUIRE(has_workers(pool, 2));
}

TEST_CASE("no task is lost or run twice while a pool is resized under load", "[process]") {
    const yoke_test::watchdog dog("resizing under load", 30s);
    board.started = 0;
    yoke::process_pool pool({.workers = 2, .crash_limit = 1});
    std::atomic<bool> over{false};
    std::thread other([&] {
        for (unsigned i = 0; i < 300; ++i) {
            pool.resize(1 + i * 7 % 5);
            std::this_thread::sleep_for(std::chrono::microseconds(i * 37 % 400));
        }
        over = true;
    });
    const auto count = [](int x) {
        ++board.started;
        return x;
    };
    int tasks = 0;
    while (!over) {
        std::vector<yoke::future<int>> some;
        for (int i = 0; i < 500; ++i) some.push_back(pool.submit(count, i));
        for (int i = 0; i < 500; ++i) REQUIRE(some[static_cast<std::size_t>(i)].get() == i);
        tasks += 500;
    }
    other.join();
    REQUIRE(board.started == tasks);
    pool.resize(3);
    REQUIRE(has_workers(pool, 3));
}

TEST_CASE("workers that are killed while they are to go are not replaced", "[process]") {
    const yoke_test::watchdog dog("killed on the way out");
    board.started = board.gate = 0;
    yoke::process_pool pool(2);
    auto first = pool.submit(hold);
    auto second = pool.submit(hold);
    await_started(2);
    pool.resize(1);
    for (const int pid : pool.worker_pids()) ::kill(pid, SIGKILL);
    REQUIRE_THROWS_AS(first.get(), yoke::worker_lost);
    REQUIRE_THROWS_AS(second.get(), yoke::worker_lost);
    REQUIRE(pool.submit(same, 1).get() == 1);
    REQUIRE(has_workers(pool, 1));
}

TEST_CASE("workers on leave are called back while waiting threads send the tasks, too", "[process]") {
    yoke::process_pool pool({.workers = 2, .idle_time = std::chrono::milliseconds(1)});
    for (int round = 0; round < 20; ++round) {
        REQUIRE(yoke_test::eventually([&] { return pool.worker_pids().empty(); }));
        std::atomic<int> wrong{0};
        std::vector<std::thread> waiters;
        for (int w = 0; w < 3; ++w) {
            waiters.emplace_back([&] {
                // More than there are slots for, so that who has waited for one sends the next.
                std::vector<yoke::future<int>> results;
                for (int i = 0; i < 150; ++i) results.push_back(pool.submit([](int n) { return n; }, i));
                for (int i = 150; i-- > 0;) wrong += results[static_cast<std::size_t>(i)].get() != i;
            });
        }
        for (std::thread& waiter : waiters) waiter.join();
        REQUIRE(wrong == 0);
    }
}

TEST_CASE("a size that cannot be is refused with the limit", "[process]") {
    yoke::process_pool pool({.workers = 1, .max_workers = 3});
    REQUIRE_THROWS_AS(pool.resize(0), std::invalid_argument);
    REQUIRE_THROWS_WITH(pool.resize(4), Catch::Matchers::ContainsSubstring("resize(4)") &&
                                            Catch::Matchers::ContainsSubstring("max_workers"));
    pool.resize(3);
    REQUIRE(has_workers(pool, 3));
}

TEST_CASE("a pool may be resized by a receiver, and destroyed while it changes", "[process]") {
    const yoke_test::watchdog dog("resized by a receiver");
    std::set<int> pids;
    for (int round = 0; round < 20; ++round) {
        yoke::process_pool pool(2);
        std::atomic<int> outcome{0};
        pool.execute(resizer{&pool, static_cast<std::size_t>(1 + round % 4), &outcome}, same, 7);
        pool.wait();
        REQUIRE(outcome == 7);
        for (const int pid : pool.worker_pids()) pids.insert(pid);
    }
    for (const int pid : pids) REQUIRE(yoke_test::eventually([&] { return !yoke_test::alive(pid); }));
}

TEST_CASE("many more workers than processors get everything done", "[process]") {
    const yoke_test::watchdog dog("64 workers", 20s);
    yoke::process_pool pool(64);
    std::vector<yoke::future<int>> tasks;
    for (int i = 0; i < 5000; ++i) tasks.push_back(pool.submit(same, i));
    for (int i = 0; i < 5000; ++i) REQUIRE(tasks[static_cast<std::size_t>(i)].get() == i);
}

TEST_CASE(
    "a pool destroyed with very many tasks waiting runs them all, or none of them if they are cancelled",
    "[process]") {
    const yoke_test::watchdog dog("a hundred thousand tasks", 20s);
    constexpr int tasks = 100'000;
    for (const bool cancel : {false, true}) {
        std::vector<yoke::future<int>> all;
        board.started = board.gate = 0;
        {
            yoke::process_pool pool(2);
            auto first = pool.submit(hold);
            auto second = pool.submit(hold);
            await_started(2);
            for (int i = 0; i < tasks; ++i) all.push_back(pool.submit(same, i));
            if (cancel) pool.shutdown(yoke::cancel_pending);
            board.gate = 1;
        }
        int ran = 0;
        int stopped = 0;
        for (auto& task : all) {
            try {
                task.get();
                ++ran;
            } catch (const yoke::cancelled&) {
                ++stopped;
            }
        }
        REQUIRE(ran == (cancel ? 0 : tasks));
        REQUIRE(stopped == (cancel ? tasks : 0));
    }
}
