// SPDX-License-Identifier: MIT
#include <yoke/algorithm/pipeline.hpp>

#include "catch.hpp"
#include "support/pipeline.hpp"

#include <yoke/executor/inline_executor.hpp>
#include <yoke/executor/thread_pool.hpp>

#include <latch>
#include <memory>
#include <numeric>
#include <random>
#include <string>
#include <thread>
#include <variant>
#include <vector>

using yoke_test::remote_executor;

namespace {

struct entry {
    std::string endpoint;
    int interval;
    bool operator==(const entry&) const = default;
};

std::vector<entry> collect_endpoint(const std::string& endpoint) {
    return {{endpoint, 30}, {endpoint, 60}, {endpoint, 90}};
}
std::vector<entry> import_entries(std::vector<entry> entries) { return entries; }
std::string report(const entry& e) { return e.endpoint + "/" + std::to_string(e.interval); }

std::vector<int> numbers(int count) {
    std::vector<int> all(static_cast<std::size_t>(count));
    std::iota(all.begin(), all.end(), 0);
    return all;
}

}  // namespace

TEST_CASE("the documented pipeline gives what the loops give", "[concurrent]") {
    const std::vector<std::string> endpoints{"24h", "1h", "5m"};
    std::vector<std::string> expected;
    for (const auto& endpoint : endpoints)
        for (const auto& e : import_entries(collect_endpoint(endpoint))) expected.push_back(report(e));

    yoke::thread_pool threads(2);
    yoke::thread_pool others(2);
    remote_executor processes(others);
    auto reports = yoke::from(endpoints) | yoke::stage(threads, collect_endpoint, {.limit = 1}) |
                   yoke::stage(threads, import_entries, {.limit = 1}) | yoke::flatten() |
                   yoke::stage(processes, report, {.limit = 4}, yoke::longest_first(&entry::interval)) |
                   yoke::collect();
    STATIC_REQUIRE(std::is_same_v<decltype(reports), std::vector<std::string>>);
    CHECK(reports == expected);
}

TEST_CASE("a pipeline without stages gives what the source gives") {
    CHECK((yoke::from({3, 1, 2}) | yoke::collect()) == std::vector{3, 1, 2});
    CHECK((yoke::from(std::vector<int>{}) | yoke::collect()).empty());
}

TEST_CASE("results come in the order of the source although items overtake one another", "[concurrent]") {
    yoke::thread_pool pool(2);
    std::latch second_is_done(1);
    const auto results = yoke::from({1, 2}) |
                         yoke::stage(pool,
                                     [&](int x) {
                                         if (x == 1) second_is_done.wait();
                                         if (x == 2) second_is_done.count_down();
                                         return x;
                                     }) |
                         yoke::collect();
    CHECK(results == std::vector{1, 2});
}

TEST_CASE("unordered results come as they are done", "[concurrent]") {
    yoke::thread_pool pool(2);
    std::latch second_is_out(1);
    std::vector<int> results;
    yoke::from({1, 2}) |
        yoke::stage(pool,
                    [&](int x) {
                        if (x == 1) second_is_out.wait();
                        return x;
                    }) |
        yoke::for_each_result(
            [&](int x) {
                results.push_back(x);
                if (x == 2) second_is_out.count_down();
            },
            yoke::unordered);
    CHECK(results == std::vector{2, 1});
}

TEST_CASE("a later stage begins before an earlier one has seen all items", "[concurrent]") {
    yoke::thread_pool pool(2);
    std::latch first_is_through(1);
    const auto results = yoke::from({1, 2}) |
                         yoke::stage(pool,
                                     [&](int x) {
                                         if (x == 2) first_is_through.wait();
                                         return x;
                                     },
                                     {.limit = 1}) |
                         yoke::stage(pool,
                                     [&](int x) {
                                         if (x == 1) first_is_through.count_down();
                                         return x;
                                     },
                                     {.limit = 1}) |
                         yoke::collect();
    CHECK(results == std::vector{1, 2});
}

