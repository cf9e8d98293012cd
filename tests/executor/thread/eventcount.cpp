// SPDX-License-Identifier: MIT
// labels: concurrent
#define YOKE_TEST_POINTS
#include "catch.hpp"

#include <yoke/executor/thread/eventcount.hpp>

#include <atomic>
#include <string_view>
#include <thread>
#include <vector>

using yoke::detail::eventcount;

namespace {

/// How often a thread has come to sleep() and found no token.
std::atomic<int> without_token{0};

void at_test_point(const char* name) {
    if (std::string_view(name) != "eventcount: no token") return;
    ++without_token;
    without_token.notify_all();
}

}  // namespace

TEST_CASE("the last searcher that finds work is told so") {
    eventcount sleep;
    sleep.begin_search();
    sleep.begin_search();
    REQUIRE_FALSE(sleep.end_search());
    REQUIRE(sleep.end_search());
}

TEST_CASE("a wake that comes before the sleep is not lost", "[concurrent]") {
    eventcount sleep;
    sleep.begin_search();
    sleep.prepare_sleep();
    REQUIRE_FALSE(sleep.notify());
    sleep.sleep();  // returns at once, as a searcher
    REQUIRE(sleep.end_search());
}

TEST_CASE("nobody is woken while somebody searches", "[concurrent]") {
    eventcount sleep;
    sleep.begin_search();
    sleep.prepare_sleep();  // one about to sleep
    sleep.begin_search();   // and one that searches
    REQUIRE_FALSE(sleep.notify());
    REQUIRE(sleep.end_search());  // still the only one
    REQUIRE_FALSE(sleep.notify());
    sleep.sleep();
    REQUIRE(sleep.end_search());
}

TEST_CASE("what a thread did before it wakes another one comes before what that one does", "[concurrent]") {
    // A plain int: a thread sanitizer sees whether the wake alone orders the two.
    for (const bool all : {false, true}) {
        eventcount sleep;
        int value = 0;
        int seen = 0;
        sleep.begin_search();
        sleep.prepare_sleep();
        std::thread sleeper([&] {
            sleep.sleep();
            seen = value;
        });
        value = 42;
        if (all) {
            sleep.notify_all();
        } else {
            REQUIRE_FALSE(sleep.notify());
        }
        sleeper.join();
        REQUIRE(seen == 42);
    }
}

TEST_CASE("a worker that finds work on its last look withdraws, woken or not") {
    eventcount sleep;
    sleep.begin_search();
    sleep.prepare_sleep();
    sleep.withdraw();
    REQUIRE(sleep.end_search());
    sleep.begin_search();
    sleep.prepare_sleep();
    REQUIRE_FALSE(sleep.notify());
    sleep.withdraw();
    REQUIRE(sleep.end_search());
    REQUIRE_FALSE(sleep.notify());  // nobody is left to be woken: no token stays behind
    sleep.begin_search();
    sleep.prepare_sleep();
    without_token = 0;
    yoke::detail::test_point_hook = at_test_point;
    std::atomic<bool> woken{false};
    std::thread other([&] {
        sleep.sleep();
        woken = true;
        if (without_token == 0) at_test_point("eventcount: no token");  // for whom waits below
    });
    without_token.wait(0);
    const bool slept = !woken;
    const bool started = sleep.notify();
    other.join();
    yoke::detail::test_point_hook = nullptr;
    REQUIRE(slept);
    REQUIRE_FALSE(started);
    REQUIRE(sleep.end_search());
}

TEST_CASE("an unstarted worker is to be started when nobody sleeps or searches") {
    eventcount sleep;
    REQUIRE_FALSE(sleep.notify());  // there is nobody at all
    sleep.set_unstarted(2);
    REQUIRE(sleep.notify());
    REQUIRE(sleep.wants_start());
    sleep.begin_start();
    REQUIRE_FALSE(sleep.notify());  // the new worker searches
    REQUIRE_FALSE(sleep.wants_start());
    REQUIRE(sleep.end_search());
    REQUIRE(sleep.notify());  // and another is left

    sleep.begin_search();
    sleep.prepare_sleep();
    REQUIRE_FALSE(sleep.wants_start());
    REQUIRE_FALSE(sleep.notify());  // wakes the sleeper: that is cheaper
    sleep.sleep();
    REQUIRE(sleep.end_search());

    sleep.begin_start();
    REQUIRE_FALSE(sleep.notify());
    sleep.cancel_start();
    REQUIRE(sleep.notify());  // tried again
    sleep.set_unstarted(0);
    REQUIRE_FALSE(sleep.notify());
    sleep.set_unstarted(eventcount::most_workers);
    REQUIRE(sleep.wants_start());
    sleep.set_unstarted(1);
    REQUIRE(sleep.wants_start());
    sleep.begin_start();
    REQUIRE(sleep.end_search());
    REQUIRE_FALSE(sleep.notify());
}

TEST_CASE("all sleepers can be woken at once", "[concurrent]") {
    eventcount sleep;
    std::vector<std::thread> sleepers;
    std::atomic<int> prepared{0};
    for (int i = 0; i != 4; ++i) {
        sleepers.emplace_back([&] {
            sleep.begin_search();
            sleep.prepare_sleep();
            ++prepared;
            sleep.sleep();
        });
    }
    while (prepared != 4) std::this_thread::yield();
    sleep.notify_all();
    for (auto& sleeper : sleepers) sleeper.join();
    for (int i = 0; i != 3; ++i) REQUIRE_FALSE(sleep.end_search());
    REQUIRE(sleep.end_search());
}

TEST_CASE("workers that sleep by the protocol take everything that is pushed", "[concurrent]") {
    constexpr int total = 20'000;
    constexpr int workers = 3;
    constexpr int producers = 2;
    eventcount sleep;
    std::atomic<int> queue{0};
    std::atomic<int> taken{0};
    const auto take = [&queue] {
        int seen = queue.load();
        while (seen > 0) {
            if (queue.compare_exchange_weak(seen, seen - 1)) return true;
        }
        return false;
    };
    std::vector<std::thread> threads;
    for (int w = 0; w != workers; ++w) {
        threads.emplace_back([&] {
            sleep.begin_search();
            for (;;) {
                if (take()) {
                    if (sleep.end_search() && queue != 0) static_cast<void>(sleep.notify());
                    if (++taken == total) sleep.notify_all();
                    sleep.begin_search();
                    continue;
                }
                sleep.prepare_sleep();
                if (queue != 0) {
                    sleep.withdraw();
                } else if (taken == total) {
                    return;
                } else {
                    sleep.sleep();
                }
            }
        });
    }
    for (int p = 0; p != producers; ++p) {
        threads.emplace_back([&] {
            for (int i = 0; i != total / producers; ++i) {
                ++queue;
                static_cast<void>(sleep.notify());
                if (i % 64 == 0) std::this_thread::yield();
            }
        });
    }
    for (auto& thread : threads) thread.join();
    REQUIRE(taken == total);
}
