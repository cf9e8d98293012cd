// SPDX-License-Identifier: MIT
// labels: process
//
// Which of a process pool's tasks begins next, by when, and how often it is started: the rest of its task options.
#include "catch.hpp"

#include "support/process_watch.hpp"

#include <yoke/algorithm/fetch.hpp>
#include <yoke/algorithm/map.hpp>
#include <yoke/algorithm/pipeline.hpp>
#include <yoke/algorithm/timer.hpp>
#include <yoke/executor/process_pool.hpp>
#include <yoke/executor/this_task.hpp>
#include <yoke/executor/with.hpp>

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <exception>
#include <functional>
#include <future>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

using namespace std::chrono_literals;

namespace {

struct shared_board {
    std::atomic<int> gate{0};
    std::atomic<int> started{0};
    std::atomic<int> count{0};
    std::atomic<int> order[4096];
};
shared_board& board = yoke_test::make_shared_object<shared_board>();

void wipe() {
    board.gate = 0;
    board.started = 0;
    board.count = 0;
}
void hold() {
    ++board.started;
    while (board.gate == 0) std::this_thread::yield();
}
void await_started(int n) {
    while (board.started < n) std::this_thread::yield();
}
/// Notes that it ran.
void note(int which) { board.order[board.count++] = which; }
std::vector<int> noted() { return {board.order, board.order + board.count}; }
int same(int x) { return x; }

}  // namespace

TEST_CASE("the greatest priority begins first, and among equals the oldest", "[process]") {
    const yoke_test::watchdog dog("priorities");
    wipe();
    yoke::process_pool pool(1);
    auto holding = pool.submit(hold);
    await_started(1);
    // 600: more than there are slots, so that some wait in the queue and some have been sent already.
    std::vector<std::pair<int, int>> expected;
    std::vector<yoke::future<void>> futures;
    for (int i = 0; i < 600; ++i) {
        const int priority = i < 300 ? 0 : i * 7 % 5 - 2;
        expected.emplace_back(-priority, i);
        futures.push_back(pool.submit({.priority = priority}, note, i));
    }
    std::sort(expected.begin(), expected.end());
    board.gate = 1;
    holding.get();
    for (auto& f : futures) f.get();
    const auto ran = noted();
    REQUIRE(ran.size() == 600);
    for (std::size_t i = 0; i < 600; ++i) REQUIRE(ran[i] == expected[i].second);
}

TEST_CASE("an urgent task overtakes all that were sent before it and have not begun", "[process]") {
    const yoke_test::watchdog dog("an urgent task");
    yoke::process_pool pool(1);
    for (int round = 0; round < 20; ++round) {
        wipe();
        auto holding = pool.submit(hold);
        await_started(1);
        std::vector<yoke::future<void>> futures;
        for (int i = 0; i < 100; ++i) futures.push_back(pool.submit(note, i));
        futures.push_back(pool.submit({.priority = 1}, note, 1000));
        futures.push_back(pool.submit({.priority = 2}, note, 2000));
        futures.push_back(pool.submit({.priority = -1}, note, -1000));
        futures.push_back(pool.submit(note, 100));
        board.gate = 1;
        for (auto& f : futures) f.get();
        holding.get();
        std::vector<int> expected{2000, 1000};
        for (int i = 0; i <= 100; ++i) expected.push_back(i);
        expected.push_back(-1000);
        REQUIRE(noted() == expected);
    }
}

TEST_CASE("tasks with priorities are cancelled, limited and counted like others", "[process]") {
    const yoke_test::watchdog dog("priorities and the rest");
    wipe();
    yoke::process_pool pool({.workers = 1, .max_pending = 400});
    auto holding = pool.submit(hold);
    await_started(1);
    std::vector<yoke::future<void>> futures;
    for (int i = 0; i < 400; ++i) {
        auto task = pool.try_submit({.priority = i % 10}, note, i);
        REQUIRE(task.has_value());
        futures.push_back(std::move(*task));
    }
    REQUIRE_FALSE(pool.try_submit({.priority = 99}, note, 0).has_value());
    for (std::size_t i = 0; i < 400; i += 2) REQUIRE(futures[i].cancel());
    REQUIRE(pool.try_submit({.priority = 99}, note, -7).has_value());
    board.gate = 1;
    holding.get();
    pool.wait();
    const auto ran = noted();
    REQUIRE(ran.size() == 201);
    REQUIRE(ran.front() == -7);
    for (std::size_t i = 2; i < ran.size(); ++i)
        REQUIRE((ran[i - 1] % 10 > ran[i] % 10 || (ran[i - 1] % 10 == ran[i] % 10 && ran[i - 1] < ran[i])));
}

