// SPDX-License-Identifier: MIT
// labels: concurrent
#include "catch.hpp"
#include "support/asleep.hpp"

#include <yoke/executor/thread/semaphore.hpp>

#include <algorithm>
#include <atomic>
#include <thread>
#include <utility>
#include <vector>

using yoke::detail::places;

namespace {

constexpr auto not_closed = []() noexcept { return false; };

}  // namespace

TEST_CASE("there are as many places as the limit says") {
    places bounded(2);
    REQUIRE(bounded.try_take());
    REQUIRE(bounded.take(not_closed));
    REQUIRE_FALSE(bounded.try_take());
    bounded.release();
    REQUIRE(bounded.try_take());
    bounded.take_extra();
    bounded.release();
    REQUIRE_FALSE(bounded.try_take());
    bounded.release();
    REQUIRE(bounded.try_take());
}

TEST_CASE("without a limit there is always a place") {
    places unbounded(places::unlimited);
    for (int i = 0; i != 1000; ++i) REQUIRE(unbounded.try_take());
    unbounded.release();
}

TEST_CASE("threads wait for a place, and never are more inside than there are places", "[concurrent]") {
    places bounded(2);
    std::atomic<int> inside{0};
    std::atomic<int> most{0};
    std::atomic<int> taken{0};
    std::vector<std::thread> threads;
    for (int t = 0; t != 4; ++t) {
        threads.emplace_back([&] {
            for (int i = 0; i != 2000; ++i) {
                if (!bounded.take(not_closed)) return;
                const int now = ++inside;
                int seen = most.load();
                while (seen < now && !most.compare_exchange_weak(seen, now)) {}
                ++taken;
                --inside;
                bounded.release();
            }
        });
    }
    for (auto& thread : threads) thread.join();
    REQUIRE(taken == 8000);
    REQUIRE(most <= 2);
}

TEST_CASE("all who wait for a place give up when told that there will be none", "[concurrent]") {
    places bounded(1);
    REQUIRE(bounded.try_take());
    std::atomic<bool> closed{false};
    std::atomic<int> refused{0};
    yoke_test::sleepers waiting;
    for (int t = 0; t != 3; ++t) {
        waiting.add([&] {
            if (!bounded.take([&closed]() noexcept { return closed.load(); })) ++refused;
        });
    }
    REQUIRE(waiting.all_asleep());
    closed = true;
    bounded.wake_all();
    waiting.join();
    REQUIRE(refused == 3);
}

TEST_CASE("a wake that comes after the last look and before the sleep is not lost") {
    places bounded(1);
    REQUIRE(bounded.try_take());
    bool closed = false;
    REQUIRE_FALSE(bounded.take([&]() noexcept {
        if (std::exchange(closed, true)) return true;
        bounded.wake_all();
        return false;  // what was true when it looked
    }));
}

TEST_CASE("a place given back wakes one who sleeps for it", "[concurrent]") {
    places bounded(1);
    REQUIRE(bounded.try_take());
    std::atomic<int> taken{0};
    yoke_test::sleepers waiting;
    for (int t = 0; t != 3; ++t) {
        waiting.add([&] {
            if (bounded.take(not_closed)) ++taken;
            bounded.release();
        });
    }
    REQUIRE(waiting.all_asleep());
    bounded.release();
    waiting.join();
    REQUIRE(taken == 3);
}
