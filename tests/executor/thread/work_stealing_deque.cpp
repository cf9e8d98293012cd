// SPDX-License-Identifier: MIT
// labels: concurrent
#include "catch.hpp"

#include <yoke/executor/thread/work_stealing_deque.hpp>

#include <atomic>
#include <cstddef>
#include <memory>
#include <thread>
#include <vector>

using yoke::detail::work_stealing_deque;

TEST_CASE("the owner of a deque pops the youngest element, a thief steals the oldest") {
    work_stealing_deque<int, 4> deque;
    int elements[4] = {0, 1, 2, 3};
    REQUIRE(deque.empty());
    REQUIRE(deque.pop() == nullptr);
    REQUIRE(deque.steal() == nullptr);
    for (int& e : elements) REQUIRE(deque.push(&e));
    REQUIRE_FALSE(deque.empty());
    REQUIRE(deque.pop() == &elements[3]);
    REQUIRE(deque.steal() == &elements[0]);
    REQUIRE(deque.pop() == &elements[2]);
    REQUIRE(deque.pop() == &elements[1]);
    REQUIRE(deque.pop() == nullptr);
    REQUIRE(deque.steal() == nullptr);
    REQUIRE(deque.empty());
}

TEST_CASE("a full deque refuses, and has room again when an element was taken from either end") {
    work_stealing_deque<int, 2> deque;
    int e = 0;
    for (int round = 0; round != 5; ++round) {
        REQUIRE(deque.push(&e));
        REQUIRE(deque.push(&e));
        REQUIRE_FALSE(deque.push(&e));
        REQUIRE(deque.steal() == &e);
        REQUIRE(deque.push(&e));
        REQUIRE_FALSE(deque.push(&e));
        REQUIRE(deque.pop() == &e);
        REQUIRE(deque.pop() == &e);
        REQUIRE(deque.empty());
    }
}

TEST_CASE("the owner takes back what it knows is its own, unless it was stolen") {
    work_stealing_deque<int, 4> deque;
    int elements[2] = {0, 1};
    for (const bool asymmetric : {false, true}) {
        if (asymmetric) {
            if (!yoke::detail::enable_asymmetric_barrier()) return;
            deque.make_asymmetric();
        }
        REQUIRE(deque.push(&elements[0]));
        REQUIRE(deque.push(&elements[1]));
        REQUIRE(deque.take_back());
        REQUIRE(deque.steal() == &elements[0]);
        REQUIRE_FALSE(deque.take_back());
        REQUIRE(deque.empty());
    }
}

TEST_CASE("the owner takes an element back only while it is the youngest in the deque") {
    work_stealing_deque<int, 2> deque;
    int elements[2] = {0, 1};
    REQUIRE_FALSE(deque.take_back(&elements[0]));
    REQUIRE(deque.push(&elements[0]));
    REQUIRE(deque.push(&elements[1]));
    REQUIRE_FALSE(deque.take_back(&elements[0]));
    REQUIRE(deque.take_back(&elements[1]));
    REQUIRE(deque.steal() == &elements[0]);
    // Both are still in their slots, but not in the deque.
    REQUIRE_FALSE(deque.take_back(&elements[0]));
    REQUIRE_FALSE(deque.take_back(&elements[1]));
    REQUIRE(deque.push(&elements[1]));
    REQUIRE(deque.take_back(&elements[1]));
    REQUIRE_FALSE(deque.take_back(&elements[1]));
    REQUIRE(deque.empty());
}

TEST_CASE("a fenced element is taken back or stolen like any other, on top of others and below them") {
    if (!yoke::detail::enable_asymmetric_barrier()) return;
    work_stealing_deque<int, 4> deque;
    deque.make_asymmetric();
    int elements[4] = {0, 1, 2, 3};
    REQUIRE(deque.push_fenced(&elements[0]));
    REQUIRE(deque.push(&elements[1]));
    REQUIRE(deque.push_fenced(&elements[2]));
    REQUIRE(deque.push_fenced(&elements[3]));
    REQUIRE_FALSE(deque.push_fenced(&elements[0]));
    REQUIRE(deque.take_back_fenced());
    REQUIRE(deque.steal() == &elements[0]);
    REQUIRE(deque.steal() == &elements[1]);
    REQUIRE(deque.take_back_fenced());
    REQUIRE(deque.empty());
    REQUIRE(deque.push_fenced(&elements[3]));
    REQUIRE(deque.steal() == &elements[3]);
    REQUIRE_FALSE(deque.take_back_fenced());
    REQUIRE(deque.empty());
}

TEST_CASE("a thief takes only what it wants") {
    work_stealing_deque<int, 4> deque;
    int elements[2] = {0, 1};
    REQUIRE(deque.steal_if([] { return true; }) == nullptr);
    REQUIRE(deque.push(&elements[0]));
    REQUIRE(deque.push(&elements[1]));
    REQUIRE(deque.steal_if([] { return false; }) == nullptr);
    REQUIRE(deque.steal_if([] { return true; }) == &elements[0]);
    REQUIRE(deque.take_back());
    REQUIRE(deque.empty());
}

TEST_CASE("owner and thieves take every element exactly once", "[concurrent]") {
    const bool asymmetric = GENERATE(false, true);
    const int fenced_of_5 = GENERATE(0, 3, 5);
    if (asymmetric && !yoke::detail::enable_asymmetric_barrier()) return;
    // A plain int beside the count: a thread sanitizer sees whether the content was published.
    struct element {
        int content = 0;
        std::atomic<int> taken{0};
    };
    constexpr std::size_t total = 100'000;
    const auto elements = std::make_unique<element[]>(total);
    work_stealing_deque<element, 8> deque;
    if (asymmetric) deque.make_asymmetric();
    std::atomic<bool> done{false};
    std::atomic<int> wrong{0};

    std::vector<std::thread> thieves;
    for (int t = 0; t != 2; ++t) {
        thieves.emplace_back([&] {
            while (!done || !deque.empty()) {
                if (element* const e = deque.steal()) {
                    if (e->content != 42) ++wrong;
                    ++e->taken;
                }
            }
        });
    }
    // What is in the deque and not yet stolen, as a fork-join worker has it: the youngest is at the end.
    std::vector<element*> own;
    const auto take_back = [&] {
        if (fenced_of_5 == 0) {
            if (element* const e = deque.pop()) ++e->taken;
            return;
        }
        element* const e = own.back();
        own.pop_back();
        const bool fenced = (e - elements.get()) % 5 < fenced_of_5;
        if (!(fenced ? deque.take_back_fenced() : deque.take_back())) return own.clear();
        ++e->taken;
    };
    for (std::size_t i = 0; i != total; ++i) {
        elements[i].content = 42;
        const bool fenced = static_cast<int>(i % 5) < fenced_of_5;
        while (!(fenced ? deque.push_fenced(&elements[i]) : deque.push(&elements[i]))) take_back();
        own.push_back(&elements[i]);
        if (i % 3 == 0) take_back();
    }
    while (fenced_of_5 == 0 ? !deque.empty() : !own.empty()) take_back();
    done = true;
    for (auto& thief : thieves) thief.join();

    std::size_t taken_once = 0;
    for (std::size_t i = 0; i != total; ++i) taken_once += elements[i].taken == 1;
    REQUIRE(taken_once == total);
    REQUIRE(wrong == 0);
}
