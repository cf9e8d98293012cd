// SPDX-License-Identifier: MIT
#include <yoke/queue/bounded_queue.hpp>

#include "catch.hpp"
#include "support/queue_waits.hpp"

#include <atomic>
#include <cstdint>
#include <latch>
#include <memory>
#include <numeric>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace {

/// Joins at the end of its scope.
template <class F>
std::jthread run(F f) {
    return std::jthread(std::move(f));
}

/// Counts its living instances.
struct counted {
    explicit counted(std::atomic<int>& where) : alive(&where) { ++*alive; }
    counted(counted&& other) noexcept : alive(other.alive) { ++*alive; }
    counted& operator=(counted&&) = delete;
    ~counted() { --*alive; }
    std::atomic<int>* alive;
};

/// Throws when it is moved the n-th time.
struct fragile {
    explicit fragile(int moves) : moves_left(moves) {}
    fragile(fragile&& other) : moves_left(other.moves_left - 1) {
        if (moves_left < 0) throw std::runtime_error("moved once too often");
    }
    int moves_left;
};

}  // namespace

TEST_CASE("Items come out in the order in which they went in") {
    yoke::bounded_queue<std::string> queue(3);
    CHECK(queue.capacity() == 3);
    for (int round = 0; round < 5; ++round) {
        CHECK(queue.push("a"));
        CHECK(queue.push("b"));
        CHECK(queue.size() == 2);
        CHECK(queue.pop() == "a");
        CHECK(queue.pop() == "b");
    }
    CHECK(queue.size() == 0);
}

TEST_CASE("A queue without room for anything is refused") {
    REQUIRE_THROWS_AS(yoke::bounded_queue<int>(0), std::invalid_argument);
}

TEST_CASE("try_push and try_pop never wait") {
    yoke::bounded_queue<std::unique_ptr<int>> queue(1);
    CHECK_FALSE(queue.try_pop());
    CHECK(queue.try_push(std::make_unique<int>(1)));
    auto second = std::make_unique<int>(2);
    CHECK_FALSE(queue.try_push(std::move(second)));
    REQUIRE(second);  // untouched
    CHECK(*queue.try_pop().value() == 1);
    CHECK_FALSE(queue.try_pop());
}

TEST_CASE("A closed queue hands out what is in it, then nothing, and takes nothing") {
    yoke::bounded_queue<std::unique_ptr<int>> queue(4);
    REQUIRE(queue.push(std::make_unique<int>(1)));
    REQUIRE(queue.push(std::make_unique<int>(2)));
    queue.close();
    queue.close();
    CHECK(queue.is_closed());
    auto late = std::make_unique<int>(3);
    CHECK_FALSE(queue.push(std::move(late)));
    CHECK_FALSE(queue.try_push(std::move(late)));
    CHECK(late);
    CHECK_FALSE(queue.push(yoke::poison_pill));
    CHECK(*queue.pop().value() == 1);
    CHECK(*queue.pop().value() == 2);
    for (int i = 0; i < 3; ++i) CHECK_FALSE(queue.pop());
}

TEST_CASE("A pill stops one consumer, in its place among the items") {
    yoke::bounded_queue<int> queue(4);
    REQUIRE(queue.push(1));
    queue.push(yoke::poison_pill);
    REQUIRE(queue.push(2));
    CHECK(queue.size() == 2);
    CHECK(queue.pop() == 1);
    CHECK_FALSE(queue.pop());
    CHECK(queue.pop() == 2);
}

TEST_CASE("Pills need no room, however many") {
    yoke::bounded_queue<int> queue(1);
    REQUIRE(queue.push(1));
    for (int i = 0; i < 100; ++i) CHECK(queue.push(yoke::poison_pill));
    CHECK(queue.pop() == 1);
    REQUIRE(queue.push(2));
    for (int i = 0; i < 100; ++i) CHECK_FALSE(queue.pop());
    CHECK(queue.pop() == 2);
}

TEST_CASE("try_pop leaves a pill for a pop, and does not pass it") {
    yoke::bounded_queue<int> queue(2);
    queue.push(yoke::poison_pill);
    REQUIRE(queue.push(1));
    CHECK_FALSE(queue.try_pop());
    CHECK_FALSE(queue.try_pop());
    CHECK_FALSE(queue.pop());
    CHECK(queue.try_pop() == 1);
}

TEST_CASE("Closing voids the pills that nobody took") {
    yoke::bounded_queue<int> queue(4);
    queue.push(yoke::poison_pill);
    REQUIRE(queue.push(1));
    queue.close();
    CHECK(queue.pop() == 1);
    CHECK_FALSE(queue.pop());
}

