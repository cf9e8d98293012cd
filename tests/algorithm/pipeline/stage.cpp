// SPDX-License-Identifier: MIT
#include <yoke/algorithm/pipeline/stage.hpp>

#include "catch.hpp"
#include "support/executors.hpp"
#include "support/pipeline.hpp"

#include <yoke/algorithm/pipeline.hpp>
#include <yoke/executor/inline_executor.hpp>
#include <yoke/executor/thread_pool.hpp>
#include <yoke/executor/with.hpp>

#include <algorithm>
#include <barrier>
#include <chrono>
#include <latch>
#include <limits>
#include <memory>
#include <mutex>
#include <numeric>
#include <string>
#include <thread>
#include <vector>

using Catch::Matchers::ContainsSubstring;
using yoke_test::gauge;
using yoke_test::remote_executor;

namespace {

std::vector<int> numbers(int count) {
    std::vector<int> all(static_cast<std::size_t>(count));
    std::iota(all.begin(), all.end(), 0);
    return all;
}

struct job {
    int id = 0;
    double length = 0;
};

/// Runs in the caller what could run elsewhere, and remembers what was asked for each call with an argument.
struct curious_executor {
    std::vector<yoke::task_options> seen{};
    bool could_be_stopped = false;

    template <class R, class F, class... Args>
        requires std::is_empty_v<std::decay_t<F>> || std::is_pointer_v<std::decay_t<F>>
    void execute(R&& receiver, F&& f, Args&&... args) {
        if constexpr (sizeof...(Args) != 0) {
            seen.push_back(yoke::options_of(receiver));
            could_be_stopped = seen.back().stop.stop_possible();
        }
        yoke::complete_with_call(std::decay_t<R>(std::forward<R>(receiver)), f, std::forward<Args>(args)...);
    }
    void shutdown() {}
    void shutdown(yoke::cancel_pending_t) {}
    [[nodiscard]] std::size_t concurrency() const { return 1; }
};

/// The ids in the order in which their calls began, one at a time, when all were waiting at once.
template <class Order>
std::vector<int> begun(std::vector<job> jobs, Order order) {
    yoke::inline_executor here;
    std::vector<int> ids;
    yoke::from(std::vector<std::vector<job>>{std::move(jobs)}) | yoke::flatten() |
        yoke::stage(
            here, [&](const job& j) { ids.push_back(j.id); }, {.limit = 1}, order) |
        yoke::discard();
    return ids;
}

}  // namespace

