// SPDX-License-Identifier: MIT
#include "catch.hpp"
#include "support/counting.hpp"

#include <yoke/algorithm/scan.hpp>

#include <yoke/concept/archetypes.hpp>
#include <yoke/executor/inline_executor.hpp>
#include <yoke/executor/thread_pool.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <numeric>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

using yoke::thread_pool;
using yoke_test::counting;

// Compiles with the least an executor can be.
[[maybe_unused]] void minimal(yoke::archetype::minimal_executor& ex) {
    std::vector<int> numbers;
    yoke::inclusive_scan(ex, numbers, numbers.begin());
    yoke::exclusive_scan(ex, numbers, numbers.begin(), 0);
}

std::vector<std::uint32_t> numbers(std::size_t n) {
    std::vector<std::uint32_t> made(n);
    std::uint64_t state = n;
    for (auto& each : made) {
        state = state * 6364136223846793005U + 1442695040888963407U;
        each = static_cast<std::uint32_t>(state >> 40);
    }
    return made;
}

/// Some work, so that a loop of thousands is worth sharing.
void dawdle(int steps) {
    volatile int i = 0;
    while (i < steps) i = i + 1;
}

/// x -> a * x + b: associative and not commutative, and every total depends on all operands.
struct affine {
    std::uint64_t a = 1;
    std::uint64_t b = 0;
    friend bool operator==(const affine&, const affine&) = default;
};
struct then {
    int steps = 0;
    affine operator()(const affine& first, const affine& second) const {
        dawdle(steps);
        return {first.a * second.a, first.b * second.a + second.b};
    }
};

template <class E>
void check(E& ex) {
    for (const std::size_t size : {0U, 1U, 2U, 3U, 127U, 128U, 1000U, 100'000U}) {
        const auto items = numbers(size);
        std::vector<std::uint64_t> expected(size);
        std::vector<std::uint64_t> out(size);
        // The totals are made in the output's type: these do not fit the items'.
        std::uint64_t sum = 0;
        for (std::size_t i = 0; i != size; ++i) expected[i] = sum += items[i];
        REQUIRE(yoke::inclusive_scan(ex, items, out.begin()) == out.end());
        REQUIRE(out == expected);
        for (auto& each : expected) each += 7;
        REQUIRE(yoke::inclusive_scan(ex, items, out.begin(), std::plus<>(), 7) == out.end());
        REQUIRE(out == expected);
        sum = 7;
        for (std::size_t i = 0; i != size; ++i, sum += items[i - 1]) expected[i] = sum;
        REQUIRE(yoke::exclusive_scan(ex, items, out.begin(), 7) == out.end());
        REQUIRE(out == expected);
    }
}

/// The operands' order, in place, and with an operation that is worth sharing.
template <class E>
void check_order(E& ex, std::size_t size, int steps) {
    std::vector<affine> items;
    for (const std::size_t i : counting(size)) items.push_back({2 * i + 1, i});
    std::vector<affine> inclusive(size);
    std::vector<affine> exclusive(size);
    affine total;
    for (std::size_t i = 0; i != size; ++i) {
        exclusive[i] = total;
        inclusive[i] = total = then()(total, items[i]);
    }
    auto in_place = items;
    yoke::inclusive_scan(ex, in_place, in_place.begin(), then{steps});
    REQUIRE(in_place == inclusive);
    in_place = items;
    yoke::exclusive_scan(ex, in_place, in_place.begin(), affine(), then{steps});
    REQUIRE(in_place == exclusive);
}

}  // namespace

TEST_CASE("scans write every total, of every size, inline") {
    yoke::inline_executor ex;
    check(ex);
    check_order(ex, 1000, 0);
}

TEST_CASE("scans write every total, of every size, on threads", "[concurrent]") {
    for (const std::size_t threads : {1U, 2U, 5U}) {
        thread_pool pool(threads);
        check(pool);
    }
}

