// SPDX-License-Identifier: MIT
// labels: concurrent
#include "catch.hpp"
#include "support/nodes.hpp"

#include <yoke/executor/thread/intake.hpp>
#include <yoke/executor/thread/tasks.hpp>

#include <atomic>
#include <cstddef>
#include <memory>
#include <new>
#include <thread>
#include <vector>

using yoke::detail::intake;
using yoke::detail::task;
using yoke::detail::task_ring;

namespace {

/// Notes the order in which the tasks run.
class noting_node final : public yoke::detail::task_node {
public:
    void run() noexcept override { order->push_back(number); }
    void stop() noexcept override { run(); }

    std::vector<std::size_t>* order = nullptr;
    std::size_t number = 0;
};

}  // namespace

TEST_CASE("what the ring has no room for comes out behind it, and the order stays") {
    constexpr std::size_t total = 3 * task_ring::capacity;
    std::vector<std::size_t> order;
    order.reserve(2 * total);
    const auto nodes = std::make_unique<noting_node[]>(2 * total);
    intake tasks;
    tasks.open();
    std::size_t pushed = 0;
    const auto push = [&](std::size_t count) {
        for (; count != 0; --count, ++pushed) {
            nodes[pushed].order = &order;
            nodes[pushed].number = pushed;
            tasks.push(nodes[pushed]);
        }
    };
    const auto run = [&](std::size_t count) {
        for (; count != 0; --count) tasks.take()->run();
    };
    push(total);
    REQUIRE(tasks.size() == total);
    REQUIRE(tasks.claim() == nullptr);  // though the ring is full of old tasks only
    run(task_ring::capacity / 2);
    REQUIRE(tasks.claim() == nullptr);  // there is room in the ring, but others wait for it in the list
    push(total / 2);
    run(total);
    push(total / 2);
    while (task* const next = tasks.take()) next->run();
    REQUIRE(tasks.empty());
    REQUIRE(order.size() == 2 * total);
    for (std::size_t i = 0; i != order.size(); ++i) REQUIRE(order[i] == i);
}

TEST_CASE("a thread from outside that finds the ring full, and nobody who makes room, uses the list") {
    constexpr std::size_t total = task_ring::capacity + 2;
    std::vector<std::size_t> order;
    order.reserve(total);
    const auto nodes = std::make_unique<noting_node[]>(total);
    intake tasks;
    tasks.open();
    for (std::size_t i = 0; i != total; ++i) {
        nodes[i].order = &order;
        nodes[i].number = i;
        tasks.push_from_outside(nodes[i]);
    }
    REQUIRE(tasks.size() == total);
    REQUIRE(tasks.claim_from_outside() == nullptr);
    while (task* const next = tasks.take()) next->run();
    REQUIRE(order.size() == total);
    for (std::size_t i = 0; i != total; ++i) REQUIRE(order[i] == i);
    task_ring::slot* const place = tasks.claim_from_outside();
    REQUIRE(place != nullptr);
    ::new (place->room()) yoke::detail::no_task;
    place->publish();
    tasks.take()->run();
}

TEST_CASE("tasks that a worker has taken and not begun end the ring's next lap, what comes then waits in the "
          "list, in order") {
    constexpr std::size_t batch = 32;
    constexpr std::size_t lap = task_ring::capacity - batch + 1;
    constexpr std::size_t total = batch + lap + 3;
    std::vector<std::size_t> order;
    order.reserve(total);
    const auto nodes = std::make_unique<noting_node[]>(total);
    intake tasks;
    tasks.open();
    std::size_t pushed = 0;
    const auto push = [&](std::size_t count) {
        for (; count != 0; --count, ++pushed) {
            nodes[pushed].order = &order;
            nodes[pushed].number = pushed;
            tasks.push(nodes[pushed]);
        }
    };
    push(batch);
    const auto taken = tasks.take_ring(batch);
    REQUIRE(taken.size == batch);
    tasks.at(taken.first).run();  // the others are not begun
    push(lap);
    for (std::size_t i = 0; i != lap; ++i) tasks.take()->run();
    REQUIRE(tasks.empty());
    REQUIRE(tasks.claim() == nullptr);  // though nothing waits in the ring
    push(3);
    REQUIRE(tasks.size() == 3);
    for (std::size_t i = 0; i != 3; ++i) tasks.take()->run();
    for (std::size_t i = 1; i != batch; ++i) tasks.at(taken.first + i).run();
    REQUIRE(order.size() == total);
    for (std::size_t i = 0; i != lap + 3; ++i) REQUIRE(order[1 + i] == batch + i);
    task_ring::slot* const place = tasks.claim();  // as soon as they have begun
    REQUIRE(place != nullptr);
    ::new (place->room()) yoke::detail::no_task;
    place->publish();
    tasks.take()->run();
}

