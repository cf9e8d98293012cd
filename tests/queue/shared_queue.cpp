// SPDX-License-Identifier: MIT
// labels: process
#include "catch.hpp"
#include "support/queue_waits.hpp"

#include <yoke/executor/process_pool.hpp>
#include <yoke/executor/this_task.hpp>
#include <yoke/queue/shared_queue.hpp>

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <map>
#include <memory>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace {

using numbers = yoke::shared_queue_handle<int>;

/// Takes items until it is told to stop; returns them in the order in which it got them.
std::vector<int> take_all(numbers queue) {
    std::vector<int> taken;
    while (const auto next = queue.pop()) taken.push_back(*next);
    return taken;
}
void push_range(numbers queue, int from, int to) {
    for (int i = from; i != to; ++i)
        if (!queue.push(i)) return;
}
int take_one_and_die(numbers queue) {
    const auto taken = queue.pop();
    std::raise(SIGKILL);
    return taken.value_or(-1);
}

}  // namespace

TEST_CASE("items cross to another process in the order in which they were pushed", "[process]") {
    yoke::process_pool pool(1);
    yoke::shared_queue<int> queue(4);  // far fewer than the items, so the producer has to wait
    auto taken = pool.submit(take_all, queue.handle());
    for (int i = 0; i < 1000; ++i) REQUIRE(queue.push(i));
    queue.close();
    const auto result = taken.get();
    REQUIRE(result.size() == 1000);
    for (int i = 0; i < 1000; ++i) REQUIRE(result[static_cast<std::size_t>(i)] == i);
}

TEST_CASE("every item goes to exactly one of several consumers, from several producers", "[process]") {
    yoke::process_pool pool(4);
    yoke::shared_queue<int> queue(16);
    std::vector<yoke::future<std::vector<int>>> consumers;
    for (int i = 0; i < 2; ++i) consumers.push_back(pool.submit(take_all, queue.handle()));
    auto low = pool.submit(push_range, queue.handle(), 0, 500);
    auto high = pool.submit(push_range, queue.handle(), 500, 1000);
    low.get();
    high.get();
    queue.close();
    std::map<int, int> seen;
    for (auto& consumer : consumers) {
        int last_low = -1;
        int last_high = -1;
        for (const int value : consumer.get()) {
            ++seen[value];
            int& last = value < 500 ? last_low : last_high;
            REQUIRE(value > last);  // one total order: each consumer sees each producer's items rising
            last = value;
        }
    }
    REQUIRE(seen.size() == 1000);
    for (const auto& [value, count] : seen) REQUIRE(count == 1);
}

TEST_CASE("a pill stops exactly one consumer, after the items before it") {
    yoke::shared_queue<int> queue(4);
    REQUIRE(queue.push(1));
    REQUIRE(queue.push(yoke::poison_pill));
    REQUIRE(queue.push(yoke::poison_pill));
    REQUIRE(queue.push(2));
    REQUIRE(queue.pop() == 1);
    REQUIRE(queue.try_pop() == std::nullopt);  // leaves the pill
    REQUIRE(queue.pop() == std::nullopt);
    REQUIRE(queue.pop() == std::nullopt);
    REQUIRE(queue.pop() == 2);
    REQUIRE(queue.size() == 0);
}

namespace {

/// An aggregate with a handle, which has no default constructor.
struct crew_post {
    std::string name;
    numbers jobs;
    int factor;
};
int sum_of(crew_post post) {
    int sum = 0;
    while (const auto next = post.jobs.pop()) sum += *next * post.factor;
    return static_cast<int>(post.name.size()) + sum;
}

}  // namespace

TEST_CASE("an aggregate takes a handle along to a worker process", "[process]") {
    yoke::process_pool pool(1);
    yoke::shared_queue<int> queue(8);
    auto sum = pool.submit(sum_of, crew_post{"four", queue.handle(), 10});
    for (int i = 1; i <= 4; ++i) REQUIRE(queue.push(i));
    queue.close();
    REQUIRE(sum.get() == 104);
}