TEST_CASE("priorities under load: every task settles once", "[process]") {
    const yoke_test::watchdog dog("priorities under load", 30s);
    yoke::process_pool pool(2);
    std::atomic<int> wrong{0};
    std::vector<std::thread> submitters;
    for (int t = 0; t < 3; ++t) {
        submitters.emplace_back([&pool, &wrong, t] {
            std::vector<yoke::future<int>> futures;
            for (int i = 0; i < 1500; ++i)
                futures.push_back(
                    pool.submit({.priority = (i * 31 + t) % 7 - 3, .queue_timeout = 1h}, same, i));
            for (int i = 0; i < 1500; ++i)
                if (futures[static_cast<std::size_t>(i)].get() != i) ++wrong;
        });
    }
    for (auto& s : submitters) s.join();
    REQUIRE(wrong == 0);
}

TEST_CASE("a task that has not begun in time fails and never runs, one that has begun goes on", "[process]") {
    const yoke_test::watchdog dog("queue_timeout");
    wipe();
    yoke::process_pool pool(1);
    auto running = pool.submit({.queue_timeout = 1h}, hold);
    await_started(1);
    auto late = pool.submit({.queue_timeout = 20ms}, note, 1);
    auto patient = pool.submit(note, 2);
    std::vector<yoke::future<void>> more;  // beyond the slots, too
    for (int i = 0; i < 400; ++i) more.push_back(pool.submit({.queue_timeout = 10ms}, note, 3));
    try {
        late.get();
        FAIL("it cannot have begun");
    } catch (const yoke::task_timeout& error) {
        REQUIRE_FALSE(error.began());
        REQUIRE_THAT(error.what(), Catch::Matchers::ContainsSubstring("20 ms") &&
                                       Catch::Matchers::ContainsSubstring("never ran"));
    }
    for (auto& f : more) REQUIRE_THROWS_AS(f.get(), yoke::task_timeout);
    REQUIRE_FALSE(running.ready());
    board.gate = 1;
    running.get();
    patient.get();
    REQUIRE(noted() == std::vector<int>{2});
}

TEST_CASE("the limit to begin and the limit to run are apart", "[process]") {
    const yoke_test::watchdog dog("both limits");
    wipe();
    yoke::process_pool pool(1);
    try {
        pool.submit({.timeout = 20ms, .queue_timeout = 1h}, hold).get();
        FAIL("it cannot have ended");
    } catch (const yoke::task_timeout& error) {
        REQUIRE(error.began());
    }
    // Begun in time, and running for longer than it might have waited.
    auto begun = pool.submit({.timeout = 1h, .queue_timeout = 100ms}, hold);
    await_started(2);
    std::this_thread::sleep_for(200ms);
    board.gate = 1;
    begun.get();
    REQUIRE_THROWS_AS(pool.submit({.queue_timeout = -1ms}, same, 1), std::invalid_argument);
}

TEST_CASE("a task that begins in time is started again after a death, however late that is", "[process]") {
    const yoke_test::watchdog dog("queue_timeout and attempts");
    wipe();
    yoke::process_pool pool(1);
    auto task = pool.submit({.attempts = 2, .queue_timeout = 100ms}, [] {
        if (board.started++ == 0) {
            std::this_thread::sleep_for(150ms);
            ::raise(SIGKILL);
        }
        return 5;
    });
    REQUIRE(task.get() == 5);
    REQUIRE(board.started == 2);
}

