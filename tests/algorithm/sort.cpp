// SPDX-License-Identifier: MIT
#include "catch.hpp"

#include <yoke/algorithm/sort.hpp>

#include <yoke/concept/archetypes.hpp>
#include <yoke/executor/inline_executor.hpp>
#include <yoke/executor/thread_pool.hpp>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <numeric>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace {

// Compiles with the least an executor can be.
[[maybe_unused]] void minimal(yoke::archetype::minimal_executor& ex) {
    std::vector<int> numbers;
    yoke::sort(ex, numbers);
}

/// `n` numbers below `range`, the same in every run.
std::vector<std::uint32_t> numbers(std::size_t n, std::uint32_t range) {
    std::vector<std::uint32_t> made(n);
    std::uint64_t state = n + range;
    for (auto& each : made) {
        state = state * 6364136223846793005U + 1442695040888963407U;
        each = static_cast<std::uint32_t>(state >> 33) % range;
    }
    return made;
}

struct person {
    std::string name;
    std::unique_ptr<std::uint32_t> age;
};

template <class E>
void check(E& ex) {
    for (const std::size_t size : {0U, 1U, 2U, 3U, 4096U, 4097U, 100'000U}) {
        for (const std::uint32_t range : {1U, 2U, 1000U, 1U << 31}) {
            auto sorted = numbers(size, range);
            auto expected = sorted;
            yoke::sort(ex, sorted);
            std::sort(expected.begin(), expected.end());
            REQUIRE(sorted == expected);
            yoke::sort(ex, sorted, std::greater<>());
            std::reverse(expected.begin(), expected.end());
            REQUIRE(sorted == expected);
            yoke::sort(ex, sorted, std::greater<>());  // sorted already
            REQUIRE(sorted == expected);
        }
    }
    std::deque<person> people;
    for (const auto age : numbers(20'000, 5000))
        people.push_back({std::to_string(age), std::make_unique<std::uint32_t>(age)});
    yoke::sort(ex, people, std::ranges::less(), [](const person& p) { return *p.age; });
    bool right = true;
    for (std::size_t i = 0; i != people.size(); ++i)
        right = right && people[i].name == std::to_string(*people[i].age) &&
                (i == 0 || *people[i - 1].age <= *people[i].age);
    CHECK(right);
}

}  // namespace

TEST_CASE("sort sorts what is random, equal, sorted or reversed, in every size, inline") {
    yoke::inline_executor ex;
    check(ex);
}

TEST_CASE("sort sorts what is random, equal, sorted or reversed, in every size, on threads", "[concurrent]") {
    for (const std::size_t threads : {1U, 2U, 5U}) {
        yoke::thread_pool pool(threads);
        check(pool);
    }
}

TEST_CASE("sort works inside a task", "[concurrent]") {
    yoke::thread_pool pool(2);
    REQUIRE(pool.submit([&] {
                    auto sorted = numbers(50'000, 1U << 31);
                    yoke::sort(pool, sorted);
                    return std::is_sorted(sorted.begin(), sorted.end());
                })
                .get());
}

TEST_CASE("a comparison that throws ends sort with its exception and leaves the items there",
          "[concurrent]") {
    yoke::thread_pool pool(2);
    std::vector<int> items(50'000);
    std::iota(items.begin(), items.end(), 0);
    std::reverse(items.begin(), items.end());
    // One call that throws, or several at the same time.
    REQUIRE_THROWS_AS(yoke::sort(pool, items,
                                 [](int a, int b) {
                                     if (a == 777) throw std::domain_error("777");
                                     return a < b;
                                 }),
                      std::domain_error);
    std::sort(items.begin(), items.end());
    bool all = true;
    for (std::size_t i = 0; i != items.size(); ++i) all = all && items[i] == static_cast<int>(i);
    REQUIRE(all);
}

TEST_CASE("sort is refused by a pool that is shut down, but goes on inside its tasks", "[concurrent]") {
    yoke::thread_pool pool(2);
    auto sorted = numbers(50'000, 1000);
    auto inside = pool.submit([&] {
        pool.shutdown();
        yoke::sort(pool, sorted);
    });
    inside.get();
    REQUIRE(std::is_sorted(sorted.begin(), sorted.end()));
    REQUIRE_THROWS_AS(yoke::sort(pool, sorted), yoke::pool_closed);
}

TEST_CASE("a pool whose threads are initialized makes all comparisons itself", "[concurrent]") {
    static thread_local bool prepared = false;
    for (const std::size_t threads : {1U, 2U}) {
        yoke::thread_pool pool({.threads = threads}, [](std::size_t) { prepared = true; });
        std::atomic<int> unprepared{0};
        for (const std::size_t size : {10U, 20'000U}) {
            auto sorted = numbers(size, 1000);
            yoke::sort(pool, sorted, [&](auto a, auto b) {
                if (!prepared) ++unprepared;
                return a < b;
            });
            REQUIRE(std::is_sorted(sorted.begin(), sorted.end()));
        }
        REQUIRE(unprepared == 0);
    }
}