TEST_CASE("a pill needs no room") {
    yoke::shared_queue<int> queue(1);
    for (int round = 0; round < 5; ++round) {
        REQUIRE(queue.push(round));
        REQUIRE_FALSE(queue.try_push(99));
        REQUIRE(queue.push(yoke::poison_pill));
        REQUIRE(queue.pop() == round);
        REQUIRE(queue.pop() == std::nullopt);
    }
}

TEST_CASE("one pill each stops a crew of worker processes", "[process]") {
    yoke::process_pool pool(3);
    yoke::shared_queue<int> queue(8);
    std::vector<yoke::future<std::vector<int>>> crew;
    for (int i = 0; i < 3; ++i) crew.push_back(pool.submit(take_all, queue.handle()));
    for (int i = 0; i < 100; ++i) REQUIRE(queue.push(i));
    for (int i = 0; i < 3; ++i) REQUIRE(queue.push(yoke::poison_pill));
    std::size_t taken = 0;
    for (auto& member : crew) taken += member.get().size();
    REQUIRE(taken == 100);
    REQUIRE_FALSE(queue.is_closed());
}

TEST_CASE("close lets items already in be taken, then everybody leaves") {
    yoke::shared_queue<std::string> queue(8);
    REQUIRE(queue.push("one"));
    REQUIRE(queue.push("two"));
    queue.close();
    queue.close();
    REQUIRE(queue.is_closed());
    REQUIRE_FALSE(queue.push("three"));
    REQUIRE_FALSE(queue.push(yoke::poison_pill));
    REQUIRE(queue.pop() == "one");
    REQUIRE(queue.try_pop() == "two");
    REQUIRE(queue.pop() == std::nullopt);
    REQUIRE(queue.pop() == std::nullopt);
}

TEST_CASE("close wakes producers that wait for room") {
    yoke::shared_queue<int> queue(1);
    REQUIRE(queue.push(0));
    std::atomic<int> refused{0};
    std::vector<std::thread> producers;
    for (int i = 0; i < 4; ++i) producers.emplace_back([&] { refused += queue.push(1) ? 0 : 1; });
    queue.close();
    for (auto& producer : producers) producer.join();
    REQUIRE(refused == 4);
    REQUIRE(queue.pop() == 0);
    REQUIRE(queue.pop() == std::nullopt);
}

TEST_CASE("an item that does not fit is refused with its size, the limit and the remedy") {
    yoke::shared_queue<std::string> queue(2, 64);
    REQUIRE(queue.push(std::string(40, 'x')));
    REQUIRE_THROWS_AS(queue.push(std::string(100, 'x')), yoke::message_too_large);
    REQUIRE_THROWS_WITH(queue.push(std::string(100, 'x')),
                        Catch::Matchers::ContainsSubstring("the limit is 64"));
    REQUIRE(queue.pop() == std::string(40, 'x'));
    REQUIRE(queue.size() == 0);
}

TEST_CASE("a queue without room is refused") {
    REQUIRE_THROWS_AS(yoke::shared_queue<int>(0), std::invalid_argument);
}

TEST_CASE("an item in the hand of a consumer that dies is lost with it, and no other", "[process]") {
    yoke::process_pool pool(2);
    yoke::shared_queue<int> queue(8);
    for (int i = 0; i < 5; ++i) REQUIRE(queue.push(i));
    REQUIRE_THROWS_AS(pool.submit(take_one_and_die, queue.handle()).get(), yoke::worker_lost);
    queue.close();
    REQUIRE(pool.submit(take_all, queue.handle()).get() == std::vector<int>{1, 2, 3, 4});
}