TEST_CASE("a node is taken back from the ring while it is the oldest there, once") {
    const auto nodes = std::make_unique<yoke_test::node[]>(3);
    intake tasks;
    tasks.open();
    REQUIRE_FALSE(tasks.take_back(nodes[0]));
    tasks.push(nodes[0]);
    tasks.push(nodes[1]);
    REQUIRE_FALSE(tasks.take_back(nodes[1]));
    REQUIRE(tasks.take_back(nodes[0]));
    REQUIRE_FALSE(tasks.take_back(nodes[0]));
    REQUIRE(tasks.take_back(nodes[1]));
    REQUIRE_FALSE(tasks.take_back(nodes[1]));
    REQUIRE(tasks.empty());
    tasks.push(nodes[2]);
    tasks.take()->run();
    REQUIRE_FALSE(tasks.take_back(nodes[2]));
    REQUIRE(nodes[0].runs == 0);
    REQUIRE(nodes[1].runs == 0);
    REQUIRE(nodes[2].runs == 1);
}

TEST_CASE("a node that has left the ring is not taken for one that lies in its place a lap later") {
    const auto nodes = std::make_unique<yoke_test::node[]>(2 * task_ring::capacity);
    intake tasks;
    tasks.open();
    for (std::size_t i = 0; i != task_ring::capacity; ++i) {
        tasks.push(nodes[i]);
        REQUIRE(tasks.take_back(nodes[i]));
    }
    for (std::size_t i = 0; i != task_ring::capacity; ++i) {
        yoke_test::node& later = nodes[task_ring::capacity + i];
        tasks.push(later);
        REQUIRE_FALSE(tasks.take_back(nodes[i]));
        REQUIRE(tasks.take_back(later));
    }
    REQUIRE(tasks.empty());
}

TEST_CASE("who takes tasks back and who takes the oldest never get the same", "[concurrent]") {
    constexpr std::size_t total = 300'000;
    const auto nodes = std::make_unique<yoke_test::node[]>(total);
    intake tasks;
    tasks.open();
    std::atomic<bool> done{false};
    std::thread consumer([&] {
        while (!done || !tasks.empty()) {
            if (task* const next = tasks.take()) next->run();
        }
    });
    std::size_t taken_back = 0;
    for (std::size_t i = 0; i != total; ++i) {
        tasks.push(nodes[i]);
        if (!tasks.take_back(nodes[i])) continue;
        ++taken_back;
        nodes[i].stop();
    }
    done = true;
    consumer.join();
    std::size_t once = 0;
    for (std::size_t i = 0; i != total; ++i) once += nodes[i].runs + nodes[i].stops == 1;
    REQUIRE(once == total);
    REQUIRE(taken_back != 0);
}

TEST_CASE("a task that is claimed but not published keeps the list back") {
    yoke_test::node node;
    intake tasks;
    tasks.open();
    task_ring::slot* const slow = tasks.claim();
    yoke::detail::task_list one;
    one.push(node);
    tasks.push(std::move(one));
    REQUIRE(tasks.empty());
    REQUIRE(tasks.take() == nullptr);
    class nothing final : public task {
    public:
        void run() noexcept override { task_ring::vacate(this); }
        void stop() noexcept override { run(); }
    };
    ::new (slow->room()) nothing;
    slow->publish();
    REQUIRE_FALSE(tasks.empty());
    tasks.take()->run();
    REQUIRE(tasks.take() == &node);
}

TEST_CASE("producers that fill ring and list, and consumers, lose nothing", "[concurrent]") {
    constexpr std::size_t producers = 2;
    constexpr std::size_t each = 20'000;
    const auto nodes = std::make_unique<yoke_test::node[]>(producers * each);
    intake tasks;
    tasks.open();
    std::atomic<std::size_t> taken{0};
    std::vector<std::thread> threads;
    for (std::size_t p = 0; p != producers; ++p) {
        threads.emplace_back([&, p] {
            for (std::size_t i = 0; i != each; ++i) tasks.push(nodes[p * each + i]);
        });
    }
    for (int c = 0; c != 2; ++c) {
        threads.emplace_back([&] {
            while (taken != producers * each) {
                if (task* const next = tasks.take()) {
                    next->run();
                    ++taken;
                } else {
                    std::this_thread::yield();
                }
            }
        });
    }
    for (auto& thread : threads) thread.join();
    std::size_t once = 0;
    for (std::size_t i = 0; i != producers * each; ++i) once += nodes[i].runs == 1;
    REQUIRE(once == producers * each);
}