TEST_CASE("Closing a full queue needs no room, even when nobody is left to take anything") {
    yoke::bounded_queue<int> queue(1);
    REQUIRE(queue.push(1));
    queue.push(yoke::poison_pill);
    queue.push(yoke::poison_pill);
    queue.close();
    CHECK(queue.size() == 1);
}

TEST_CASE("Producers that wait for room wake when the queue closes and keep their items", "[concurrent]") {
    yoke::bounded_queue<std::unique_ptr<int>> queue(1);
    REQUIRE(queue.push(std::make_unique<int>(-1)));
    std::atomic<int> refused{0};
    std::atomic<int> kept{0};
    std::latch started(9);
    {
        std::vector<std::jthread> producers;
        for (int i = 0; i < 8; ++i) {
            producers.push_back(run([&, i] {
                auto item = std::make_unique<int>(i);
                started.arrive_and_wait();
                if (!queue.push(std::move(item))) {
                    ++refused;
                    if (item && *item == i) ++kept;
                }
            }));
        }
        started.arrive_and_wait();
        queue.close();
    }
    CHECK(refused == 8);
    CHECK(kept == 8);
    CHECK(*queue.pop().value() == -1);
    CHECK_FALSE(queue.pop());
}

TEST_CASE("One close stops any number of waiting consumers", "[concurrent]") {
    for (int consumers : {1, 7}) {
        yoke::bounded_queue<int> queue(4);
        std::atomic<int> sum{0};
        std::atomic<int> stopped{0};
        {
            std::vector<std::jthread> crew;
            for (int i = 0; i < consumers; ++i) {
                crew.push_back(run([&] {
                    while (auto item = queue.pop()) sum += *item;
                    ++stopped;
                }));
            }
            for (int i = 1; i <= 100; ++i) static_cast<void>(queue.push(i));
            queue.close();
        }
        CHECK(sum == 5050);
        CHECK(stopped == consumers);
    }
}

TEST_CASE("Seven producers and one consumer end cleanly without anybody counting", "[concurrent]") {
    yoke::bounded_queue<int> queue(2);
    long sum = 0;
    {
        std::vector<std::jthread> producers;
        for (int p = 0; p < 7; ++p) {
            producers.push_back(run([mine = queue.register_producer()]() mutable {
                for (int i = 0; i < 200; ++i) static_cast<void>(mine.push(1));
            }));
        }
        while (auto item = queue.pop()) sum += *item;
    }
    CHECK(sum == 1400);
    CHECK(queue.is_closed());
}

TEST_CASE("Every pill stops exactly one of many consumers, after all items before it", "[concurrent]") {
    yoke::bounded_queue<int> queue(8);
    std::atomic<int> taken{0};
    std::atomic<int> stopped{0};
    std::vector<std::jthread> crew;
    for (int i = 0; i < 5; ++i) {
        crew.push_back(run([&] {
            while (queue.pop()) ++taken;
            ++stopped;
            stopped.notify_all();
        }));
    }
    for (int pills = 1; pills <= 4; ++pills) {
        for (int i = 0; i < 50; ++i) static_cast<void>(queue.push(i));
        queue.push(yoke::poison_pill);
        for (int now = stopped; now != pills; now = stopped) stopped.wait(now);
        CHECK(taken >= 50 * pills - 4);  // all are taken; the others may not have counted theirs yet
    }
    REQUIRE(queue.push(7));
    queue.close();
    crew.clear();
    CHECK(taken == 201);
    CHECK(stopped == 5);
}

TEST_CASE("The queue closes when the last of several producers leaves, the slow one included",
          "[concurrent]") {
    yoke::bounded_queue<int> queue(3);
    std::vector<int> last(4, -1);
    bool in_order = true;
    int items = 0;
    std::latch others_left(3);
    {
        std::vector<std::jthread> producers;
        for (int p = 0; p < 4; ++p) {
            producers.push_back(run([&, p, mine = queue.register_producer()]() mutable {
                if (p == 3) others_left.wait();
                for (int i = 0; i < 100; ++i) static_cast<void>(mine.push(p * 1000 + i));
                mine.leave();
                mine.leave();
                if (p != 3) others_left.count_down();
            }));
        }
        while (auto item = queue.pop()) {
            const auto p = static_cast<std::size_t>(*item / 1000);
            in_order = in_order && *item % 1000 == last[p] + 1;
            last[p] = *item % 1000;
            ++items;
        }
    }
    CHECK(items == 400);
    CHECK(in_order);
}

