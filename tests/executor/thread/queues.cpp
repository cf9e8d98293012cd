// SPDX-License-Identifier: MIT
#include "catch.hpp"
#include "support/nodes.hpp"

#include <yoke/executor/thread/queues.hpp>

#include <array>
#include <functional>
#include <memory>
#include <vector>

using yoke::detail::no_worker;
using yoke_test::node;

namespace {

/// Runs what came out of the queues, if anything, and tells which of the nodes it was.
template <class Nodes>
auto* ran(yoke::detail::task* taken, Nodes& nodes) {
    typename Nodes::value_type* which = nullptr;
    if (taken == nullptr) return which;
    std::vector<int> before;
    for (auto& n : nodes) before.push_back(n.runs);
    taken->run();
    for (std::size_t i = 0; i != before.size(); ++i) {
        if (nodes[i].runs != before[i]) which = &nodes[i];
    }
    return which;
}

}  // namespace

TEST_CASE(
    "a stealing worker takes its own youngest task first, then work from outside, then others' oldest") {
    std::array<node, 6> nodes;
    yoke::detail::work_stealing_queues queues;
    for (int i = 0; i != 2; ++i) queues.add_worker();
    REQUIRE(queues.empty());
    REQUIRE(queues.next(0) == nullptr);
    REQUIRE(queues.search(0) == nullptr);
    queues.push(nodes[0], 0);
    queues.push(nodes[1], 0);
    queues.push(nodes[2], 1);
    queues.push(nodes[3], 1);
    queues.push(nodes[4], no_worker);
    queues.push(nodes[5], no_worker);
    REQUIRE_FALSE(queues.empty());
    REQUIRE(ran(queues.next(0), nodes) == &nodes[1]);
    REQUIRE(ran(queues.next(0), nodes) == &nodes[0]);
    REQUIRE(queues.next(0) == nullptr);  // what is not its own takes a search
    REQUIRE(ran(queues.search(0), nodes) ==
            &nodes[4]);  // and took the next one along, its share of two being two
    REQUIRE(ran(queues.next(0), nodes) == &nodes[5]);
    REQUIRE(ran(queues.search(0), nodes) == &nodes[2]);
    REQUIRE(ran(queues.search(0), nodes) == &nodes[3]);
    REQUIRE(queues.search(0) == nullptr);
    REQUIRE(queues.empty());
}

TEST_CASE("a batch from outside stays in order and can be stolen") {
    std::array<node, 40> nodes;
    yoke::detail::work_stealing_queues queues;
    for (int i = 0; i != 2; ++i) queues.add_worker();
    for (auto& n : nodes) queues.push(n, no_worker);
    REQUIRE(ran(queues.search(0), nodes) == &nodes[0]);
    REQUIRE(ran(queues.next(0), nodes) == &nodes[1]);
    REQUIRE(ran(queues.next(0), nodes) == &nodes[2]);
    for (std::size_t left = nodes.size() - 3; left != 0; --left)
        REQUIRE(ran(queues.search(1), nodes) != nullptr);
    REQUIRE(queues.empty());
}

TEST_CASE("a worker's full deque spills its older half, without the shells, and loses nothing") {
    constexpr std::size_t total = 1000;
    const auto nodes = std::make_unique<node[]>(total);
    yoke::detail::work_stealing_queues queues;
    for (int i = 0; i != 1; ++i) queues.add_worker();
    for (std::size_t i = 0; i != total; ++i) {
        nodes[i].shell = i % 2 == 0;
        queues.push(nodes[i], 0);
    }
    while (auto* const task = queues.search(0)) task->run();
    std::size_t once = 0;
    std::size_t let_go = 0;
    for (std::size_t i = 0; i != total; ++i) {
        once += nodes[i].runs + nodes[i].stops == 1;
        let_go += static_cast<std::size_t>(nodes[i].stops.load());
    }
    REQUIRE(once == total);
    REQUIRE(let_go >= total / 4);
    REQUIRE(queues.empty());
}

TEST_CASE("now and then a stealing worker begins with the oldest work") {
    std::array<node, 2> old;
    std::array<node, 200> young;
    yoke::detail::work_stealing_queues queues;
    for (int i = 0; i != 1; ++i) queues.add_worker();
    queues.push(old[0], no_worker);
    queues.push(old[1], 0);
    int looks_until_old = 0;
    std::size_t found = 0;
    for (auto& n : young) {
        queues.push(n, 0);
        ++looks_until_old;
        if (auto* const task = queues.next(0)) task->run();
        found = static_cast<std::size_t>(old[0].runs + old[1].runs);
        if (found == 2) break;
    }
    REQUIRE(found == 2);
    REQUIRE(looks_until_old <= 122);
}

TEST_CASE("taking from anywhere empties the queues of every order") {
    std::array<node, 10> nodes;
    yoke::detail::work_stealing_queues stealing;
    for (int i = 0; i != 2; ++i) stealing.add_worker();
    for (std::size_t i = 0; i != nodes.size(); ++i) stealing.push(nodes[i], i % 3 == 2 ? no_worker : i % 3);
    std::size_t taken = 0;
    while (auto* const task = stealing.take()) {
        task->run();
        ++taken;
    }
    REQUIRE(taken == nodes.size());

    yoke::detail::fifo_queues fifo;
    fifo.add_worker();
    for (auto& n : nodes) fifo.push(n, no_worker);
    for (auto& n : nodes) REQUIRE(ran(fifo.take(), nodes) == &n);
    REQUIRE(fifo.empty());

    std::array<yoke_test::prioritized_node, 3> prioritized;
    yoke::detail::priority_queues<std::less<>> priority;
    for (std::size_t i = 0; i != prioritized.size(); ++i) {
        prioritized[i].priority = static_cast<int>(i);
        priority.push(prioritized[i], no_worker);
    }
    REQUIRE(priority.take() == &prioritized[2]);
    REQUIRE(priority.next(0) == &prioritized[1]);
    REQUIRE(priority.search(1) == &prioritized[0]);
    REQUIRE(priority.empty());
}

TEST_CASE("who waits for what he has just submitted takes it out of the queue, inside the pool and outside") {
    std::array<node, 3> nodes;
    yoke::detail::work_stealing_queues stealing;
    stealing.add_worker();
    stealing.push(nodes[0], no_worker);
    stealing.push(nodes[1], 0);
    REQUIRE_FALSE(stealing.take_back(nodes[1], no_worker));  // in a worker's own queue
    REQUIRE(stealing.take_back(nodes[1], 0));
    REQUIRE(stealing.take_back(nodes[0], 0));
    stealing.push(nodes[2], no_worker);
    REQUIRE(stealing.take_back(nodes[2], no_worker));
    REQUIRE(stealing.empty());

    yoke::detail::fifo_queues in_order;
    in_order.add_worker();
    in_order.push(nodes[0], no_worker);
    in_order.push(nodes[1], 0);
    REQUIRE_FALSE(in_order.take_back(nodes[1], 0));
    REQUIRE(in_order.take_back(nodes[0], 0));
    REQUIRE(in_order.take_back(nodes[1], 0));
    REQUIRE(in_order.empty());
}
