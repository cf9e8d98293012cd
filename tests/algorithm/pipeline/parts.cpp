// SPDX-License-Identifier: MIT
#include <yoke/algorithm/pipeline/parts.hpp>

#include "catch.hpp"
#include "support/pipeline.hpp"

#include <yoke/algorithm/pipeline.hpp>
#include <yoke/executor/inline_executor.hpp>
#include <yoke/executor/thread_pool.hpp>

#include <list>
#include <map>
#include <memory>
#include <numeric>
#include <span>
#include <string>
#include <thread>
#include <vector>

using yoke_test::remote_executor;
using numbers_list = std::vector<std::vector<int>>;

namespace {

std::vector<int> numbers(int count) {
    std::vector<int> all(static_cast<std::size_t>(count));
    std::iota(all.begin(), all.end(), 0);
    return all;
}

/// Takes a while now and then, so that items overtake one another.
int dawdle(int x) {
    if (x % 5 == 0) std::this_thread::yield();
    if (x % 17 == 0) std::this_thread::yield();
    return x;
}

}  // namespace

TEST_CASE("flatten puts the elements in the place of their range, none to many") {
    CHECK((yoke::from(numbers_list{{1, 2, 3}, {}, {4}, {}, {}, {5, 6}}) | yoke::flatten() |
           yoke::collect()) == std::vector{1, 2, 3, 4, 5, 6});
    CHECK((yoke::from(numbers_list{{}, {}}) | yoke::flatten() | yoke::collect()).empty());
    CHECK((yoke::from(std::vector<numbers_list>{{{1}, {}, {2, 3}}, {}, {{}}, {{4}}}) | yoke::flatten() |
           yoke::flatten() | yoke::collect()) == std::vector{1, 2, 3, 4});
}

TEST_CASE("flatten takes all kinds of ranges and moves elements out of those that own them") {
    CHECK((yoke::from(std::vector<std::string>{"ab", "", "c"}) | yoke::flatten() | yoke::collect()) ==
          std::vector{'a', 'b', 'c'});
    CHECK(
        (yoke::from(std::vector<std::map<int, int>>{{{1, 2}}, {{3, 4}}}) | yoke::flatten() | yoke::collect())
            .size() == 2);

    std::vector<std::list<std::unique_ptr<int>>> owning(2);
    owning[1].push_back(std::make_unique<int>(7));
    const auto pointers = yoke::from(std::move(owning)) | yoke::flatten() | yoke::collect();
    REQUIRE(pointers.size() == 1);
    CHECK(*pointers[0] == 7);

    std::vector<std::string> elsewhere{std::string(50, 'x'), "y"};
    CHECK((yoke::from(std::vector{std::span(elsewhere)}) | yoke::flatten() | yoke::collect()) == elsewhere);
    CHECK(elsewhere[0] == std::string(50, 'x'));
}