TEST_CASE("the order survives 100,000 items that take different times in several stages", "[concurrent]") {
    yoke::thread_pool pool(3);
    yoke::thread_pool other(2);
    remote_executor elsewhere(other);
    const auto items = numbers(100'000);
    const auto results = yoke::from(items) |
                         yoke::stage(pool,
                                     [](int x) {
                                         thread_local std::minstd_rand random{std::random_device{}()};
                                         for (auto n = random() % 8; n != 0; --n) std::this_thread::yield();
                                         return x;
                                     },
                                     {.limit = 3}) |
                         yoke::stage(elsewhere, [](int x) { return x + 1; }, {.limit = 2}) |
                         yoke::stage(pool, [](int x) { return x - 1; }) | yoke::collect();
    CHECK(results == items);
}

TEST_CASE("move-only items go through everything", "[concurrent]") {
    yoke::thread_pool pool(2);
    std::vector<std::unique_ptr<int>> items;
    for (int i = 0; i != 100; ++i) items.push_back(std::make_unique<int>(i));
    using part = std::vector<std::unique_ptr<int>>;
    auto results = yoke::from(std::move(items)) |
                   yoke::stage(pool, [](std::unique_ptr<int> x) { return x; }) |
                   yoke::filter([](const std::unique_ptr<int>& x) { return *x % 2 == 0; }) | yoke::batch(3) |
                   yoke::stage(
                       pool, [](part&& x) { return std::move(x); }, {.limit = 2},
                       yoke::longest_first([](const part& x) { return x.size(); })) |
                   yoke::flatten() | yoke::collect();
    REQUIRE(results.size() == 50);
    for (int i = 0; i != 50; ++i) CHECK(*results[static_cast<std::size_t>(i)] == 2 * i);
}

TEST_CASE("a pipeline is a value: it can be kept, copied and run several times") {
    yoke::inline_executor here;
    const auto plan = yoke::from(std::vector{1, 2, 3}) | yoke::stage(here, [](int x) { return x * x; });
    STATIC_REQUIRE(std::is_same_v<decltype(plan)::value_type, int>);
    auto longer = plan | yoke::filter([](int x) { return x > 1; });
    CHECK((plan | yoke::collect()) == std::vector{1, 4, 9});
    CHECK((longer | yoke::collect()) == std::vector{4, 9});
    CHECK((std::move(longer) | yoke::collect()) == std::vector{4, 9});
    CHECK((plan | yoke::collect(yoke::unordered)).size() == 3);
}

TEST_CASE("a stage that returns void passes on std::monostate") {
    yoke::inline_executor here;
    int sum = 0;
    const auto nothings =
        yoke::from({1, 2, 3}) | yoke::stage(here, [&](int x) { sum += x; }) | yoke::collect();
    STATIC_REQUIRE(std::is_same_v<decltype(nothings), const std::vector<std::monostate>>);
    CHECK(nothings.size() == 3);
    CHECK(sum == 6);

    remote_executor elsewhere(here);
    CHECK((yoke::from({1, 2}) | yoke::stage(elsewhere, [](int) {}) | yoke::collect()).size() == 2);
}

TEST_CASE("a stage that returns a reference passes on a copy, even of a part of its item") {
    yoke::inline_executor here;
    const auto names = yoke::from(std::vector<entry>{{std::string(100, 'a'), 1}, {"b", 2}}) |
                       yoke::stage(here, [](const entry& e) -> const std::string& { return e.endpoint; }) |
                       yoke::collect();
    CHECK(names == std::vector{std::string(100, 'a'), std::string("b")});
}

TEST_CASE("source and sink are called on the thread that runs the pipeline, stages on their executors",
          "[concurrent]") {
    yoke::thread_pool pool(2);
    const auto me = std::this_thread::get_id();
    int left = 100;
    bool source_here = true;
    bool sink_here = true;
    std::atomic<bool> stage_elsewhere = true;
    yoke::from([&]() -> std::optional<int> {
        source_here = source_here && std::this_thread::get_id() == me;
        if (left == 0) return std::nullopt;
        return left--;
    }) | yoke::stage(pool, [&](int x) {
        if (std::this_thread::get_id() == me) stage_elsewhere = false;
        return x;
    }) | yoke::for_each_result([&](int) { sink_here = sink_here && std::this_thread::get_id() == me; });
    CHECK(source_here);
    CHECK(sink_here);
    CHECK(stage_elsewhere);
}

TEST_CASE("pipelines on several threads may share an executor", "[concurrent]") {
    yoke::thread_pool pool(2);
    std::vector<std::size_t> sizes(4);
    {
        std::vector<std::jthread> threads;
        for (auto& size : sizes) {
            threads.emplace_back([&pool, &size] {
                const auto items = numbers(2'000);
                const auto results = yoke::from(items) |
                                     yoke::stage(pool, [](int x) { return x; }, {.limit = 1}) |
                                     yoke::stage(pool, [](int x) { return x; }) | yoke::collect();
                if (results == items) size = results.size();
            });
        }
    }
    CHECK(sizes == std::vector<std::size_t>(4, 2'000));
}

TEST_CASE("every item and result is destroyed, whichever way a run ends", "[concurrent]") {
    yoke::thread_pool pool(2);
    REQUIRE(yoke_test::token::alive == 0);
    const auto make = [] {
        return [n = 0]() mutable -> std::optional<yoke_test::token> { return yoke_test::token(n++); };
    };
    const auto pass = [](yoke_test::token t) { return t; };
    CHECK_THROWS_AS(yoke::from(make()) | yoke::stage(pool, pass) |
                        yoke::stage(pool,
                                    [](yoke_test::token t) {
                                        if (t.value() == 500) throw std::runtime_error("500");
                                        return t;
                                    }) |
                        yoke::batch(4) | yoke::flatten() | yoke::collect(),
                    yoke::stage_error);
    CHECK(yoke_test::token::alive == 0);
    std::stop_source stop;
    CHECK_THROWS_AS(yoke::from(make()) | yoke::stage(pool, pass) | yoke::batch(3) |
                        yoke::stage(pool,
                                    [&](std::vector<yoke_test::token> t) {
                                        if (t.front().value() > 300) stop.request_stop();
                                        return t;
                                    }) |
                        yoke::discard({.stop = stop.get_token()}),
                    yoke::cancelled);
    CHECK(yoke_test::token::alive == 0);
}
