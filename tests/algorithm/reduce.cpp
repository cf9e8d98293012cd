// SPDX-License-Identifier: MIT
#include <yoke/algorithm/reduce.hpp>

#include <yoke/concept/archetypes.hpp>
#include <yoke/executor/inline_executor.hpp>
#include <yoke/executor/process_pool.hpp>
#include <yoke/executor/thread_pool.hpp>

#include "catch.hpp"
#include "support/executors.hpp"

#include <cstddef>
#include <functional>
#include <limits>
#include <list>
#include <memory>
#include <numeric>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

using yoke_test::thread_executor;

namespace {

std::vector<int> upto(int n) {
    std::vector<int> numbers(static_cast<std::size_t>(n));
    std::iota(numbers.begin(), numbers.end(), 0);
    return numbers;
}

/// Numbers whose sum depends on the order of addition.
std::vector<double> rough(std::size_t n) {
    std::vector<double> numbers;
    for (std::size_t i = 0; i < n; ++i)
        numbers.push_back((i % 3 == 0 ? 1e15 : 1.0) / static_cast<double>(i + 1));
    return numbers;
}

[[maybe_unused]] void minimal(yoke::archetype::minimal_executor& ex) {
    (void)yoke::reduce(ex, std::vector<int>(), 0);
    (void)yoke::transform_reduce(ex, std::vector<int>(), 0, std::plus<>(), [](int x) { return x; });
}

template <class E>
void check_reduce(E& ex) {
    for (yoke::map_options options :
         {yoke::map_options{}, {.chunk = 1}, {.chunk = 7, .window = 1}, {.chunk = 5000}}) {
        CHECK(yoke::reduce(ex, upto(1000), 0L, std::plus<>(), options) == 499'500);
        // Associative, not commutative.
        CHECK(yoke::transform_reduce(
                  ex, upto(12), std::string("<"), std::plus<>(), [](int x) { return std::to_string(x); },
                  options) == "<01234567891011");
    }
    CHECK(yoke::reduce(ex, std::vector<int>(), 42) == 42);
    CHECK(yoke::reduce(ex, std::list<int>{3, 9, 4}, std::numeric_limits<int>::min(),
                       [](int a, int b) { return a < b ? b : a; }) == 9);
    std::istringstream text("1 2 3");
    CHECK(yoke::reduce(ex, std::istream_iterator<int>(text), std::istream_iterator<int>(), 0) == 6);
    const std::vector<bool> flags{true, false, true};
    CHECK(yoke::transform_reduce(ex, flags, 0, std::plus<>(), [](bool flag) { return flag ? 1 : 0; }) == 2);
    CHECK_THROWS_AS(yoke::reduce(ex, upto(100), 0,
                                 [](int a, int b) {
                                     if (a == 77 || b == 77) throw std::domain_error("77");
                                     return a + b;
                                 }),
                    std::domain_error);
}

}  // namespace

TEST_CASE("reduce folds in the order of the range, inline") {
    yoke::inline_executor ex;
    check_reduce(ex);
}

TEST_CASE("reduce folds in the order of the range, on threads", "[concurrent]") {
    yoke::thread_pool pool(3);
    check_reduce(pool);
    thread_executor threads;
    check_reduce(threads);
}

TEST_CASE("reduce folds in the order of the range, on processes", "[process]") {
    yoke::process_pool pool(2);
    check_reduce(pool);
}

TEST_CASE("init is used once, also when there are many chunks") {
    yoke::inline_executor ex;
    CHECK(yoke::reduce(ex, upto(10), 1000, std::plus<>(), {.chunk = 2}) == 1045);
}

TEST_CASE("With a fixed size of chunks the result is the documented one, digit for digit", "[concurrent]") {
    const auto numbers = rough(1000);
    double expected = 0.5;
    for (std::size_t first = 0; first < numbers.size(); first += 64) {
        double chunk = numbers[first];
        for (std::size_t i = first + 1; i < std::min<std::size_t>(first + 64, numbers.size()); ++i)
            chunk += numbers[i];
        expected += chunk;
    }
    REQUIRE(expected != std::accumulate(numbers.begin(), numbers.end(), 0.5));  // else the test tells nothing
    yoke::inline_executor here;
    yoke::thread_pool pool(4);
    CHECK(yoke::reduce(here, numbers, 0.5, std::plus<>(), {.chunk = 64}) == expected);
    bool same = true;
    for (int round = 0; round < 50; ++round)
        same = same && yoke::reduce(pool, numbers, 0.5, std::plus<>(), {.chunk = 64}) == expected;
    CHECK(same);
}

namespace {

struct fails_at_item {
    int operator()(int x) const {
        if (x == fails_at) throw std::domain_error(std::to_string(x));
        return x;
    }
    int fails_at;
};
struct add_until {
    long operator()(long a, long b) const {
        if (b == fails_at) throw std::domain_error(std::to_string(b));
        return a + b;
    }
    long fails_at;
};

}  // namespace

TEST_CASE("whichever call throws in a worker process, its exception comes back, the items stay, and the pool "
          "goes on",
          "[process]") {
    yoke::process_pool pool(2);
    const auto numbers = upto(40);
    for (int k = 1; k < 40; k += 3) {
        for (const yoke::map_options options : {yoke::map_options{}, {.chunk = 1}, {.chunk = 7}}) {
            auto items = numbers;
            const auto told = [&](auto&& run) {
                try {
                    run();
                } catch (const std::domain_error& error) {
                    return std::string(error.what()) == std::to_string(k) && items == numbers;
                }
                return false;
            };
            CAPTURE(k, options.chunk);
            CHECK(told([&] { static_cast<void>(yoke::map(pool, items, fails_at_item{k}, options)); }));
            CHECK(told([&] { yoke::for_each(pool, items, fails_at_item{k}, options); }));
            CHECK(told([&] {
                static_cast<void>(
                    yoke::transform_reduce(pool, items, 0, std::plus<>(), fails_at_item{k}, options));
            }));
        }
        // With one chunk the operation is called for every item but the first.
        CHECK_THROWS_AS(yoke::reduce(pool, numbers, 0L, add_until{k}, {.chunk = 40}), std::domain_error);
    }
    CHECK(yoke::reduce(pool, numbers, 0L) == 780);
}

TEST_CASE("The same digits come from worker processes", "[process]") {
    const auto numbers = rough(1000);
    yoke::inline_executor here;
    yoke::process_pool pool(2);
    CHECK(yoke::reduce(pool, numbers, 0.5, std::plus<>(), {.chunk = 64}) ==
          yoke::reduce(here, numbers, 0.5, std::plus<>(), {.chunk = 64}));
}

TEST_CASE("Values may be move-only and need no default constructor") {
    struct box {
        explicit box(int v) : value(std::make_unique<int>(v)) {}
        std::unique_ptr<int> value;
    };
    yoke::inline_executor ex;
    const box sum = yoke::reduce(ex, upto(10), box(1),
                                 [](box a, auto&& b) {
                                     if constexpr (std::is_same_v<std::decay_t<decltype(b)>, box>) {
                                         *a.value += *b.value;
                                     } else {
                                         *a.value += b;
                                     }
                                     return a;
                                 },
                                 {.chunk = 3});
    CHECK(*sum.value == 46);
}

TEST_CASE("reduce nested in a pool of one thread", "[concurrent]") {
    yoke::thread_pool pool(1);
    const long sum = yoke::transform_reduce(pool, upto(20), 0L, std::plus<>(),
                                            [&pool](int x) { return yoke::reduce(pool, upto(x), 0L); });
    long expected = 0;
    for (long x = 0; x < 20; ++x) expected += x * (x - 1) / 2;
    CHECK(sum == expected);
}
