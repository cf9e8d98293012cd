// SPDX-License-Identifier: MIT
// labels: process
//
// Workers that die, stall, fork or crash in a row: rows A1-A4, A9-A11, A16 and H1 of the list of faults. Every task
// settles exactly once, the pool is usable afterwards or says that it is broken, and nothing is left behind.
#include "catch.hpp"

#include "support/process_watch.hpp"

#include <yoke/executor/process_pool.hpp>
#include <yoke/executor/this_task.hpp>

#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <functional>
#include <optional>
#include <string>
#include <thread>
#include <vector>

using namespace std::chrono_literals;

namespace {

struct shared_board {
    std::atomic<int> gate{0};
    std::atomic<int> started{0};
    std::atomic<int> grandchild{0};
    std::atomic<int> twins{0};
    std::atomic<int> twin[8] = {};  ///< the last ones
};
shared_board& board = yoke_test::make_shared_object<shared_board>();

void wipe() {
    board.gate = 0;
    board.started = 0;
    board.grandchild = 0;
    board.twins = 0;
    for (auto& twin : board.twin) twin = 0;
}
int hold(int value) {
    ++board.started;
    while (board.gate == 0) std::this_thread::yield();
    return value;
}
void await_started(int n) {
    while (board.started < n) std::this_thread::yield();
}
int same(int x) { return x; }

// Ways to go.
void killed() { ::raise(SIGKILL); }
void segmentation_fault() { ::raise(SIGSEGV); }
void bus_error() { ::raise(SIGBUS); }
void floating_point_error() { ::raise(SIGFPE); }
void aborted() { std::abort(); }
void terminated() { std::terminate(); }
void exits_zero() { ::_exit(0); }
void exits_three() { std::exit(3); }
void exits_quickly() { std::quick_exit(5); }
void writes_where_it_must_not() {
    // Not through a null pointer: a sanitizer would report that instead of letting it happen.
    void* const nobodys = ::mmap(nullptr, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    *static_cast<volatile int*>(nobodys) = 1;
}

/// What became of many tasks, each of which must settle exactly once.
class ledger {
public:
    enum outcome { value, lost, timeout, broken, other_error, stopped, outcomes };
    explicit ledger(std::size_t tasks) : settled_(tasks) {}

    class receiver {
    public:
        receiver(ledger& to, std::size_t task, yoke::task_options options = {})
            : to_(&to), task_(task), options_(options) {}
        receiver(receiver&&) = default;
        receiver& operator=(receiver&&) = default;

        template <class... Values>
        void set_value(Values&&...) noexcept {
            to_->note(task_, value);
        }
        void set_error(std::exception_ptr error) noexcept { to_->note(task_, kind_of(error)); }
        void set_stopped() noexcept { to_->note(task_, stopped); }
        [[nodiscard]] const yoke::task_options& options() const noexcept { return options_; }

    private:
        ledger* to_;
        std::size_t task_;
        yoke::task_options options_;
    };

    receiver of(std::size_t task, yoke::task_options options = {}) { return {*this, task, options}; }
    [[nodiscard]] int count(outcome o) const { return counts_[o]; }
    [[nodiscard]] bool each_once() const {
        return std::all_of(settled_.begin(), settled_.end(), [](const auto& n) { return n == 1; });
    }

private:
    static outcome kind_of(const std::exception_ptr& error) noexcept {
        try {
            std::rethrow_exception(error);
        } catch (const yoke::worker_lost&) {
            return lost;
        } catch (const yoke::task_timeout&) {
            return timeout;
        } catch (const yoke::broken_pool&) {
            return broken;
        } catch (...) {
            return other_error;
        }
    }
    void note(std::size_t task, outcome o) noexcept {
        ++settled_[task];
        ++counts_[o];
    }

    std::vector<std::atomic<int>> settled_;
    std::atomic<int> counts_[outcomes] = {};
};

/// Before and after each test. The first pool starts the monitor, which stays.
class clean_slate {
public:
    explicit clean_slate(const char* what) : dog_(what) {
        { yoke::process_pool first(1); }
        wipe();
        before_.emplace();
    }
    ~clean_slate() {
        std::string left;
        const bool clean = yoke_test::eventually([&] {
            left = yoke_test::difference(*before_, yoke_test::holdings());
            return left.empty();
        });
        if (!clean) {
            std::fprintf(stderr, "left behind: %s\n", left.c_str());
            std::abort();
        }
    }

private:
    yoke_test::watchdog dog_;
    std::optional<yoke_test::holdings> before_;
};

int server() { return yoke::detail::process_host::instance().server_pid(); }

// Ways to fork and come back twice.

/// Notes the child; true in it.
bool in_twin(long pid) {
    if (pid > 0) board.twin[board.twins++ % 8] = static_cast<int>(pid);
    return pid == 0;
}
bool fork_twin() { return in_twin(::fork()); }
/// Runs no handlers of pthread_atfork.
bool clone_twin() { return in_twin(::syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0)); }

int forks(int n) {
    fork_twin();
    return n;
}
int clones(int n) {
    clone_twin();
    return n;
}
int forks_and_throws(int n) {
    if (fork_twin()) throw std::runtime_error("in the child");
    return n;
}
int throws_in_both(int) {
    fork_twin();
    throw std::runtime_error("in both");
}
std::string forks_with_a_large_result(int n) {
    clone_twin();
    return std::string(100'000, static_cast<char>(n));
}
int forks_under_a_stop_token(int n) {
    const auto token = yoke::this_task::stop_token();
    fork_twin();
    return token.stop_requested() ? 0 : n;
}
int forks_in_a_thread(int n) {
    std::thread([] { fork_twin(); }).join();
    return n;
}
int child_exits(int n) {
    if (fork_twin()) std::exit(3);
    return n;
}
int child_exits_quickly(int n) {
    if (fork_twin()) std::quick_exit(3);
    return n;
}
/// A daemon's way: the child is the one that goes on for long.
int forks_twice(int n) {
    if (fork_twin()) clone_twin();
    return n;
}

/// Tasks of others, after some that have forked. Each must have its own value.
template <class Way>
void innocents_are_unharmed(Way way) {
    for (int round = 0; round < 5; ++round) {
        yoke::process_pool pool({.workers = 2});
        for (int i = 0; i < 2; ++i) {
            try {
                static_cast<void>(pool.submit(way, 7).get());
            } catch (const std::runtime_error& thrown) {
                REQUIRE(std::string(thrown.what()) == "in both");
            }
        }
        std::vector<yoke::future<int>> innocent;
        for (int i = 0; i < 100; ++i) innocent.push_back(pool.submit(same, 1000 + i));
        for (int i = 0; i < 100; ++i) REQUIRE(innocent[static_cast<std::size_t>(i)].get() == 1000 + i);
        REQUIRE(pool.worker_pids().size() == 2);
    }
    REQUIRE(board.twins != 0);
    for (const auto& twin : board.twin)
        REQUIRE(yoke_test::eventually([&] { return twin == 0 || !yoke_test::alive(twin); }));
}

}  // namespace

TEST_CASE("a task that forks and comes back in both processes leaves no second worker", "[process]") {
    const clean_slate here("H1");
    SECTION("by fork()") { innocents_are_unharmed(forks); }
    SECTION("by a bare clone()") { innocents_are_unharmed(clones); }
    SECTION("the child throws") { innocents_are_unharmed(forks_and_throws); }
    SECTION("both throw") { innocents_are_unharmed(throws_in_both); }
    SECTION("the result needs room") { innocents_are_unharmed(forks_with_a_large_result); }
    SECTION("with a watch for stop requests") { innocents_are_unharmed(forks_under_a_stop_token); }
    SECTION("in a thread") { innocents_are_unharmed(forks_in_a_thread); }
    SECTION("the child exits") { innocents_are_unharmed(child_exits); }
    SECTION("the child exits quickly") { innocents_are_unharmed(child_exits_quickly); }
    SECTION("and a child of the child comes back, too") { innocents_are_unharmed(forks_twice); }
}

TEST_CASE("an initializer that forks and comes back in both processes makes one worker", "[process]") {
    const clean_slate here("H1");
    {
        yoke::process_pool pool({.workers = 2, .initializer = [] { fork_twin(); }});
        std::vector<yoke::future<int>> all;
        for (int i = 0; i < 200; ++i) all.push_back(pool.submit(same, i));
        for (int i = 0; i < 200; ++i) REQUIRE(all[static_cast<std::size_t>(i)].get() == i);
        // One worker may have done all of it before the other has begun.
        REQUIRE(yoke_test::eventually([] { return board.twins == 2; }));
    }
    REQUIRE(board.twins == 2);
    REQUIRE(yoke_test::eventually(
        [] { return !yoke_test::alive(board.twin[0]) && !yoke_test::alive(board.twin[1]); }));
}

TEST_CASE("a worker killed under a task loses that task and no other", "[process]") {
    const clean_slate here("A1");
    yoke::process_pool pool(2);
    const auto before = pool.worker_pids();
    std::vector<yoke::future<int>> others;
    for (int i = 0; i < 50; ++i) others.push_back(pool.submit(same, i));
    auto doomed = pool.submit(killed);
    for (int i = 50; i < 100; ++i) others.push_back(pool.submit(same, i));
    try {
        doomed.get();
        FAIL("a lost task has no result");
    } catch (const yoke::worker_lost& lost) {
        REQUIRE(lost.signal() == SIGKILL);
        REQUIRE(std::find(before.begin(), before.end(), lost.pid()) != before.end());
        REQUIRE(lost.task() == 51);
        REQUIRE_THAT(lost.what(), Catch::Matchers::ContainsSubstring("51") &&
                                      Catch::Matchers::ContainsSubstring("signal 9") &&
                                      Catch::Matchers::ContainsSubstring(std::to_string(lost.pid())));
    }
    for (int i = 0; i < 100; ++i) REQUIRE(others[static_cast<std::size_t>(i)].get() == i);
    REQUIRE(yoke_test::eventually([&] { return pool.worker_pids().size() == 2; }));
    REQUIRE(pool.submit(same, 7).get() == 7);
}

TEST_CASE("every way for a worker to end by signal is told apart", "[process]") {
    const clean_slate here("A2");
    rlimit before{};
    ::getrlimit(RLIMIT_CORE, &before);
    yoke::process_pool pool(1);
    const std::pair<void (*)(), int> ways[] = {
        {segmentation_fault, SIGSEGV},  {bus_error, SIGBUS},
        {floating_point_error, SIGFPE}, {aborted, SIGABRT},
        {terminated, SIGABRT},          {writes_where_it_must_not, SIGSEGV}};
    for (const auto& [way, signal] : ways) {
        try {
            pool.submit(way).get();
            FAIL("a lost task has no result");
        } catch (const yoke::worker_lost& lost) {
            REQUIRE(lost.signal() == signal);
        }
        REQUIRE(pool.submit(same, signal).get() == signal);
    }
    const auto limit = pool.submit([] {
                               rlimit mine{};
                               ::getrlimit(RLIMIT_CORE, &mine);
                               return static_cast<std::uint64_t>(mine.rlim_cur);
                           })
                           .get();
    REQUIRE(limit == before.rlim_cur);
}

namespace {

// Ways to crash, in functions that are to be found.
[[gnu::noinline]] void sinks_deep(int n) {
    volatile char page[4096];
    page[0] = static_cast<char>(n);
    if (n != -1) sinks_deep(n + 1);
    page[1] = page[0];
}
void overflows_the_stack() { sinks_deep(0); }
void catches_its_own() {
    static volatile bool caught = false;
    caught = false;
    std::signal(SIGSEGV, [](int) {
        caught = true;
        std::signal(SIGSEGV, SIG_DFL);
    });
    ::raise(SIGSEGV);
    if (!caught) ::_exit(1);
}

}  // namespace

TEST_CASE("a lost worker's error says task, worker, signal, and where it crashed if that is asked for",
          "[process]") {
    const clean_slate here("crash stacks");
    const bool asked = GENERATE(false, true);
    yoke::process_pool pool({.workers = 1, .crash_stacks = asked});
    std::uint64_t task = 0;
    for (const auto& [way, signal] : {std::pair<void (*)(), int>{killed, SIGKILL},
                                      {segmentation_fault, SIGSEGV},
                                      {writes_where_it_must_not, SIGSEGV},
                                      {bus_error, SIGBUS},
                                      {floating_point_error, SIGFPE},
                                      {aborted, SIGABRT},
                                      {terminated, SIGABRT},
                                      {overflows_the_stack, SIGSEGV},
                                      {exits_three, 0}}) {
        try {
            ++task;
            pool.submit(way).get();
            FAIL("a lost task has no result");
        } catch (const yoke::worker_lost& lost) {
            CAPTURE(signal, lost.stack());
            REQUIRE(lost.signal() == signal);
            REQUIRE(lost.task() == task);
            REQUIRE(lost.worker() == 0);
            REQUIRE(lost.pid() != 0);
            REQUIRE(lost.stack().empty() == (!asked || signal == SIGKILL || signal == 0));
            // The innermost lines may be the C library's; the worker's way to the task is in there.
            if (asked && way == writes_where_it_must_not) {
                // The first line is about the place of the crash itself: its address is in this very function. (A
                // sanitizer may put a line of its own before it.)
                const auto function = reinterpret_cast<std::uintptr_t>(&writes_where_it_must_not);
                const auto in_function = [&](std::size_t from) {
                    const std::size_t at = lost.stack().find("[0x", from);
                    const auto address = std::strtoull(lost.stack().c_str() + at + 1, nullptr, 16);
                    return address - function < 2000;
                };
                REQUIRE((in_function(0) || in_function(lost.stack().find('\n'))));
            }
            if (!lost.stack().empty() && way != overflows_the_stack)
                REQUIRE(std::count(lost.stack().begin(), lost.stack().end(), '\n') >= 5);
        }
        ++task;
        REQUIRE(pool.submit(same, signal).get() == signal);
    }
    // A task's own handler is as it would be.
    pool.submit(catches_its_own).get();
}

TEST_CASE("a task that exits is lost, whatever its status says", "[process]") {
    const clean_slate here("A3");
    yoke::process_pool pool(1);
    for (const auto& [way, status] :
         {std::pair<void (*)(), int>{exits_zero, 0}, {exits_three, 3}, {exits_quickly, 5}}) {
        try {
            pool.submit(way).get();
            FAIL("a lost task has no result");
        } catch (const yoke::worker_lost& lost) {
            REQUIRE(lost.signal() == 0);
            REQUIRE(lost.status() == status);
        }
        REQUIRE(pool.submit(same, status).get() == status);
    }
}

TEST_CASE("a lost task is started again as often as its options allow, and no oftener", "[process]") {
    const clean_slate here("attempts");
    yoke::process_pool pool(1);
    const auto dies_twice = [](std::string text) {
        if (++board.started < 3) ::raise(SIGKILL);
        return text;
    };
    // Small, in the slot, and in a block of its own: the call is still there for the next attempt.
    for (const std::size_t size : {std::size_t{10}, std::size_t{300}, std::size_t{5000}}) {
        board.started = 0;
        const std::string text(size, 't');
        REQUIRE(pool.submit({.attempts = 3}, dies_twice, text).get() == text);
        REQUIRE(board.started == 3);
    }
    board.started = 0;
    try {
        pool.submit({.attempts = 2}, dies_twice, std::string("x")).get();
        FAIL("two attempts are not enough");
    } catch (const yoke::worker_lost& lost) {
        REQUIRE_THAT(lost.what(), Catch::Matchers::ContainsSubstring("2 times"));
    }
    REQUIRE(board.started == 2);
}

TEST_CASE("a stopped worker is killed at the deadline, without one it is waited for", "[process]") {
    const clean_slate here("A4");
    yoke::process_pool pool(2);
    try {
        pool.submit({.timeout = 50ms}, [] { ::raise(SIGSTOP); }).get();
        FAIL("it cannot have finished");
    } catch (const yoke::task_timeout& late) {
        REQUIRE_THAT(late.what(), Catch::Matchers::ContainsSubstring("50 ms"));
    }
    REQUIRE(yoke_test::eventually([&] { return pool.worker_pids().size() == 2; }));
    auto resting = pool.submit([] {
        board.started = ::getpid();
        ::raise(SIGSTOP);
        return 5;
    });
    REQUIRE(yoke_test::eventually(
        [] { return board.started != 0 && yoke_test::look_at(board.started).state == 'T'; }));
    REQUIRE(pool.submit(same, 1).get() == 1);  // the other worker goes on
    REQUIRE_FALSE(resting.ready());
    ::kill(board.started, SIGCONT);
    REQUIRE(resting.get() == 5);
}

TEST_CASE("a pool with an idle worker that was stopped can be destroyed", "[process]") {
    const clean_slate here("A4, idle");
    int stopped = 0;
    {
        yoke::process_pool pool(1);
        stopped = pool.worker_pids().front();
        ::kill(stopped, SIGSTOP);
        REQUIRE(yoke_test::eventually([&] { return yoke_test::look_at(stopped).state == 'T'; }));
    }
    REQUIRE_FALSE(yoke_test::alive(stopped));
}

TEST_CASE("a deadline counts from the start of its task", "[process]") {
    const clean_slate here("deadline");
    yoke::process_pool pool(1);
    ledger outcomes(4);
    pool.execute(outcomes.of(0), hold, 1);
    await_started(1);
    // Waits in line for longer than it may run, and is not hurt by that; which of the two comes first does not matter.
    pool.execute(outcomes.of(1, {.timeout = 300ms}), same, 2);
    pool.execute(outcomes.of(2, {.timeout = 100ms}), [] {
        for (;;) ::pause();
    });
    pool.execute(outcomes.of(3, {.timeout = 1h}), same, 3);
    std::this_thread::sleep_for(400ms);
    board.gate = 1;
    pool.wait();
    REQUIRE(outcomes.each_once());
    REQUIRE(outcomes.count(ledger::value) == 3);
    REQUIRE(outcomes.count(ledger::timeout) == 1);
}

TEST_CASE("all workers killed at once: running tasks are lost, waiting ones run", "[process]") {
    const clean_slate here("A9");
    yoke::process_pool pool(3);
    ledger outcomes(103);
    for (std::size_t i = 0; i < 3; ++i) pool.execute(outcomes.of(i), hold, 0);
    await_started(3);
    for (std::size_t i = 3; i < 103; ++i) pool.execute(outcomes.of(i), same, 1);
    board.gate = 1;  // for whoever comes next; those that run die first
    const auto pids = pool.worker_pids();
    for (const int pid : pids) ::kill(pid, SIGSTOP);
    for (const int pid : pids) ::kill(pid, SIGKILL);
    pool.wait();
    REQUIRE(outcomes.each_once());
    REQUIRE(outcomes.count(ledger::value) + outcomes.count(ledger::lost) == 103);
    REQUIRE(outcomes.count(ledger::lost) <= 3);
    REQUIRE(pool.submit(same, 9).get() == 9);
}

TEST_CASE("idle workers killed in their sleep are replaced before anybody asks", "[process]") {
    const clean_slate here("A9, idle");
    yoke::process_pool pool(2);
    for (int round = 0; round < 5; ++round) {
        REQUIRE(yoke_test::eventually([&] { return pool.worker_pids().size() == 2; }));
        const auto before = pool.worker_pids();
        for (const int pid : before) ::kill(pid, SIGKILL);
        REQUIRE(yoke_test::eventually([&] {
            const auto now = pool.worker_pids();
            return now.size() == 2 &&
                   std::find_first_of(now.begin(), now.end(), before.begin(), before.end()) == now.end();
        }));
        REQUIRE(pool.submit(same, round).get() == round);
    }
}

TEST_CASE("many random deaths: every task settles once, and the sums are right", "[process]") {
    const clean_slate here("many deaths");
    yoke::process_pool pool(2);
    constexpr std::size_t tasks = 600;
    ledger outcomes(tasks);
    for (std::size_t i = 0; i < tasks; ++i) {
        if (i % 20 == 7)
            pool.execute(outcomes.of(i), killed);
        else if (i % 20 == 13)
            pool.execute(outcomes.of(i), exits_zero);
        else
            pool.execute(outcomes.of(i), same, 1);
    }
    pool.wait();
    REQUIRE(outcomes.each_once());
    REQUIRE(outcomes.count(ledger::lost) == 60);
    REQUIRE(outcomes.count(ledger::value) == 540);
}

TEST_CASE("a crash loop breaks the pool, with the first cause", "[process]") {
    const clean_slate here("A10");
    yoke::process_pool pool({.workers = 2, .crash_limit = 5});
    ledger outcomes(300);
    std::size_t accepted = 0;
    try {
        for (; accepted < 300; ++accepted) pool.execute(outcomes.of(accepted), aborted);
    } catch (const yoke::broken_pool&) {}
    pool.wait();
    REQUIRE(outcomes.count(ledger::lost) + outcomes.count(ledger::broken) == static_cast<int>(accepted));
    // The limit and those that were running when it was reached.
    REQUIRE(outcomes.count(ledger::lost) <= 5 + 2);
    try {
        pool.submit(same, 1).get();
        FAIL("the pool is broken");
    } catch (const yoke::broken_pool& broken) {
        REQUIRE_THAT(broken.what(), Catch::Matchers::ContainsSubstring("signal 6"));
    }
    REQUIRE_THROWS_AS(pool.try_submit(same, 1), yoke::broken_pool);
    REQUIRE(pool.worker_pids().size() <= 2);
}

TEST_CASE("an initializer that crashes does not make a storm of processes", "[process]") {
    const clean_slate here("A10, initializer");
    yoke::process_pool pool({.workers = 1,
                             .initializer =
                                 [] {
                                     ++board.started;
                                     std::abort();
                                 },
                             .crash_limit = 4});
    REQUIRE(yoke_test::eventually([&] {
        try {
            (void)pool.submit(same, 1);
        } catch (const yoke::broken_pool&) {
            return true;
        }
        return false;
    }));
    pool.wait();
    REQUIRE(board.started <= 5);
}

TEST_CASE("the fork server killed: every pool says so, and a new one can be started", "[process]") {
    const yoke_test::watchdog dog("A11");
    wipe();
    {
        yoke::process_pool pool(2);
        ledger outcomes(10);
        for (std::size_t i = 0; i < 10; ++i) pool.execute(outcomes.of(i), hold, 0);
        await_started(2);
        const auto workers = pool.worker_pids();
        ::kill(server(), SIGKILL);
        pool.wait();
        REQUIRE(outcomes.each_once());
        REQUIRE(outcomes.count(ledger::broken) == 10);
        try {
            (void)pool.submit(same, 1);
            FAIL("the pool is broken");
        } catch (const yoke::broken_pool& broken) {
            REQUIRE_THAT(broken.what(), Catch::Matchers::ContainsSubstring("fork server"));
        }
        for (const int worker : workers)
            REQUIRE(yoke_test::eventually([&] { return !yoke_test::alive(worker); }));
        pool.shutdown(yoke::cancel_pending);
    }
    // The watchdog is a thread, so a server cannot be forked any more here; and that is said, too.
    REQUIRE_THROWS_AS(yoke::process_pool(1), yoke::unsafe_fork);
}

TEST_CASE("after the loss of its server a program with one thread starts another", "[process]") {
    REQUIRE(yoke_test::eventually([] {
        try {
            yoke::process_pool pool(1);
            return pool.submit(same, 3).get() == 3;
        } catch (const yoke::unsafe_fork&) {
            return false;
        }
    }));
}

TEST_CASE("a grandchild that keeps everything open holds nothing up", "[process]") {
    const clean_slate here("A16");
    {
        yoke::process_pool pool(1);
        pool.submit([] {
                const int child = ::fork();
                if (child == 0) {
                    for (;;) ::pause();
                }
                board.grandchild = child;
            })
            .get();
        REQUIRE(pool.submit(same, 4).get() == 4);
    }
    REQUIRE(yoke_test::alive(board.grandchild));
    ::kill(board.grandchild, SIGKILL);
}
