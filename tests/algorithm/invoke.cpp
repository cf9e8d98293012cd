// SPDX-License-Identifier: MIT
#include "catch.hpp"
#include "support/executors.hpp"

#include <yoke/algorithm/invoke.hpp>

#include <yoke/concept/archetypes.hpp>
#include <yoke/executor/inline_executor.hpp>
#include <yoke/executor/thread_pool.hpp>

#include <memory>
#include <stdexcept>
#include <string>
#include <tuple>
#include <type_traits>
#include <vector>

namespace {

// Compiles with the least an executor can be.
[[maybe_unused]] void minimal(yoke::archetype::minimal_executor& ex) {
    yoke::invoke(ex, [] {});
}

static_assert(yoke::fork_join_executor<yoke::thread_pool>);
static_assert(!yoke::fork_join_executor<yoke::inline_executor>);
static_assert(!yoke::fork_join_executor<yoke::archetype::minimal_executor>);

template <class E>
void check(E& ex) {
    const auto [one, two, three] = yoke::invoke(
        ex, [] { return 1; }, [] { return std::string("two"); }, [] { return std::make_unique<int>(3); });
    CHECK(one == 1);
    CHECK(two == "two");
    CHECK(*three == 3);
    CHECK(yoke::invoke(ex, [] { return 4; }) == 4);
    int a = 0;
    int b = 0;
    static_assert(std::is_void_v<decltype(yoke::invoke(
                      ex, [&] { a = 5; }, [&] { b = 6; }))>);
    yoke::invoke(
        ex, [&] { a = 5; }, [&] { b = 6; });
    CHECK(a == 5);
    CHECK(b == 6);
    CHECK_THROWS_AS(yoke::invoke(
                        ex, [] {}, [] { throw std::domain_error("second"); }, [] {}),
                    std::domain_error);
}

}  // namespace

TEST_CASE("invoke calls all and returns their results, on threads", "[concurrent]") {
    yoke::thread_pool pool(2);
    check(pool);
    pool.submit([&pool] { check(pool); }).get();
}

TEST_CASE("invoke calls one after the other on an executor that does not fork") {
    yoke::inline_executor ex;
    check(ex);
    std::vector<int> order;
    yoke::invoke(
        ex, [&] { order.push_back(1); }, [&] { order.push_back(2); }, [&] { order.push_back(3); });
    CHECK(order == std::vector<int>{1, 2, 3});
    order.clear();
    CHECK_THROWS_AS(yoke::invoke(
                        ex, [&] { order.push_back(1); }, [] { throw 2; }, [&] { order.push_back(3); }),
                    int);
    CHECK(order == std::vector<int>{1});
}
