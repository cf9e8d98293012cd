// SPDX-License-Identifier: MIT
// labels: concurrent
#include "catch.hpp"

#include <yoke/detail/admission.hpp>

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

using yoke::detail::admission;

namespace {

constexpr auto nothing = []() noexcept {};

}  // namespace

TEST_CASE("a closed door turns visitors away and tells when the last one has left") {
    admission door;
    int drained = 0;
    const auto count = [&drained]() noexcept { ++drained; };
    REQUIRE(door.enter());
    REQUIRE(door.enter());
    REQUIRE_FALSE(door.closed());
    REQUIRE_FALSE(door.drained());
    REQUIRE_FALSE(door.close());
    REQUIRE(door.closed());
    door.leave(count);
    REQUIRE(drained == 0);
    REQUIRE_FALSE(door.drained());
    door.leave(count);
    REQUIRE(drained == 1);
    REQUIRE(door.drained());
    REQUIRE_FALSE(door.enter());
    door.leave(count);
    REQUIRE(drained == 2);
    REQUIRE(door.close());
}

TEST_CASE("an open door that nobody is behind is not drained") {
    admission door;
    REQUIRE_FALSE(door.drained());
    door.wait();
    REQUIRE(door.enter());
    door.leave(nothing);
    REQUIRE_FALSE(door.drained());
    door.wait();
}

TEST_CASE("who waits for the visitors sees all that they did", "[concurrent]") {
    admission door;
    for (int round = 0; round != 500; ++round) {
        int plain[3] = {};  // not atomic: a thread sanitizer sees whether wait() orders the visitors' writes
        for (int v = 0; v != 3; ++v) REQUIRE(door.enter());
        std::vector<std::thread> visitors;
        for (int v = 0; v != 3; ++v) {
            visitors.emplace_back([&door, &plain, v] {
                plain[v] = 1;
                door.leave(nothing);
            });
        }
        std::thread other([&door] { door.wait(); });
        door.wait();
        REQUIRE(plain[0] + plain[1] + plain[2] == 3);
        other.join();
        for (auto& visitor : visitors) visitor.join();
    }
}

TEST_CASE("a wait that begins while somebody is inside does not end by an earlier emptying", "[concurrent]") {
    admission door;
    std::atomic<bool> stop{false};
    std::thread traffic([&] {
        while (!stop) {
            if (door.enter()) door.leave(nothing);
        }
    });
    std::thread onlooker([&] {
        while (!stop) door.wait();
    });
    int early = 0;
    for (int round = 0; round != 3000; ++round) {
        REQUIRE(door.enter());
        std::atomic<bool> left{false};
        std::thread guest;
        if (round % 100 == 0) {
            guest = std::thread([&] {
                left = true;
                door.leave(nothing);
            });
            door.wait();
            if (!left) ++early;
            guest.join();
        } else {
            door.leave(nothing);
        }
    }
    stop = true;
    traffic.join();
    onlooker.join();
    REQUIRE(early == 0);
}

TEST_CASE("the door may be destroyed as soon as it is drained", "[concurrent]") {
    for (int round = 0; round != 1000; ++round) {
        auto door = std::make_unique<admission>();
        int told = 0;  // written under the door's lock
        REQUIRE(door->enter());
        std::thread last([&door = *door, &told] { door.leave([&told]() noexcept { ++told; }); });
        door->close();
        while (!door->drained()) std::this_thread::yield();
        door.reset();
        last.join();
        REQUIRE(told <= 1);
    }
}
