// SPDX-License-Identifier: MIT
// labels: concurrent
#include "catch.hpp"
#include "support/nodes.hpp"

#include <yoke/executor/thread/priority_queue.hpp>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

using yoke_test::prioritized_node;

namespace {

/// A small generator of its own: the same numbers everywhere.
class numbers {
public:
    unsigned next() {
        state_ = state_ * 1664525u + 1013904223u;
        return state_ >> 8;
    }

private:
    unsigned state_ = 1;
};

/// Where a node lies in the array that it belongs to.
std::size_t index_of(const yoke::detail::task_node* found, const prioritized_node* first) {
    return static_cast<std::size_t>(static_cast<const prioritized_node*>(found) - first);
}

}  // namespace

TEST_CASE("a priority queue gives the greatest first and equals in order, pushes and pops mixed") {
    constexpr std::size_t total = 3000;
    const auto nodes = std::make_unique<prioritized_node[]>(total);
    yoke::detail::priority_queue<std::less<>> queue;
    std::vector<std::size_t> waiting;  // indexes, best last
    const auto later = [&](std::size_t a, std::size_t b) {
        return nodes[a].priority != nodes[b].priority ? nodes[a].priority < nodes[b].priority : a > b;
    };
    numbers random;
    REQUIRE(queue.pop() == nullptr);
    int wrong = 0;
    for (std::size_t pushed = 0; pushed != total || !waiting.empty();) {
        if (pushed != total && (waiting.empty() || random.next() % 5 < 3)) {
            nodes[pushed].priority = static_cast<int>(random.next() % 20) - 10;
            queue.push(nodes[pushed]);
            waiting.insert(std::lower_bound(waiting.begin(), waiting.end(), pushed, later), pushed);
            ++pushed;
        } else {
            const auto* const next = queue.pop();
            if (next == nullptr || index_of(next, nodes.get()) != waiting.back()) ++wrong;
            waiting.pop_back();
        }
    }
    REQUIRE(wrong == 0);
    REQUIRE(queue.empty());
}

TEST_CASE("sweeping the shells out of a priority queue keeps the order of the rest") {
    constexpr std::size_t total = 6000;
    const auto nodes = std::make_unique<prioritized_node[]>(total);
    yoke::detail::priority_queue<std::less<>> queue;
    numbers random;
    std::vector<std::size_t> expected;
    for (std::size_t i = 0; i != total; ++i) {
        nodes[i].priority = static_cast<int>(random.next() % 50);
        queue.push(nodes[i]);
        if (i % 3 != 0) {
            nodes[i].shell = true;
            queue.note_overtaken();
        } else {
            expected.push_back(i);
        }
    }
    std::size_t let_go = 0;
    for (std::size_t i = 0; i != total; ++i) let_go += nodes[i].stops == 1;
    REQUIRE(let_go > total / 3);

    std::stable_sort(expected.begin(), expected.end(),
                     [&](std::size_t a, std::size_t b) { return nodes[a].priority > nodes[b].priority; });
    std::vector<std::size_t> found;
    while (const auto* const next = queue.pop()) {
        const std::size_t i = index_of(next, nodes.get());
        if (!nodes[i].shell) found.push_back(i);
    }
    REQUIRE(found == expected);
}

TEST_CASE("the order of a priority queue is the caller's") {
    prioritized_node nodes[3];
    yoke::detail::priority_queue<std::greater<>> queue;
    for (int i = 0; i != 3; ++i) {
        nodes[i].priority = i;
        queue.push(nodes[i]);
    }
    for (auto& n : nodes) REQUIRE(queue.pop() == &n);
}

TEST_CASE("producers and consumers of a priority queue lose nothing", "[concurrent]") {
    constexpr std::size_t producers = 3;
    constexpr std::size_t each = 5000;
    const auto nodes = std::make_unique<prioritized_node[]>(producers * each);
    yoke::detail::priority_queue<std::less<>> queue;
    std::atomic<std::size_t> taken{0};
    std::vector<std::thread> threads;
    for (std::size_t p = 0; p != producers; ++p) {
        threads.emplace_back([&, p] {
            for (std::size_t i = 0; i != each; ++i) {
                nodes[p * each + i].priority = static_cast<int>(i % 17);
                queue.push(nodes[p * each + i]);
            }
        });
    }
    for (int c = 0; c != 2; ++c) {
        threads.emplace_back([&] {
            while (taken != producers * each) {
                if (auto* const next = queue.pop()) {
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
