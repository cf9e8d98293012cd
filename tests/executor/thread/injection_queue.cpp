// SPDX-License-Identifier: MIT
// labels: concurrent
#include "catch.hpp"
#include "support/nodes.hpp"

#include <yoke/executor/thread/injection_queue.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <memory>
#include <thread>
#include <vector>

using yoke::detail::injection_queue;
using yoke::detail::task_list;
using yoke_test::node;

TEST_CASE("an injection queue gives tasks out in order, singly and in batches") {
    std::array<node, 6> nodes;
    injection_queue queue;
    REQUIRE(queue.empty());
    REQUIRE(queue.pop(1).empty());
    for (auto& n : nodes) queue.push(n);
    REQUIRE(queue.size() == 6);
    REQUIRE(queue.pop(1).pop() == &nodes[0]);
    task_list batch = queue.pop(3);
    REQUIRE(batch.size() == 3);
    for (const std::size_t i : {1u, 2u, 3u}) REQUIRE(batch.pop() == &nodes[i]);
    REQUIRE(queue.pop(100).size() == 2);
    REQUIRE(queue.empty());
}

TEST_CASE("a queue of more shells than tasks is swept, in order, and the shells are let go") {
    constexpr std::size_t total = 4000;
    const auto nodes = std::make_unique<node[]>(total);
    injection_queue queue;
    std::size_t most = 0;
    for (std::size_t i = 0; i != total; ++i) {
        queue.push(nodes[i]);
        if (i % 10 != 0) {
            nodes[i].shell = true;
            queue.note_overtaken();
        }
        most = std::max(most, queue.size());
    }
    REQUIRE(most <= 400 + 1200);
    std::size_t let_go = 0;
    for (std::size_t i = 0; i != total; ++i) let_go += nodes[i].stops == 1;
    REQUIRE(let_go == total - queue.size());

    task_list rest = queue.pop(total);
    std::size_t expected = 0;
    while (const auto* const next = rest.pop()) {
        const auto& n = static_cast<const node&>(*next);
        if (n.shell) continue;
        REQUIRE(&n == &nodes[expected]);
        expected += 10;
    }
    REQUIRE(expected == total);
}

TEST_CASE("producers and consumers of an injection queue lose nothing", "[concurrent]") {
    constexpr std::size_t producers = 3;
    constexpr std::size_t each = 5000;
    const auto nodes = std::make_unique<node[]>(producers * each);
    injection_queue queue;
    std::atomic<std::size_t> taken{0};
    std::vector<std::thread> threads;
    for (std::size_t p = 0; p != producers; ++p) {
        threads.emplace_back([&, p] {
            for (std::size_t i = 0; i != each; ++i) queue.push(nodes[p * each + i]);
        });
    }
    for (int c = 0; c != 2; ++c) {
        threads.emplace_back([&] {
            while (taken != producers * each) {
                task_list batch = queue.pop(7);
                while (auto* const next = batch.pop()) {
                    next->run();
                    ++taken;
                }
            }
        });
    }
    for (auto& thread : threads) thread.join();
    std::size_t once = 0;
    for (std::size_t i = 0; i != producers * each; ++i) once += nodes[i].runs == 1;
    REQUIRE(once == producers * each);
}