TEST_CASE("the error of a lost task counts its attempts", "[process]") {
    const yoke_test::watchdog dog("attempts");
    yoke::process_pool pool(1);
    for (const int attempts : {1, 2, 4}) {
        wipe();
        try {
            pool.submit({.attempts = attempts, .priority = attempts},
                        [] {
                            ++board.started;
                            ::raise(SIGKILL);
                        })
                .get();
            FAIL("a lost task has no result");
        } catch (const yoke::worker_lost& lost) {
            REQUIRE(lost.attempts() == attempts);
        }
        REQUIRE(board.started == attempts);
    }
}

TEST_CASE("a task that is started again goes before its equals", "[process]") {
    const yoke_test::watchdog dog("a task that is started again");
    wipe();
    yoke::process_pool pool(1);
    auto again = pool.submit({.attempts = 2}, [] {
        if (board.started++ == 0) {
            while (board.gate == 0) std::this_thread::yield();
            ::raise(SIGKILL);
        }
        note(0);
    });
    await_started(1);
    std::vector<yoke::future<void>> others;
    for (int i = 1; i < 500; ++i) others.push_back(pool.submit(note, i));
    board.gate = 1;
    again.get();
    for (auto& f : others) f.get();
    REQUIRE(board.count == 500);
    // Those that had been sent before it died come first; the rest, which waited in the queue, after it.
    const auto ran = noted();
    REQUIRE(std::find(ran.begin(), ran.end(), 0) < std::find(ran.begin(), ran.end(), 300));
}