TEST_CASE("flattened items keep the order while many threads make them", "[concurrent]") {
    yoke::thread_pool pool(3);
    std::vector<int> expected;
    for (int i = 0; i != 5'000; ++i)
        for (int k = 0; k != i % 4; ++k) expected.push_back(10 * i + k);
    const auto results = yoke::from(numbers(5'000)) | yoke::stage(pool, dawdle) |
                         yoke::stage(pool,
                                     [](int i) {
                                         std::vector<int> parts;
                                         for (int k = 0; k != i % 4; ++k) parts.push_back(10 * i + k);
                                         return parts;
                                     }) |
                         yoke::flatten() | yoke::stage(pool, dawdle) | yoke::collect();
    CHECK(results == expected);
}

TEST_CASE("one item may become many more than the bound") {
    yoke::inline_executor here;
    yoke::pipeline_statistics statistics;
    const auto results = yoke::from({20'000, 0, 3}) | yoke::stage(here, numbers) | yoke::flatten() |
                         yoke::stage(here, [](int x) { return x; }) |
                         yoke::collect({.items = 2, .statistics = &statistics});
    CHECK(results.size() == 20'003);
    CHECK(statistics.bound == 2);
    CHECK(statistics.most_items >= 20'000);
}

TEST_CASE("filter drops items and closes the gaps", "[concurrent]") {
    yoke::thread_pool pool(3);
    std::vector<int> expected;
    for (int i = 0; i != 10'000; ++i)
        if (i % 3 == 1) expected.push_back(i);
    CHECK((yoke::from(numbers(10'000)) | yoke::stage(pool, dawdle) |
           yoke::filter([](int x) { return x % 3 == 1; }) | yoke::stage(pool, dawdle) | yoke::collect()) ==
          expected);
    CHECK((yoke::from(numbers(100)) | yoke::filter([](int) { return false; }) | yoke::stage(pool, dawdle) |
           yoke::collect())
              .empty());
    CHECK((yoke::from({0, 1, 2}) | yoke::filter([](int x) { return x; }) | yoke::collect()) ==
          std::vector{1, 2});
}

TEST_CASE("batch makes vectors of neighbours in the order of the source, the last one shorter",
          "[concurrent]") {
    CHECK((yoke::from(numbers(7)) | yoke::batch(3) | yoke::collect()) ==
          numbers_list{{0, 1, 2}, {3, 4, 5}, {6}});
    CHECK((yoke::from(numbers(6)) | yoke::batch(3) | yoke::collect()) == numbers_list{{0, 1, 2}, {3, 4, 5}});
    CHECK((yoke::from(numbers(2)) | yoke::batch(1) | yoke::collect()) == numbers_list{{0}, {1}});
    CHECK((yoke::from(numbers(0)) | yoke::batch(3) | yoke::collect()).empty());

    yoke::thread_pool pool(3);
    const auto batches = yoke::from(numbers(10'001)) | yoke::stage(pool, dawdle) | yoke::batch(10) |
                         yoke::stage(pool, [](std::vector<int> part) { return part; }) | yoke::collect();
    REQUIRE(batches.size() == 1'001);
    int next = 0;
    bool in_order = true;
    for (const auto& part : batches)
        for (const int x : part) in_order = in_order && x == next++;
    CHECK(in_order);
    CHECK(next == 10'001);
    CHECK(batches.back().size() == 1);
}

TEST_CASE("a batch may be larger than the bound") {
    CHECK((yoke::from(numbers(10)) | yoke::batch(8) | yoke::collect({.items = 1})) ==
          numbers_list{{0, 1, 2, 3, 4, 5, 6, 7}, {8, 9}});
    CHECK((yoke::from(numbers(1'000)) | yoke::batch(10) | yoke::batch(10) | yoke::collect({.items = 3}))
              .size() == 10);
}

TEST_CASE("batches form across what is filtered, flattened or batched before them", "[concurrent]") {
    yoke::thread_pool pool(3);
    const auto batches =
        yoke::from(numbers(3'000)) | yoke::stage(pool, dawdle) |
        yoke::filter([](int x) { return x % 2 == 0; }) |
        yoke::stage(pool, [](int x) { return std::vector<int>(static_cast<std::size_t>(x % 3), x); }) |
        yoke::flatten() | yoke::batch(2) | yoke::stage(pool, [](std::vector<int> part) { return part; }) |
        yoke::batch(3) | yoke::collect();
    std::vector<int> expected;
    for (int i = 0; i < 3'000; i += 2) expected.insert(expected.end(), static_cast<std::size_t>(i % 3), i);
    std::vector<int> all;
    for (std::size_t b = 0; b != batches.size(); ++b) {
        if (b + 1 != batches.size()) REQUIRE(batches[b].size() == 3);
        for (std::size_t p = 0; p != batches[b].size(); ++p) {
            if (b + 1 != batches.size()) REQUIRE(batches[b][p].size() == 2);
            all.insert(all.end(), batches[b][p].begin(), batches[b][p].end());
        }
    }
    CHECK(all == expected);
}

TEST_CASE("the last batch is completed when the items after it are filtered away", "[concurrent]") {
    yoke::thread_pool pool(2);
    for (int round = 0; round != 50; ++round) {
        const auto batches = yoke::from(numbers(12)) | yoke::stage(pool, dawdle) |
                             yoke::filter([](int x) { return x < 5; }) | yoke::batch(3) | yoke::collect();
        REQUIRE(batches == numbers_list{{0, 1, 2}, {3, 4}});
    }
}

TEST_CASE("parts after a stage elsewhere and right after the source work alike", "[concurrent]") {
    yoke::thread_pool pool(2);
    remote_executor elsewhere(pool);
    const auto parts = yoke::from(numbers(100)) | yoke::batch(7) | yoke::flatten() |
                       yoke::filter([](int x) { return x % 2 == 1; }) | yoke::stage(elsewhere, dawdle) |
                       yoke::batch(4) | yoke::flatten() | yoke::filter([](int x) { return x % 3 == 0; }) |
                       yoke::collect();
    std::vector<int> expected;
    for (int i = 3; i < 100; i += 6) expected.push_back(i);
    CHECK(parts == expected);
}
