// SPDX-License-Identifier: MIT
// labels: process
//
// What a process pool is made with: each option does to the workers what its text says, and refuses what cannot be.
#include "catch.hpp"

#include "support/process_watch.hpp"

#include <yoke/executor/process_pool.hpp>
#include <yoke/executor/thread_pool_options.hpp>

#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <exception>
#include <map>
#include <new>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

using namespace std::chrono_literals;
using Catch::Matchers::ContainsSubstring;

namespace {

struct shared_board {
    std::atomic<int> begun{0};
};
shared_board& board = yoke_test::make_shared_object<shared_board>();

/// What the initializer left in this process.
std::string greeting;
int number = 0;

void greet(const std::string& text, int n) {
    ++board.begun;
    greeting = text;
    number = n;
}
std::string greeted() { return greeting; }
int numbered() { return number; }
int same(int x) { return x; }
int process() { return ::getpid(); }

struct ignore {
    void set_value() noexcept {}
    void set_error(const std::exception_ptr&) noexcept {}
    void set_stopped() noexcept {}
};

void refuse_licence(int code) {
    ++board.begun;
    throw std::runtime_error("no licence, code " + std::to_string(code));
}

}  // namespace

TEST_CASE("an initializer's arguments reach each worker, and each replacement", "[process]") {
    const yoke_test::watchdog dog("an initializer with arguments");
    board.begun = 0;
    // Larger than a slot of the board.
    const std::string text(10'000, 'g');
    yoke::process_pool pool({.workers = 2, .initializer = yoke::bind_values(greet, text, 7)});
    for (int round = 0; round < 3; ++round) {
        REQUIRE(pool.submit(greeted).get() == text);
        REQUIRE(pool.submit(numbered).get() == 7);
        REQUIRE(yoke_test::eventually([&] { return board.begun == 2 + round; }));
        REQUIRE_THROWS_AS(pool.submit([] { ::raise(SIGKILL); }).get(), yoke::worker_lost);
    }
    REQUIRE(greeting.empty());  // here nobody has called it
}

TEST_CASE("an initializer may be any function that can cross, and what it returns is dropped", "[process]") {
    const yoke_test::watchdog dog("initializers");
    yoke::process_pool by_pointer({.workers = 1, .initializer = &greeted});
    REQUIRE(by_pointer.submit(same, 1).get() == 1);
    yoke::process_pool by_name({.workers = 1, .initializer = greeted});
    REQUIRE(by_name.submit(same, 2).get() == 2);
    yoke::process_pool by_lambda({.workers = 1, .initializer = [] { greeting = "hello"; }});
    REQUIRE(by_lambda.submit(greeted).get() == "hello");
    std::string (*nothing)() = nullptr;
    REQUIRE_THROWS_AS(yoke::process_pool({.initializer = nothing}), std::invalid_argument);
}

TEST_CASE("an initializer that throws breaks the pool once, and nobody is started again", "[process]") {
    const yoke_test::watchdog dog("an initializer that throws");
    board.begun = 0;
    yoke::process_pool pool({.workers = 3, .initializer = yoke::bind_values(refuse_licence, 42)});
    REQUIRE_THROWS_WITH(pool.submit(same, 1).get(), ContainsSubstring("no licence, code 42"));
    REQUIRE(yoke_test::eventually([&] { return pool.worker_pids().empty(); }));
    REQUIRE(board.begun <= 3);
    REQUIRE_THROWS_AS(pool.submit(same, 1), yoke::broken_pool);
}

TEST_CASE("a worker leaves after so many tasks, and no task is lost by that", "[process]") {
    const yoke_test::watchdog dog("recycling by count");
    yoke::process_pool pool({.workers = 2, .crash_limit = 1, .tasks_per_worker = 5});
    std::vector<yoke::future<int>> tasks;
    for (int i = 0; i < 200; ++i) tasks.push_back(pool.submit(process));
    std::map<int, int> ran;
    for (auto& task : tasks) ++ran[task.get()];
    for (const auto& [pid, times] : ran) REQUIRE(times <= 5);
    REQUIRE(ran.size() >= 40);
    REQUIRE(pool.submit(same, 3).get() == 3);  // the pool is not broken: these were no crashes
}

TEST_CASE("a worker that has grown leaves between two tasks", "[process]") {
    const yoke_test::watchdog dog("recycling by memory");
    constexpr std::uint64_t limit = std::uint64_t{100} << 20;
    yoke::process_pool pool({.workers = 1, .crash_limit = 1, .recycle_above = limit});
    const auto leak = [] {
        static std::vector<std::vector<char>> leaked;
        leaked.emplace_back(std::size_t{10} << 20, 'l');
        return ::getpid();
    };
    std::map<int, int> ran;
    for (int i = 0; i < 33; ++i) ++ran[pool.submit(leak).get()];
    REQUIRE(ran.size() >= 3);  // a worker has room for ten
    for (const auto& [pid, times] : ran) REQUIRE(times <= 11);
}

TEST_CASE("idle workers leave, and come back when there is something to do", "[process]") {
    const yoke_test::watchdog dog("idle workers");
    yoke::process_pool pool({.workers = 3, .idle_time = 20ms});
    for (int round = 0; round < 3; ++round) {
        REQUIRE(pool.submit(same, round).get() == round);
        REQUIRE(yoke_test::eventually([&] { return pool.worker_pids().empty(); }));
        REQUIRE(pool.concurrency() == 3);
    }
    // As many as there is work for.
    board.begun = 0;
    const auto meet = [] {
        ++board.begun;
        while (board.begun < 3) std::this_thread::yield();
    };
    for (int i = 0; i < 3; ++i) pool.execute(ignore{}, meet);
    pool.wait();
}

TEST_CASE("a task that comes in while the last worker leaves is not slept through", "[process]") {
    const yoke_test::watchdog dog("tasks and leaving workers", 30s);
    yoke::process_pool pool({.workers = 2, .idle_time = 300us});
    for (int i = 0; i < 600; ++i) {
        REQUIRE(pool.submit(same, i).get() == i);
        // About as long as workers stay, now more, now less.
        std::this_thread::sleep_for(std::chrono::microseconds(200 + i % 40 * 10));
    }
}

TEST_CASE("workers run on the processors they are given", "[process]") {
    const auto available = yoke::available_processors();
    yoke::process_pool pool({.workers = 3, .processors = available});
    for (int i = 0; i < 20; ++i) {
        const auto mine = pool.submit([] { return yoke::available_processors(); }).get();
        REQUIRE(mine.size() == 1);
        REQUIRE(std::find(available.begin(), available.end(), mine[0]) != available.end());
    }
    REQUIRE(yoke::available_processors() == available);
    REQUIRE_THROWS_WITH(yoke::process_pool({.processors = {1'000'000}}), ContainsSubstring("1000000"));
}

TEST_CASE("workers are nicer than the program by what the options say", "[process]") {
    const int ours = ::getpriority(PRIO_PROCESS, 0);
    yoke::process_pool pool({.workers = 1, .niceness = 3});
    REQUIRE(pool.submit([] { return ::getpriority(PRIO_PROCESS, 0); }).get() == std::min(ours + 3, 19));
    REQUIRE(::getpriority(PRIO_PROCESS, 0) == ours);
    REQUIRE_THROWS_WITH(yoke::process_pool({.niceness = 20}), ContainsSubstring("20"));
    REQUIRE_THROWS_WITH(yoke::process_pool({.niceness = -1}), ContainsSubstring("-1"));
}

TEST_CASE("workers are kept to the limits they are given, replacements too", "[process]") {
    const yoke_test::watchdog dog("limits");
    yoke::process_pool pool({.workers = 1, .limits = {{RLIMIT_NOFILE, 40}, {RLIMIT_CPU, 1}}});
    const auto files = [] {
        rlimit limit{};
        ::getrlimit(RLIMIT_NOFILE, &limit);
        return static_cast<std::uint64_t>(limit.rlim_cur);
    };
    REQUIRE(pool.submit(files).get() == 40);
    try {
        pool.submit([] {
                for (std::atomic<unsigned> spins{0};;) ++spins;
            })
            .get();
        FAIL("it had a second");
    } catch (const yoke::worker_lost& lost) {
        REQUIRE(lost.signal() == SIGXCPU);
    }
    REQUIRE(pool.submit(files).get() == 40);
}

TEST_CASE("limits that cannot be are refused with the value", "[process]") {
    REQUIRE_THROWS_WITH(yoke::process_pool({.limits = {{1234, 1}}}), ContainsSubstring("1234"));
    rlimit files{};
    ::getrlimit(RLIMIT_NOFILE, &files);
    REQUIRE(files.rlim_max != RLIM_INFINITY);
    const std::uint64_t too_many = files.rlim_max + 1;
    REQUIRE_THROWS_WITH(yoke::process_pool({.limits = {{RLIMIT_NOFILE, too_many}}}),
                        ContainsSubstring(std::to_string(too_many)) &&
                            ContainsSubstring(std::to_string(files.rlim_max)));
    REQUIRE_THROWS_AS(yoke::process_pool({.idle_time = -1ns}), std::invalid_argument);
    REQUIRE_THROWS_WITH(yoke::process_pool({.workers = 8, .max_workers = 5}), ContainsSubstring("5"));
    REQUIRE_THROWS_WITH(yoke::process_pool({.max_workers = 5000}), ContainsSubstring("5000"));
}

TEST_CASE("memory that a worker must not have breaks the pool and says how much it has already",
          "[process]") {
    const yoke_test::watchdog dog("too little memory");
    yoke::process_pool pool({.workers = 2, .memory_limit = 4096});
    REQUIRE_THROWS_WITH(pool.submit(same, 1).get(), ContainsSubstring("4096"));
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(YOKE_ADDRESS_SANITIZER)
TEST_CASE("a task that asks for more memory than a worker may have gets bad_alloc, and the worker lives",
          "[process]") {
    const yoke_test::watchdog dog("bounded memory");
    yoke::process_pool pool({.workers = 1, .memory_limit = std::uint64_t{256} << 20});
    const int worker = pool.submit(process).get();
    const auto use = [](std::size_t bytes) {
        ::operator delete(::operator new(bytes));
        return bytes;
    };
    REQUIRE(pool.submit(use, std::size_t{64} << 20).get() == std::size_t{64} << 20);
    REQUIRE_THROWS_AS(pool.submit(use, std::size_t{1} << 30).get(), std::bad_alloc);
    REQUIRE(pool.submit(use, std::size_t{64} << 20).get() == std::size_t{64} << 20);
    REQUIRE(pool.submit(process).get() == worker);
    REQUIRE(use(std::size_t{1} << 30) == std::size_t{1} << 30);  // the program may go on as it likes
}
#endif