TEST_CASE("operands keep their order, and the output may be the range itself, however it is shared",
          "[concurrent]") {
    for (const std::size_t threads : {1U, 2U, 3U, 16U}) {
        thread_pool pool(threads);
        for (const std::size_t size : {5U, 130U, 20'000U}) {
            for (const int steps : {0, 30, 300}) check_order(pool, size, size == 20'000 ? steps / 10 : steps);
        }
        pool.submit([&] { check_order(pool, 20'000, 10); }).get();
    }
}

TEST_CASE("totals may be strings, items values, and the output a deque", "[concurrent]") {
    thread_pool pool(3);
    const std::size_t size = 300;
    struct text {
        std::string value;
        text() = default;
        explicit text(std::size_t i) : value(std::to_string(i) + ",") {}
        explicit text(std::string all) : value(std::move(all)) {}
    };
    std::deque<text> out(size);
    yoke::inclusive_scan(pool, counting(size), out.begin(), [](const text& all, const auto& item) {
        dawdle(300);
        return text(all.value + text(item).value);
    });
    std::string expected;
    bool right = true;
    for (std::size_t i = 0; i != size; ++i) {
        expected += std::to_string(i) + ",";
        right = right && out[i].value == expected;
    }
    REQUIRE(right);
}

TEST_CASE("bits are written by one thread only") {
    thread_pool pool(2);
    const std::size_t size = 10'000;
    std::vector<bool> out(size);
    yoke::inclusive_scan(pool, counting(size), out.begin(),
                         [](bool odd, auto item) { return odd != (item % 2 == 1); });
    bool odd = false;
    bool right = true;
    for (std::size_t i = 0; i != size; ++i) {
        odd = odd != (i != 0 && i % 2 == 1);
        right = right && out[i] == odd;
    }
    REQUIRE(right);
}

TEST_CASE("the operation is called once an item by one thread, and at most twice by several",
          "[concurrent]") {
    constexpr std::size_t size = 20'000;
    std::vector<int> out(size);
    std::atomic<std::size_t> calls{0};
    const auto add = [&](int a, int b) {
        calls.fetch_add(1, std::memory_order_relaxed);
        dawdle(10);
        return a + b;
    };
    const std::vector<int> ones(size, 1);
    thread_pool alone(1);
    yoke::inclusive_scan(alone, ones, out.begin(), add);
    REQUIRE(calls == size - 1);
    calls = 0;
    thread_pool pool(4);
    yoke::inclusive_scan(pool, ones, out.begin(), add);
    REQUIRE(calls >= size - 1);
    REQUIRE(calls <= 2 * size);
    REQUIRE(out.back() == static_cast<int>(size));
}

TEST_CASE("an operation that throws ends the scan with its exception, in either pass", "[concurrent]") {
    thread_pool pool(3);
    std::vector<int> out(20'000);
    const std::vector<int> ones(20'000, 1);
    for (const int limit : {1, 5000, 19'999}) {
        REQUIRE_THROWS_AS(yoke::inclusive_scan(pool, ones, out.begin(),
                                               [&](int a, int b) {
                                                   dawdle(10);
                                                   if (a + b > limit) throw std::domain_error("too much");
                                                   return a + b;
                                               }),
                          std::domain_error);
    }
    yoke::inline_executor ex;
    REQUIRE_THROWS_AS(
        yoke::inclusive_scan(ex, ones, out.begin(), [](int, int) -> int { throw std::domain_error("op"); }),
        std::domain_error);
}

TEST_CASE("a closed pool refuses scans from outside, and goes on with those of its tasks", "[concurrent]") {
    thread_pool pool(2);
    std::vector<int> out(5000, 1);
    pool.submit([&] {
            pool.shutdown();
            yoke::inclusive_scan(pool, out, out.begin());
        })
        .get();
    REQUIRE(out.back() == 5000);
    REQUIRE_THROWS_AS(yoke::inclusive_scan(pool, out, out.begin()), yoke::pool_closed);
    REQUIRE_THROWS_AS(yoke::exclusive_scan(pool, out, out.begin(), 0), yoke::pool_closed);
}