TEST_CASE("consumers killed at any moment never stop the queue", "[process]") {
    yoke::process_pool pool(2);
    yoke::shared_queue<int> queue(4);
    // One consumer is killed again and again while it takes items as fast as it can, now and then under the lock.
    for (int round = 0; round < 30; ++round) {
        auto victim = pool.submit(take_all, queue.handle());
        for (int i = 0; i < 50; ++i) REQUIRE(queue.push(i));
        REQUIRE(pool.submit([] { return 0; }).get() == 0);
        // A worker may be at work before the pool has heard of its start; the victim's must be among the two.
        while (pool.worker_pids().size() != 2) std::this_thread::yield();
        for (const int worker : pool.worker_pids()) ::kill(worker, SIGKILL);
        REQUIRE_THROWS_AS(victim.get(), yoke::worker_lost);
        while (queue.try_pop()) {}
    }
    REQUIRE(queue.push(7));
    queue.close();
    REQUIRE(pool.submit(take_all, queue.handle()).get() == std::vector<int>{7});
}

TEST_CASE("each pop of a shared queue ends as it should in each situation, and loses nothing", "[process]") {
    yoke_test::each_pop_in_each_situation(
        [](std::size_t capacity) { return std::make_unique<yoke::shared_queue<std::string>>(capacity); });
}

TEST_CASE("each push of a shared queue ends as it should in each situation", "[process]") {
    yoke_test::each_push_in_each_situation(
        [](std::size_t capacity) { return std::make_unique<yoke::shared_queue<std::string>>(capacity); });
}

TEST_CASE("waits on a shared queue that run out of time or are stopped lose no item", "[process]") {
    for (int round = 0; round != 5; ++round) {
        yoke_test::stress_of_all_calls(
            [](std::size_t capacity) { return std::make_unique<yoke::shared_queue<std::string>>(capacity); },
            500);
    }
}

namespace {

/// What a consumer elsewhere got, and how it ended.
std::pair<std::vector<int>, int> take_until_stopped(numbers queue) {
    std::vector<int> taken;
    for (;;) {
        const auto next = queue.pop(yoke::this_task::stop_token());
        if (!next) return {taken, static_cast<int>(next.status)};
        taken.push_back(*next);
    }
}
int take_for(numbers queue, int milliseconds) {
    return static_cast<int>(queue.pop_for(std::chrono::milliseconds(milliseconds)).status);
}
bool push_for(numbers queue, int item, int milliseconds) {
    return queue.push_for(item, std::chrono::milliseconds(milliseconds));
}

}  // namespace

TEST_CASE(
    "in another process, too, a wait ends by time, by stop and by close, and the rest goes to who closes",
    "[process]") {
    const yoke_test::watchdog dog("waits in another process", std::chrono::seconds(20));
    yoke::process_pool pool(2);
    yoke::shared_queue<int> queue(2);
    REQUIRE(pool.submit(take_for, queue.handle(), 2).get() == static_cast<int>(yoke::queue_status::timeout));
    // Its stop request reaches it while it sleeps, or before.
    std::stop_source stop;
    auto taker = pool.submit({.stop = stop.get_token()}, take_until_stopped, queue.handle());
    for (int i = 0; i != 10; ++i) REQUIRE(queue.push(i));
    while (queue.size() != 0) std::this_thread::yield();
    stop.request_stop();
    const auto [taken, status] = taker.get();
    REQUIRE(status == static_cast<int>(yoke::queue_status::stopped));
    REQUIRE(taken == std::vector<int>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9});
    // Full: time, then the end.
    REQUIRE(queue.push(20));
    REQUIRE(queue.push(21));
    REQUIRE_FALSE(pool.submit(push_for, queue.handle(), 22, 2).get());
    auto giver = pool.submit(push_for, queue.handle(), 23, 1'000'000'000);
    auto late = pool.submit(take_all, queue.handle());
    late.cancel();  // if it has begun, it may have taken some
    auto rest = queue.close(yoke::hand_back);
    const bool given = giver.get();
    std::vector<int> all;
    try {
        all = late.get();
    } catch (const yoke::cancelled&) {}
    all.insert(all.end(), rest.begin(), rest.end());
    REQUIRE(all == (given ? std::vector<int>{20, 21, 23} : std::vector<int>{20, 21}));
    REQUIRE(pool.submit(take_for, queue.handle(), 1'000'000'000).get() ==
            static_cast<int>(yoke::queue_status::done));
}
