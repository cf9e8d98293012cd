// SPDX-License-Identifier: MIT
// labels: concurrent
#include "catch.hpp"

#include <yoke/executor/thread/admission.hpp>

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

using yoke::detail::admission;
using yoke::detail::no_worker;

namespace {

constexpr auto nothing = []() noexcept {};

}  // namespace

TEST_CASE("a closed door turns visitors away and tells when the last one has left") {
    admission door;
    door.add_worker();
    int drained = 0;
    const auto count = [&drained]() noexcept { ++drained; };
    REQUIRE(door.enter(no_worker));
    REQUIRE(door.enter(no_worker));
    REQUIRE(door.enter(0));
    REQUIRE_FALSE(door.closed());
    REQUIRE_FALSE(door.settle(0, count));
    REQUIRE_FALSE(door.close());
    REQUIRE(door.closed());
    REQUIRE_FALSE(door.enter(no_worker));
    REQUIRE_FALSE(door.enter(0));
    door.leave(no_worker, count);
    door.leave(0, count);
    REQUIRE_FALSE(door.settle(0, count));
    REQUIRE(drained == 0);
    door.leave(no_worker, count);
    REQUIRE(drained == 1);
    REQUIRE(door.settle(0, count));
    REQUIRE(drained == 2);
    REQUIRE(door.close());
}

TEST_CASE("a task may come in by a worker and leave by a visitor, and the other way round") {
    admission door;
    for (int i = 0; i != 2; ++i) door.add_worker();
    REQUIRE(door.enter(0));
    REQUIRE(door.enter(no_worker));
    door.leave(1, nothing);
    REQUIRE_FALSE(door.close());
    door.leave(no_worker, nothing);
    REQUIRE(door.close());
    REQUIRE(door.entered() == 2);
    REQUIRE(door.left() == 2);
}

TEST_CASE("an open door that nobody is behind is not drained") {
    admission door;
    door.add_worker();
    REQUIRE_FALSE(door.settle(0, nothing));
    door.wait();
    REQUIRE(door.enter(no_worker));
    door.leave(0, nothing);
    REQUIRE_FALSE(door.settle(0, nothing));
    door.wait();
}

TEST_CASE("a visitor that comes in behind a closed door keeps the house from being empty") {
    admission door;
    door.add_worker();
    REQUIRE(door.close());
    door.enter_anyway();
    REQUIRE_FALSE(door.close());
    int drained = 0;
    door.leave(no_worker, [&drained]() noexcept { ++drained; });
    REQUIRE(drained == 1);
}

TEST_CASE("who waits for the visitors sees all that they did", "[concurrent]") {
    admission door;
    for (int i = 0; i != 3; ++i) door.add_worker();
    for (int round = 0; round != 500; ++round) {
        int plain[4] = {};  // not atomic: a thread sanitizer sees whether wait() orders the visitors' writes
        for (int v = 0; v != 4; ++v) REQUIRE(door.enter(no_worker));
        std::vector<std::thread> visitors;
        for (std::size_t v = 0; v != 4; ++v) {
            visitors.emplace_back([&door, &plain, v] {
                plain[v] = 1;
                if (v == 3) return door.leave(no_worker, nothing);
                door.leave(v, nothing);
                static_cast<void>(door.settle(v, nothing));
            });
        }
        std::thread other([&door] { door.wait(); });
        door.wait();
        REQUIRE(plain[0] + plain[1] + plain[2] + plain[3] == 4);
        other.join();
        for (auto& visitor : visitors) visitor.join();
    }
}

TEST_CASE("a wait that begins while somebody is inside does not end by an earlier emptying", "[concurrent]") {
    admission door;
    door.add_worker();
    std::atomic<bool> stop{false};
    std::thread traffic([&] {
        while (!stop) {
            if (door.enter(no_worker)) door.leave(no_worker, nothing);
        }
    });
    std::thread onlooker([&] {
        while (!stop) door.wait();
    });
    int early = 0;
    for (int round = 0; round != 3000; ++round) {
        REQUIRE(door.enter(no_worker));
        std::atomic<bool> left{false};
        std::thread guest;
        if (round % 100 == 0) {
            guest = std::thread([&] {
                left = true;
                door.leave(0, nothing);
                static_cast<void>(door.settle(0, nothing));
            });
            door.wait();
            if (!left) ++early;
            guest.join();
        } else {
            door.leave(no_worker, nothing);
        }
    }
    stop = true;
    traffic.join();
    onlooker.join();
    REQUIRE(early == 0);
}

TEST_CASE("the door may be destroyed as soon as a worker has found it drained", "[concurrent]") {
    for (int round = 0; round != 1000; ++round) {
        auto door = std::make_unique<admission>();
        door->add_worker();
        int told = 0;  // written under the door's lock
        const auto tell = [&told]() noexcept { ++told; };
        REQUIRE(door->enter(no_worker));
        std::thread last([&door = *door, &tell] { door.leave(no_worker, tell); });
        door->close();
        while (!door->settle(0, tell)) std::this_thread::yield();
        door.reset();
        last.join();
        REQUIRE(told <= 2);
    }
}

TEST_CASE("who waits with a time limit gives up, or sees the house empty", "[concurrent]") {
    using namespace std::chrono_literals;
    const auto now = [] { return std::chrono::steady_clock::now(); };
    admission door;
    REQUIRE(door.wait_until(now() - 1s));  // nobody is inside
    REQUIRE(door.enter(no_worker));
    REQUIRE_FALSE(door.wait_until(now() - 1s));
    REQUIRE_FALSE(door.wait_until(now() + 1ms));
    std::thread visitor([&door] { door.leave(no_worker, [] {}); });
    REQUIRE(door.wait_until(std::chrono::steady_clock::time_point::max()));
    visitor.join();
    REQUIRE_FALSE(door.drained());
    REQUIRE(door.close());
    REQUIRE(door.drained());
}

TEST_CASE("workers may be added while others come and go", "[concurrent]") {
    constexpr std::size_t workers = 40;
    admission door;
    std::vector<std::thread> threads;
    for (std::size_t w = 0; w != workers; ++w) {
        door.add_worker();
        threads.emplace_back([&door, w] {
            for (int i = 0; i != 100; ++i) {
                if (door.enter(w)) door.leave(w, [] {});
            }
            static_cast<void>(door.settle(w, [] {}));
        });
        if (w % 8 == 0) door.wait();
    }
    door.wait();
    for (auto& thread : threads) thread.join();
    REQUIRE(door.entered() == 100 * workers);
    REQUIRE(door.left() == door.entered());
    REQUIRE(door.left_by(7) == 100);
}