TEST_CASE("while a receiver holds the collector, submitters make room for what they submit themselves",
          "[process]") {
    const yoke_test::watchdog dog("submitters that collect");
    wipe();
    static std::atomic<int> gate;
    static std::atomic<bool> held;
    gate = 0;
    held = false;
    struct holding_receiver {
        void set_value(int) noexcept {
            held = true;
            while (gate == 0) std::this_thread::yield();
        }
        void set_error(const std::exception_ptr&) noexcept {}
        void set_stopped() noexcept {}
    };
    yoke::process_pool pool(2);
    pool.execute(holding_receiver(), same, 1);
    while (!held) std::this_thread::yield();
    // Its worker waits until the collector gives it room for the result.
    auto large = pool.submit([] { return std::string(100'000, 'l'); });
    std::vector<yoke::future<void>> futures;
    // Each round fits the slots, and not with the round before.
    for (int round = 1; round <= 4; ++round) {
        for (int i = 0; i < 200; ++i) futures.push_back(pool.submit(note, i));
        while (board.count < 200 * round) std::this_thread::yield();
    }
    gate = 1;
    for (auto& each : futures) each.get();
    CHECK(large.get() == std::string(100'000, 'l'));
    pool.wait();
}

namespace {

// What the tasks with options do, given a number.

int is_deaf(int) {
    for (;;) ::pause();
}
int takes_time(int n) {
    std::this_thread::sleep_for(20ms);
    return n;
}
/// Dies twice.
int dies(int n) {
    if (board.count++ < 2) ::raise(SIGKILL);
    return n;
}
int is_quick(int n) { return n; }
int until_stopped(int n) {
    ++board.started;
    while (!yoke::this_task::stop_requested()) std::this_thread::yield();
    return n;
}

/// Its source, the page of which is what the call returns.
struct called_source {
    int (*call)(int);
    std::vector<int> operator()(yoke::page_request page) const {
        return {call(static_cast<int>(page.limit) + 6)};
    }
};

struct promise_receiver {
    yoke::task_options wishes;
    std::promise<int>* outcome;
    void set_value(int value) noexcept { outcome->set_value(value); }
    void set_error(std::exception_ptr error) noexcept { outcome->set_exception(std::move(error)); }
    void set_stopped() noexcept { set_error(std::make_exception_ptr(yoke::cancelled())); }
    [[nodiscard]] const yoke::task_options& options() const noexcept { return wishes; }
};

using calls = int (*)(int);
using options_road =
    std::function<int(yoke::process_pool&, const yoke::task_options& inner, const yoke::task_options& outer,
                      const yoke::task_options& own, calls)>;

/// Ways to call `call(7)` with the options of a view, of the view of that, and of the task; where it can have none, of a
/// third view.
std::vector<std::pair<std::string, options_road>> options_roads() {
    using pool_type = yoke::process_pool;
    using options = yoke::task_options;
    const auto view = [](pool_type& pool, const options& a, const options& b) {
        return yoke::with(yoke::with(pool, a), b);
    };
    return {
        {"submit", [=](pool_type& pool, const options& a, const options& b, const options& c,
                       calls call) { return view(pool, a, b).submit(c, call, 7).get(); }},
        {"yoke::submit",
         [=](pool_type& pool, const options& a, const options& b, const options& c, calls call) {
             auto two = view(pool, a, b);
             return yoke::submit(two, c, call, 7).get();
         }},
        {"try_submit", [=](pool_type& pool, const options& a, const options& b, const options& c,
                           calls call) { return view(pool, a, b).try_submit(c, call, 7)->get(); }},
        {"execute",
         [=](pool_type& pool, const options& a, const options& b, const options& c, calls call) {
             std::promise<int> outcome;
             view(pool, a, b).execute(promise_receiver{c, &outcome}, call, 7);
             return outcome.get_future().get();
         }},
        {"then",
         [=](pool_type& pool, const options& a, const options& b, const options& c, calls call) {
             auto three = yoke::with(view(pool, a, b), c);
             return pool.submit({.priority = 100}, same, 7).then(three, call).get();
         }},
        {"after",
         [=](pool_type& pool, const options& a, const options& b, const options& c, calls call) {
             yoke::timer timer;
             auto three = yoke::with(view(pool, a, b), c);
             return timer.after(three, 0ms, call, 7).get();
         }},
        {"map",
         [=](pool_type& pool, const options& a, const options& b, const options& c, calls call) {
             return yoke::map(yoke::with(view(pool, a, b), c), std::vector<int>{7}, call).at(0);
         }},
        {"fetch",
         [=](pool_type& pool, const options& a, const options& b, const options& c, calls call) {
             auto pages =
                 yoke::fetch(yoke::with(view(pool, a, b), c), called_source{call}, {.limit = 1, .total = 1});
             return pages.next().value().rows.at(0);
         }},
        {"stage",
         [=](pool_type& pool, const options& a, const options& b, const options& c, calls call) {
             // What stage_options does not have comes by a third view.
             options rest = c;
             rest.timeout = {};
             rest.attempts = 1;
             rest.priority = 0;
             const yoke::stage_options mine{
                 .timeout = c.timeout, .attempts = c.attempts, .priority = c.priority};
             return (yoke::from({7}) | yoke::stage(yoke::with(view(pool, a, b), rest), call, mine) |
                     yoke::collect())
                 .at(0);
         }},
    };
}

/// How a task ended, be its error thrown as itself or nested in another one.
std::string ended(const std::function<int()>& call) {
    try {
        return std::to_string(call());
    } catch (const yoke::task_timeout&) {
        return "timeout";
    } catch (const yoke::cancelled&) {
        return "cancelled";
    } catch (const std::exception& e) {
        try {
            std::rethrow_if_nested(e);
        } catch (const yoke::task_timeout&) {
            return "timeout";
        } catch (const yoke::cancelled&) {
            return "cancelled";
        } catch (...) {}  // NOLINT(bugprone-empty-catch)
        return e.what();
    }
}

}  // namespace

TEST_CASE(
    "options of a task and of its views are merged, on every road, and the pool honours what comes of it",
    "[process]") {
    const yoke_test::watchdog dog("merged options", 60s);
    yoke::process_pool pool(1);
    struct merge {
        std::string name;
        yoke::task_options nearest;
        yoke::task_options farther;  // would end in another way
        calls call;
        std::string end;
        bool held_up = false;  // the only worker has something else to do
    };
    const std::vector<merge> merges = {
        {"timeout, short", {.timeout = 30ms}, {.timeout = 1h}, is_deaf, "timeout"},
        {"timeout, long", {.timeout = 1h}, {.timeout = 1ms}, takes_time, "7"},
        {"attempts", {.attempts = 3}, {.attempts = 2}, dies, "7"},
        {"queue_timeout, short", {.queue_timeout = 20ms}, {.queue_timeout = 1h}, is_quick, "timeout", true},
    };
    for (const auto& [road, begin] : options_roads()) {
        for (const auto& [name, nearest, farther, call, end, held_up] : merges) {
            // The one that counts is the inner view's, the outer view's, or the task's.
            for (int at = 0; at != 3; ++at) {
                INFO(road << ", " << name << ", at " << at);
                yoke::task_options given[3];
                for (int i = 0; i < at; ++i) given[i] = farther;
                given[at] = nearest;
                wipe();
                yoke::future<void> holding;
                if (held_up) {
                    holding = pool.submit(hold);
                    await_started(1);
                }
                if (held_up && road == "then") {
                    // Its first task would wait, too.
                    board.gate = 1;
                    holding.get();
                    continue;
                }
                CHECK(ended([&, &run = begin, &f = call] {
                          return run(pool, given[0], given[1], given[2], f);
                      }) == end);
                board.gate = 1;
                if (holding.valid()) holding.get();
            }
        }
    }
}

TEST_CASE("all stop tokens of a task and of its views reach it, in the queue and while it runs",
          "[process]") {
    const yoke_test::watchdog dog("joined stops", 60s);
    yoke::process_pool pool(1);
    for (const auto& [road, begin] : options_roads()) {
        for (const bool running : {false, true}) {
            for (int asked = 0; asked != 3; ++asked) {
                if (!running && road == "then") continue;  // its first task would wait, too
                INFO(road << ", running " << running << ", asked " << asked);
                wipe();
                std::stop_source sources[3];
                yoke::future<void> holding;
                if (!running) {
                    holding = pool.submit(hold);
                    await_started(1);
                }
                std::thread asks([&, running] {
                    if (running) await_started(1);
                    sources[asked].request_stop();
                });
                // stage_options has no stop token: the road puts that into a view.
                CHECK(ended([&, &run = begin] {
                          return run(pool, {.stop = sources[0].get_token()}, {.stop = sources[1].get_token()},
                                     {.stop = sources[2].get_token()}, running ? until_stopped : is_quick);
                      }) == (running ? "7" : "cancelled"));
                asks.join();
                board.gate = 1;
                if (holding.valid()) holding.get();
            }
        }
    }
    // A view and its tokens may be gone before the task has begun.
    wipe();
    auto holding = pool.submit(hold);
    await_started(1);
    std::stop_source kept;
    auto orphan =
        yoke::with(yoke::with(pool, {.stop = kept.get_token()}), {.stop = std::stop_source().get_token()})
            .submit({.stop = std::stop_source().get_token()}, is_quick, 1);
    kept.request_stop();
    CHECK_THROWS_AS(orphan.get(), yoke::cancelled);
    board.gate = 1;
}

TEST_CASE("the priority that was given nearest to the task decides when it begins", "[process]") {
    const yoke_test::watchdog dog("merged priorities");
    wipe();
    yoke::process_pool pool(1);
    auto holding = pool.submit(hold);
    await_started(1);
    auto five = yoke::with(pool, {.priority = 5});
    auto seven = yoke::with(five, {.priority = 7});
    std::vector<yoke::future<void>> tasks;
    tasks.push_back(pool.submit(note, 0));
    tasks.push_back(five.submit(note, 5));
    tasks.push_back(seven.submit(note, 7));
    tasks.push_back(five.submit({.priority = 9}, note, 9));
    tasks.push_back(yoke::submit(seven, {.priority = 3}, note, 3));
    tasks.push_back(yoke::submit(pool, {.priority = 4}, note, 4));
    board.gate = 1;
    for (auto& task : tasks) task.get();
    CHECK(noted() == std::vector<int>{9, 7, 5, 4, 3, 0});
}