TEST_CASE("no more calls of a stage run at once than its limit, and that many do", "[concurrent]") {
    yoke::thread_pool pool(4);
    gauge one;
    gauge two;
    // The calls of the second stage meet in pairs: with fewer than two at once this would never end.
    std::barrier pairs(2);
    yoke::from(numbers(1'000)) |
        yoke::stage(pool,
                    [&](int x) {
                        const gauge::call counted(one);
                        return x;
                    },
                    {.limit = 1}) |
        yoke::stage(pool,
                    [&](int x) {
                        const gauge::call counted(two);
                        pairs.arrive_and_wait();
                        return x;
                    },
                    {.limit = 2}) |
        yoke::discard();
    CHECK(one.most() == 1);
    CHECK(two.most() == 2);
}

TEST_CASE("no more calls of a stage elsewhere are out at once than its limit, and that many are",
          "[concurrent]") {
    yoke::thread_pool pool(4);
    remote_executor elsewhere(pool);
    static gauge calls;
    static std::barrier<> triples(3);
    yoke::from(numbers(999)) |
        yoke::stage(elsewhere,
                    [](int x) {
                        const gauge::call counted(calls);
                        triples.arrive_and_wait();
                        return x;
                    },
                    {.limit = 3}) |
        yoke::discard();
    CHECK(calls.most() == 3);
}

TEST_CASE("limit 0 means as many calls as the executor can run", "[concurrent]") {
    yoke::thread_pool pool(3);
    std::barrier triples(3);
    yoke::pipeline_statistics statistics;
    yoke::from(numbers(300)) | yoke::stage(pool, [&](int x) {
        triples.arrive_and_wait();
        return x;
    }) | yoke::discard({.statistics = &statistics});
    CHECK(statistics.stages.at(0).limit == 3);
}

TEST_CASE("a limit above the executor's size does no harm", "[concurrent]") {
    yoke::thread_pool pool(2);
    const auto items = numbers(1'000);
    CHECK((yoke::from(items) |
           yoke::stage(pool, [](int x) { return x; }, {.limit = std::numeric_limits<std::size_t>::max()}) |
           yoke::stage(pool, [](int x) { return x; }, {.limit = 1'000}) | yoke::collect()) == items);
}

TEST_CASE("items begin in the order of arrival") {
    CHECK(begun({{1, 30}, {2, 90}, {3, 60}}, yoke::first_come{}) == std::vector{1, 2, 3});
}

TEST_CASE("longest_first begins with the item of the largest cost, and with the first among equals") {
    CHECK(begun({{1, 30}, {2, 90}, {3, 60}, {4, 90}, {5, -1}}, yoke::longest_first(&job::length)) ==
          std::vector{2, 4, 3, 1, 5});
    // A few hundred, against a stable sort.
    std::vector<job> jobs;
    for (int i = 0; i != 500; ++i) jobs.push_back({i, static_cast<double>(i * 7919 % 101)});
    auto sorted = jobs;
    std::stable_sort(sorted.begin(), sorted.end(),
                     [](const job& a, const job& b) { return a.length > b.length; });
    std::vector<int> ids;
    for (const job& j : sorted) ids.push_back(j.id);
    CHECK(begun(jobs, yoke::longest_first(&job::length)) == ids);
}

TEST_CASE("a cost may be computed, be a duration, and not be a number") {
    CHECK(begun({{1, 30}, {2, 90}, {3, 60}}, yoke::longest_first([](const job& j) { return -j.id; })) ==
          std::vector{1, 2, 3});
    CHECK(begun({{1, 30}, {2, 90}, {3, 60}}, yoke::longest_first([](const job& j) {
                    return std::chrono::duration<double>(j.length);
                })) == std::vector{2, 3, 1});
    const double nan = std::numeric_limits<double>::quiet_NaN();
    CHECK(begun({{1, nan}, {2, -1e300}, {3, nan}, {4, 5}}, yoke::longest_first(&job::length)) ==
          std::vector{4, 2, 1, 3});
}

TEST_CASE("what is longest is decided when a worker is free, not before", "[concurrent]") {
    yoke::thread_pool pool(1);
    std::latch all_wait(1);
    std::latch first_began(1);
    std::mutex mutex;
    std::vector<int> order;
    int next = 0;
    const std::vector<int> costs{1, 2, 9, 5};
    yoke::from([&]() -> std::optional<int> {
        if (next == 1) first_began.wait();
        if (next == 4) {
            all_wait.count_down();
            return std::nullopt;
        }
        return costs[static_cast<std::size_t>(next++)];
    }) |
        yoke::stage(
            pool,
            [&](int cost) {
                if (cost == 1) {
                    first_began.count_down();
                    all_wait.wait();
                }
                const std::lock_guard lock(mutex);
                order.push_back(cost);
            },
            {}, yoke::longest_first([](int cost) { return cost; })) |
        yoke::discard();
    CHECK(order == std::vector{1, 9, 5, 2});
}

TEST_CASE("a function may change itself if only one call runs at once", "[concurrent]") {
    yoke::thread_pool pool(2);
    const auto running_sum = [sum = 0](int x) mutable { return sum += x; };
    CHECK((yoke::from({1, 2, 3, 4}) | yoke::stage(pool, running_sum, {.limit = 1}) | yoke::collect()) ==
          std::vector{1, 3, 6, 10});
    const auto plan = yoke::from({1, 2}) | yoke::stage(pool, running_sum, {.limit = 2, .name = "sum"});
    CHECK_THROWS_WITH(plan | yoke::collect(),
                      ContainsSubstring("stage 1 (sum)") && ContainsSubstring("limit to 1"));
    CHECK_THROWS_AS(plan | yoke::collect(), std::invalid_argument);
}

TEST_CASE("a function may be move-only, a pointer, or a member") {
    yoke::inline_executor here;
    const auto add = [by = std::make_unique<int>(10)](int x) { return x + *by; };
    STATIC_REQUIRE(!std::is_copy_constructible_v<decltype(add)>);
    CHECK((yoke::from({1}) | yoke::stage(here, [by = std::make_unique<int>(10)](int x) { return x + *by; }) |
           yoke::collect()) == std::vector{11});
    int (*twice)(int) = [](int x) { return 2 * x; };
    CHECK((yoke::from({1}) | yoke::stage(here, twice) | yoke::collect()) == std::vector{2});
    CHECK((yoke::from(std::vector<job>{{7, 0}}) | yoke::stage(here, &job::id) | yoke::collect()) ==
          std::vector{7});
}

TEST_CASE("a view of an executor may be given as a temporary", "[concurrent]") {
    yoke::thread_pool pool(2);
    remote_executor elsewhere(pool);
    CHECK((yoke::from({1, 2}) | yoke::stage(yoke::with(pool, {.stop = {}}), [](int x) { return x + 1; }) |
           yoke::stage(yoke::with(elsewhere, {.stop = {}}), [](int x) { return x * 2; }) | yoke::collect()) ==
          std::vector{4, 6});
}

TEST_CASE("options out of range are refused and say what is right") {
    yoke::inline_executor here;
    const auto same = [](int x) { return x; };
    CHECK_THROWS_WITH(yoke::from({1}) | yoke::stage(here, same, {.name = "x", .attempts = 0}) |
                          yoke::collect(),
                      ContainsSubstring("stage 1 (x)") && ContainsSubstring("at least once"));
    CHECK_THROWS_WITH(yoke::from({1}) | yoke::stage(here, same) |
                          yoke::stage(here, same, {.timeout = std::chrono::seconds(-1)}) | yoke::collect(),
                      ContainsSubstring("stage 2") && ContainsSubstring("negative"));
    CHECK_THROWS_AS(yoke::batch(0), std::invalid_argument);
}

TEST_CASE("a stage's wishes reach an executor elsewhere") {
    curious_executor elsewhere;
    const auto results =
        yoke::from({1, 2}) |
        yoke::stage(elsewhere, [](int x) { return x; },
                    {.timeout = std::chrono::milliseconds(7), .attempts = 3, .priority = 5}) |
        yoke::collect();
    CHECK(results == std::vector{1, 2});
    REQUIRE(elsewhere.seen.size() == 2);
    CHECK(elsewhere.seen[0].timeout == std::chrono::milliseconds(7));
    CHECK(elsewhere.seen[0].attempts == 3);
    CHECK(elsewhere.seen[0].priority == 5);
    CHECK(elsewhere.could_be_stopped);
    CHECK_FALSE(elsewhere.seen[0].stop.stop_requested());
}

TEST_CASE("an item whose beginning is put off for a longer one that may come begins all the same",
          "[concurrent]") {
    // After the long call the short item is put off, because the third could be longer; and that comes only when the
    // short one has begun.
    for (const bool remote : {false, true}) {
        yoke::thread_pool threads(1);
        yoke::thread_pool others(1);
        remote_executor elsewhere(others);
        static std::latch* begun;
        std::latch short_one_began(1);
        begun = &short_one_began;
        const auto fetch = [](int cost) {
            if (cost == 30) begun->wait();
            return cost;
        };
        const auto work = [](int cost) {
            if (cost == 40) std::this_thread::sleep_for(std::chrono::milliseconds(20));
            if (cost == 1) begun->count_down();
            return cost;
        };
        const auto longest = yoke::longest_first([](int cost) { return cost; });
        const auto fetched = yoke::from({40, 1, 30}) | yoke::stage(threads, fetch, {.limit = 1});
        std::vector<int> results;
        if (remote) {
            results = fetched | yoke::stage(elsewhere, work, {.limit = 1}, longest) | yoke::collect();
        } else {
            results = fetched | yoke::stage(others, work, {.limit = 1}, longest) | yoke::collect();
        }
        CHECK(results == std::vector{40, 1, 30});
    }
}
