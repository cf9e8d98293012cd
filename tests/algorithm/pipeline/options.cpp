// SPDX-License-Identifier: MIT
#include <yoke/algorithm/pipeline/options.hpp>

#include "catch.hpp"
#include "support/executors.hpp"
#include "support/pipeline.hpp"

#include <yoke/algorithm/pipeline.hpp>
#include <yoke/executor/inline_executor.hpp>
#include <yoke/executor/thread_pool.hpp>

#include <algorithm>
#include <atomic>
#include <latch>
#include <numeric>
#include <optional>
#include <stdexcept>
#include <thread>
#include <vector>

using yoke_test::remote_executor;

namespace {

std::vector<int> numbers(int count) {
    std::vector<int> all(static_cast<std::size_t>(count));
    std::iota(all.begin(), all.end(), 0);
    return all;
}

int same(int x) { return x; }

}  // namespace

TEST_CASE("there are never more items between source and sink than the bound says", "[concurrent]") {
    yoke::thread_pool pool(3);
    remote_executor elsewhere(pool);
    for (const std::size_t bound : {1U, 2U, 5U, 64U}) {
        int between = 0;
        int most = 0;
        int asked = 0;
        yoke::pipeline_statistics statistics;
        yoke::from([&]() -> std::optional<int> {
            most = std::max(most, ++between);
            if (asked == 3'000) return std::nullopt;
            return asked++;
        }) | yoke::stage(pool, same) |
            yoke::stage(elsewhere, same) | yoke::stage(pool, same) |
            yoke::for_each_result([&](int) { --between; }, {.items = bound, .statistics = &statistics});
        CHECK(most <= static_cast<int>(bound) + 1);  // the last question gave nothing
        CHECK(statistics.most_items <= bound);
        CHECK(statistics.bound == bound);
    }
}

TEST_CASE("a slow item makes the reorder buffer grow to the bound and no further", "[concurrent]") {
    yoke::thread_pool pool(2);
    std::latch buffer_is_full(1);
    std::atomic<int> done{0};
    int asked = 0;
    yoke::from([&]() -> std::optional<int> {
        if (asked == 100) return std::nullopt;
        return asked++;
    }) |
        yoke::stage(pool,
                    [&](int x) {
                        // The first item waits until nine more are done; with a bound of ten there is no eleventh.
                        if (x == 0) buffer_is_full.wait();
                        if (++done == 9) buffer_is_full.count_down();
                        return x;
                    },
                    {.limit = 2}) |
        yoke::for_each_result(
            [&](int x) {
                if (x == 0) CHECK(asked <= 10);
            },
            {.items = 10});
    CHECK(done == 100);
}

TEST_CASE("the default bound is four items per call that may run, at least 64") {
    yoke::inline_executor here;
    yoke::pipeline_statistics statistics;
    yoke::from({1}) | yoke::stage(here, same) | yoke::discard({.statistics = &statistics});
    CHECK(statistics.bound == 64);
    yoke::from({1}) | yoke::stage(here, same, {.limit = 10}) | yoke::stage(here, same, {.limit = 20}) |
        yoke::discard({.statistics = &statistics});
    CHECK(statistics.bound == 120);
}

TEST_CASE("failed items can be set aside while the run goes on", "[concurrent]") {
    yoke::thread_pool pool(3);
    remote_executor elsewhere(pool);
    std::vector<yoke::failed_item> failed;
    yoke::pipeline_statistics statistics;
    const auto results =
        yoke::from(numbers(1'000)) |
        yoke::stage(pool, [](int x) { return x % 10 == 3 ? throw std::runtime_error("three") : x; },
                    {.limit = 1}) |
        yoke::filter([](int x) { return x % 10 == 4 ? throw std::runtime_error("four") : true; }) |
        yoke::stage(elsewhere, [](int x) { return x % 10 == 5 ? throw std::runtime_error("five") : x; }) |
        yoke::stage(pool, same, {}, yoke::longest_first([](int x) { return x % 10 == 6 ? throw 6 : x; })) |
        yoke::batch(2) | yoke::flatten() |
        yoke::collect(
            {.on_error = yoke::error_policy::set_aside, .failed = &failed, .statistics = &statistics});
    std::vector<int> expected;
    for (int i = 0; i != 1'000; ++i)
        if (i % 10 < 3 || i % 10 > 6) expected.push_back(i);
    CHECK(results == expected);
    REQUIRE(failed.size() == 400);
    const auto at = [&](std::size_t stage) {
        return std::count_if(failed.begin(), failed.end(), [&](const auto& f) { return f.stage == stage; });
    };
    CHECK(at(1) == 200);  // stage 1, and the filter after it
    CHECK(at(2) == 100);
    CHECK(at(3) == 100);
    for (const auto& f : failed) {
        if (f.stage != 1) continue;
        try {
            std::rethrow_exception(f.error);
        } catch (const std::runtime_error& error) {
            if (error.what() == std::string("three")) CHECK(f.item % 10 == 3);
        }
    }
    CHECK(statistics.errors == 400);
    CHECK(statistics.items_in == 1'000);
    CHECK(statistics.items_out == 600);
    // Without a place for them they are counted only.
    CHECK((yoke::from(numbers(10)) | yoke::stage(pool, [](int x) { return x == 2 ? throw 2 : x; }) |
           yoke::collect({.on_error = yoke::error_policy::set_aside}))
              .size() == 9);
}

TEST_CASE("errors of source and sink stop the run even if failed items are set aside") {
    const yoke::pipeline_options aside{.on_error = yoke::error_policy::set_aside};
    CHECK_THROWS_AS(yoke::from([]() -> std::optional<int> { throw 1; }) | yoke::collect(aside),
                    yoke::stage_error);
    CHECK_THROWS_AS(yoke::from({1}) | yoke::for_each_result([](int) { throw 1; }, aside), yoke::stage_error);
}

TEST_CASE("stopped now, what has not begun is dropped and the run throws cancelled", "[concurrent]") {
    yoke::thread_pool pool(2);
    std::stop_source stop;
    std::atomic<int> after{0};
    std::atomic<bool> stopped{false};
    int asked = 0;
    CHECK_THROWS_AS(yoke::from([&] { return std::optional(asked++); }) |
                        yoke::stage(pool,
                                    [&](int x) {
                                        if (stopped) ++after;
                                        if (x == 1'000) {
                                            stop.request_stop();
                                            stopped = true;
                                        }
                                        return x;
                                    },
                                    {.limit = 1}) |
                        yoke::discard({.stop = stop.get_token()}),
                    yoke::cancelled);
    CHECK(after == 0);
    CHECK_THROWS_AS(yoke::from([&] { return std::optional(asked++); }) |
                        yoke::discard({.stop = stop.get_token()}),
                    yoke::cancelled);
}

TEST_CASE("drained, everything the source gave goes through and the run returns it", "[concurrent]") {
    yoke::thread_pool pool(3);
    std::stop_source stop;
    int asked = 0;
    const auto results = yoke::from([&] { return std::optional(asked++); }) |
                         yoke::stage(pool,
                                     [&](int x) {
                                         if (x == 1'000) stop.request_stop();
                                         return x;
                                     }) |
                         yoke::batch(7) | yoke::flatten() |
                         yoke::collect({.stop = stop.get_token(), .on_stop = yoke::stop_policy::drain});
    CHECK(asked > 1'000);
    CHECK(results == numbers(asked));
    const auto none = yoke::from([&] { return std::optional(asked++); }) |
                      yoke::collect({.stop = stop.get_token(), .on_stop = yoke::stop_policy::drain});
    CHECK(none.empty());
}

TEST_CASE("a stop request wakes a driving thread that sleeps", "[concurrent]") {
    yoke::thread_pool pool(2);
    for (const auto policy : {yoke::stop_policy::now, yoke::stop_policy::drain}) {
        std::stop_source stop;
        std::latch both_run(2);
        std::jthread stopper([&] {
            both_run.wait();
            stop.request_stop();
        });
        const auto plan = yoke::from(numbers(2)) | yoke::stage(pool, [&, token = stop.get_token()](int x) {
                              both_run.count_down();
                              while (!token.stop_requested()) std::this_thread::yield();
                              return x;
                          });
        if (policy == yoke::stop_policy::now) {
            CHECK_THROWS_AS(plan | yoke::collect({.stop = stop.get_token(), .on_stop = policy}),
                            yoke::cancelled);
        } else {
            CHECK((plan | yoke::collect({.stop = stop.get_token(), .on_stop = policy})) == numbers(2));
        }
    }
}

TEST_CASE("stop cancels calls elsewhere that have not begun", "[concurrent]") {
    yoke::thread_pool pool(1);
    remote_executor elsewhere(pool);
    static std::atomic<int> calls;
    static std::latch* go;
    calls = 0;
    std::latch released(1);
    go = &released;
    std::stop_source stop;
    int asked = 0;
    CHECK_THROWS_AS(yoke::from([&]() -> std::optional<int> {
                        if (asked == 5) {
                            stop.request_stop();
                            released.count_down();
                            return std::nullopt;
                        }
                        return asked++;
                    }) |
                        yoke::stage(elsewhere,
                                    [](int x) {
                                        ++calls;
                                        go->wait();
                                        return x;
                                    },
                                    {.limit = 5}) |
                        yoke::collect({.stop = stop.get_token()}),
                    yoke::cancelled);
    CHECK(elsewhere.calls == 5);
    CHECK(calls <= 1);
}

TEST_CASE("a stop request that comes too late does nothing") {
    yoke::inline_executor here;
    std::stop_source stop;
    CHECK((yoke::from({1, 2}) | yoke::stage(here, same) | yoke::collect({.stop = stop.get_token()})).size() ==
          2);
    stop.request_stop();
}

TEST_CASE("statistics are filled in whichever way a run ends") {
    yoke::inline_executor here;
    yoke::pipeline_statistics statistics;
    yoke::from(numbers(10)) | yoke::stage(here, same, {.name = "a"}) |
        yoke::filter([](int x) { return x < 4; }) | yoke::stage(here, same) |
        yoke::discard({.statistics = &statistics});
    REQUIRE(statistics.stages.size() == 2);
    CHECK(statistics.stages[0].label() == "stage 1 (a)");
    CHECK(statistics.stages[0].items_in == 10);
    CHECK(statistics.stages[0].items_out == 10);
    CHECK(statistics.stages[1].label() == "stage 2");
    CHECK(statistics.stages[1].items_in == 4);
    CHECK(statistics.stages[1].limit == 1);
    CHECK(statistics.items_in == 10);
    CHECK(statistics.items_out == 4);
    CHECK(statistics.errors == 0);

    CHECK_THROWS_AS(yoke::from(numbers(10)) | yoke::stage(here, [](int x) { return x == 5 ? throw 5 : x; }) |
                        yoke::discard({.statistics = &statistics}),
                    yoke::stage_error);
    REQUIRE(statistics.stages.size() == 1);
    CHECK(statistics.stages[0].items_in == 6);
    CHECK(statistics.stages[0].items_out == 5);
    CHECK(statistics.stages[0].errors == 1);
    CHECK(statistics.errors == 1);
}

TEST_CASE("the times of a stage add up to the run's", "[concurrent]") {
    yoke::thread_pool pool(2);
    yoke::pipeline_statistics statistics;
    yoke::from(numbers(2'000)) | yoke::stage(pool, same, {.limit = 1}) | yoke::stage(pool, same) |
        yoke::discard({.statistics = &statistics});
    for (const auto& stage : statistics.stages) {
        CHECK(stage.full + stage.starved + stage.held_up == Catch::Approx(statistics.seconds).epsilon(0.05));
        CHECK(stage.busy <= statistics.seconds * static_cast<double>(stage.limit));
        CHECK(stage.longest_queue >= 1);
    }
    CHECK(statistics.source_seconds + statistics.sink_seconds <= statistics.seconds);
}