TEST_CASE("A producer handle counts by copy, not by move") {
    yoke::bounded_queue<int> queue(4);
    auto first = queue.register_producer();
    auto second = first;
    auto third = std::move(second);
    CHECK_FALSE(second.push(1));  // moved from: no registration
    first.leave();
    CHECK_FALSE(first.push(1));
    CHECK_FALSE(queue.is_closed());
    CHECK(third.push(1));
    third = queue.register_producer();  // the old registration ends, a new one is there already
    CHECK_FALSE(queue.is_closed());
    third.leave();
    CHECK(queue.is_closed());
}

TEST_CASE("push_all and pop_some move many items and keep the order and the pills", "[concurrent]") {
    yoke::bounded_queue<int> queue(8);
    std::vector<int> all(1000);
    std::iota(all.begin(), all.end(), 0);
    std::vector<int> got;
    std::size_t pushed = 0;
    {
        auto producer = run([&] {
            pushed = queue.push_all(all);
            queue.push(yoke::poison_pill);
            static_cast<void>(queue.push(-1));
        });
        while (queue.pop_some(got, 5) != 0) {}
    }
    CHECK(pushed == all.size());
    CHECK(got == all);
    got.clear();
    CHECK(queue.pop_some(got) == 1);
    CHECK(got == std::vector<int>{-1});
    CHECK_THROWS_AS(queue.pop_some(got, 0), std::invalid_argument);
    queue.close();
    CHECK(queue.pop_some(got) == 0);
}

TEST_CASE("push_all into a queue that closes returns how many went in and leaves the others untouched",
          "[concurrent]") {
    yoke::bounded_queue<std::unique_ptr<int>> queue(2);
    std::vector<std::unique_ptr<int>> items;
    for (int i = 0; i < 5; ++i) items.push_back(std::make_unique<int>(i));
    std::size_t done = 0;
    {
        auto producer = run([&] { done = queue.push_all(items); });
        CHECK(*queue.pop().value() == 0);
        queue.close();
    }
    REQUIRE(done >= 1);
    REQUIRE(done <= 3);
    for (std::size_t i = 0; i < items.size(); ++i) CHECK((items[i] == nullptr) == (i < done));
}

TEST_CASE("push_all into a closed queue that is full returns at once") {
    yoke::bounded_queue<int> queue(2);
    REQUIRE(queue.push(1));
    REQUIRE(queue.push(2));
    queue.close();
    std::vector<int> items{3, 4};
    CHECK(queue.push_all(items) == 0);
    CHECK(queue.pop() == 1);
    CHECK(queue.push_all(items) == 0);
    CHECK(items == std::vector<int>{3, 4});
}

TEST_CASE("Items that nobody took die with the queue") {
    std::atomic<int> alive{0};
    {
        yoke::bounded_queue<counted> queue(3);
        static_cast<void>(queue.push(counted(alive)));
        static_cast<void>(queue.push(counted(alive)));
        queue.pop();
        static_cast<void>(queue.push(counted(alive)));
        CHECK(alive == 2);
    }
    CHECK(alive == 0);
}

TEST_CASE("A throwing move loses no item and no other thread's wake", "[concurrent]") {
    yoke::bounded_queue<fragile> queue(2);
    REQUIRE(queue.push(fragile(1)));  // survives the way in, not the way out
    CHECK_THROWS_AS(queue.pop(), std::runtime_error);
    CHECK(queue.size() == 1);
    CHECK_THROWS_AS(queue.push(fragile(0)), std::runtime_error);
    CHECK(queue.size() == 1);

    yoke::bounded_queue<fragile> other(1);
    std::atomic<int> failures{0};
    std::atomic<int> pushed{0};
    {
        std::vector<std::jthread> producers;
        static_cast<void>(other.push(fragile(9)));
        for (int i = 0; i < 4; ++i) {
            producers.push_back(run([&, i] {
                fragile item(i % 2 == 0 ? 0 : 9);
                try {
                    if (other.push(std::move(item))) ++pushed;
                } catch (const std::runtime_error&) {
                    ++failures;
                }
            }));
        }
        for (int i = 0; i < 3; ++i) CHECK(other.pop());
    }
    CHECK(failures == 2);
    CHECK(pushed == 2);
}

TEST_CASE("Nothing is lost or doubled among many producers and consumers of a small queue", "[concurrent]") {
    constexpr int producers = 4;
    constexpr int each = 5000;
    yoke::bounded_queue<int> queue(3);
    std::vector<std::atomic<int>> seen(producers * each);
    {
        std::vector<std::jthread> threads;
        for (int c = 0; c < 4; ++c) {
            threads.push_back(run([&, c] {
                std::vector<int> some;
                for (;;) {
                    if (c % 2 == 0) {
                        const auto item = queue.pop();
                        if (!item) return;
                        ++seen[static_cast<std::size_t>(*item)];
                    } else {
                        some.clear();
                        if (queue.pop_some(some, 2) == 0) return;
                        for (int item : some) ++seen[static_cast<std::size_t>(item)];
                    }
                }
            }));
        }
        auto first = queue.register_producer();  // until all of them are
        for (int p = 0; p < producers; ++p) {
            threads.push_back(run([p, mine = queue.register_producer()]() mutable {
                for (int i = 0; i < each; ++i) {
                    const int item = p * each + i;
                    if (i % 3 != 0 || !mine.try_push(item)) static_cast<void>(mine.push(item));
                }
            }));
        }
        first.leave();
    }
    bool once = true;
    for (auto& count : seen) once = once && count == 1;
    CHECK(once);
}

