// SPDX-License-Identifier: MIT
#include "catch.hpp"
#include "support/asleep.hpp"

#include <yoke/executor/thread/pause_gate.hpp>

#include <atomic>
#include <thread>
#include <utility>
#include <vector>

using yoke::detail::pause_gate;

TEST_CASE("a gate is open, closed, or open for good") {
    pause_gate gate;
    const auto stay = []() noexcept { return false; };
    REQUIRE_FALSE(gate.closed());
    REQUIRE(gate.wait(stay));
    gate.close();
    gate.close();
    REQUIRE(gate.closed());
    REQUIRE_FALSE(gate.wait([]() noexcept { return true; }));
    gate.ring();
    REQUIRE(gate.closed());
    gate.open();
    REQUIRE_FALSE(gate.closed());
    gate.close();
    gate.open_always();
    REQUIRE_FALSE(gate.closed());
    gate.close();
    REQUIRE_FALSE(gate.closed());
    REQUIRE(gate.wait(stay));
}

TEST_CASE("who waits at a gate goes on when it opens, and leaves when told", "[concurrent]") {
    for (int round = 0; round != 300; ++round) {
        pause_gate gate;
        gate.close();
        std::atomic<bool> leave{false};
        std::atomic<int> passed{0};
        std::atomic<int> left{0};
        std::vector<std::thread> waiting;
        for (int i = 0; i != 3; ++i) {
            waiting.emplace_back([&] {
                if (gate.wait([&]() noexcept { return leave.load(); })) {
                    ++passed;
                } else {
                    ++left;
                }
            });
        }
        if (round % 3 == 0) {
            gate.open();
        } else if (round % 3 == 1) {
            gate.open_always();
        } else {
            leave = true;
            gate.ring();
        }
        for (auto& thread : waiting) thread.join();
        REQUIRE(passed == (round % 3 == 2 ? 0 : 3));
        REQUIRE(left == (round % 3 == 2 ? 3 : 0));
    }
}

TEST_CASE("a ring that comes after the look around and before the sleep is not lost") {
    pause_gate gate;
    gate.close();
    bool told = false;
    REQUIRE_FALSE(gate.wait([&]() noexcept {
        if (std::exchange(told, true)) return true;
        gate.ring();
        return false;  // what was true when it looked
    }));
}

TEST_CASE("an opened gate lets all go on who sleep at it", "[concurrent]") {
    pause_gate gate;
    gate.close();
    std::atomic<int> passed{0};
    yoke_test::sleepers waiting;
    for (int i = 0; i != 3; ++i) {
        waiting.add([&] {
            if (gate.wait([]() noexcept { return false; })) ++passed;
        });
    }
    REQUIRE(waiting.all_asleep());
    gate.open();
    waiting.join();
    REQUIRE(passed == 3);
}