TEST_CASE("The last consumer may destroy the queue while the producer that closed it is on its way out",
          "[concurrent]") {
    for (int round = 0; round < 300; ++round) {
        auto queue = std::make_unique<yoke::bounded_queue<int>>(1);
        auto producer = run([mine = queue->register_producer()]() mutable {
            static_cast<void>(mine.push(1));
            static_cast<void>(mine.push(2));
        });
        int sum = 0;
        while (auto item = queue->pop()) sum += *item;
        queue.reset();
        REQUIRE(sum == 3);
    }
}

TEST_CASE("Each pop ends as it should in each situation, and loses nothing", "[concurrent]") {
    yoke_test::each_pop_in_each_situation(
        [](std::size_t capacity) { return std::make_unique<yoke::bounded_queue<std::string>>(capacity); });
}

TEST_CASE("Each push ends as it should in each situation, and its item stays if it fails", "[concurrent]") {
    yoke_test::each_push_in_each_situation(
        [](std::size_t capacity) { return std::make_unique<yoke::bounded_queue<std::string>>(capacity); });
}

TEST_CASE("Waits that run out of time or are stopped lose no item and wake the next", "[concurrent]") {
    for (int round = 0; round != 20; ++round) {
        yoke_test::stress_of_all_calls(
            [](std::size_t capacity) { return std::make_unique<yoke::bounded_queue<std::string>>(capacity); },
            500);
    }
}

TEST_CASE("A taker that is stopped while an item is on its way hands it on to the next", "[concurrent]") {
    const yoke_test::watchdog dog("a stopped taker");
    for (int round = 0; round != 300; ++round) {
        yoke::bounded_queue<int> queue(1);
        std::stop_source stop;
        std::atomic<int> taken{0};
        const auto stopped = run([&] { taken += queue.pop(stop.get_token()).value_or(0); });
        const auto other = run([&] { taken += queue.pop().value_or(0); });
        const auto stopper = run([&] { stop.request_stop(); });
        REQUIRE(queue.push(1));
        // Taken by either; if nobody is told of it, the other sleeps and this never ends.
        while (taken == 0) std::this_thread::yield();
        queue.close();
    }
}

TEST_CASE("A queue that is closed by hand_back gives its items back in order, also late") {
    yoke::bounded_queue<std::unique_ptr<int>> queue(3);
    for (int i = 0; i != 3; ++i) REQUIRE(queue.push(std::make_unique<int>(i)));
    REQUIRE(*queue.pop().value() == 0);
    REQUIRE(queue.push(std::make_unique<int>(3)));  // the ring has wrapped
    queue.close();
    const auto rest = queue.close(yoke::hand_back);
    REQUIRE(rest.size() == 3);
    for (std::size_t i = 0; i != 3; ++i) CHECK(*rest[i] == static_cast<int>(i) + 1);
    CHECK_FALSE(queue.pop());
    CHECK(queue.close(yoke::hand_back).empty());
}

TEST_CASE("A pop that only asks takes what is there, a pill too") {
    yoke::bounded_queue<int> queue(2);
    REQUIRE(queue.pop_for(std::chrono::nanoseconds::min()).status == yoke::queue_status::timeout);
    REQUIRE(queue.push(1));
    REQUIRE(queue.push(yoke::poison_pill));
    REQUIRE(queue.pop_for(std::chrono::seconds(-1)).value() == 1);
    REQUIRE(queue.pop_for(std::chrono::seconds(0)).status == yoke::queue_status::done);
    REQUIRE(queue.pop_until(std::chrono::steady_clock::time_point::min()).status ==
            yoke::queue_status::timeout);
    REQUIRE(queue.push_for(1, std::chrono::hours::min()));
    auto mine = queue.register_producer();
    REQUIRE(mine.push_until(2, std::chrono::steady_clock::time_point::min()));
    REQUIRE_FALSE(mine.push_for(3, std::chrono::seconds(0)));
    REQUIRE_FALSE(mine.try_push(3));
    mine.leave();
    REQUIRE_FALSE(mine.push(4, std::stop_token()));
}
