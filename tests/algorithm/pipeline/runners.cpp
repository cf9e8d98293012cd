// SPDX-License-Identifier: MIT
#include <yoke/algorithm/pipeline/runners.hpp>

#include "catch.hpp"
#include "support/executors.hpp"
#include "support/pipeline.hpp"

#include <yoke/algorithm/pipeline.hpp>
#include <yoke/executor/inline_executor.hpp>
#include <yoke/executor/thread_pool.hpp>
#include <yoke/executor/with.hpp>

#include <atomic>
#include <latch>
#include <memory>
#include <numeric>
#include <optional>
#include <stop_token>
#include <string>
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

TEST_CASE("a pipeline inside a task of a pool of one thread uses that pool and ends", "[concurrent]") {
    yoke::thread_pool pool(1);
    const auto results = pool.submit([&] {
                                 return yoke::from(numbers(1'000)) | yoke::stage(pool, same) |
                                        yoke::stage(pool, same, {.limit = 3}) | yoke::batch(3) |
                                        yoke::flatten() | yoke::collect();
                             })
                             .get();
    CHECK(results == numbers(1'000));
}

TEST_CASE("pipelines nest to any depth on a pool of one thread", "[concurrent]") {
    yoke::thread_pool pool(1);
    struct nest {
        yoke::thread_pool& pool;
        int operator()(int depth) const {
            if (depth == 0) return 1;
            int sum = 0;
            yoke::from({1, 2, 3}) | yoke::stage(pool, [this, depth](int) { return (*this)(depth - 1); }) |
                yoke::for_each_result([&](int x) { sum += x; });
            return sum;
        }
    };
    CHECK(nest{pool}(5) == 243);
    CHECK(pool.submit(nest{pool}, 5).get() == 243);
}

TEST_CASE("a nested pipeline ends when an item comes back from elsewhere while its driver sleeps",
          "[concurrent]") {
    yoke::thread_pool pool(1);
    yoke::thread_pool other(1);
    remote_executor elsewhere(other);
    for (int round = 0; round != 20; ++round) {
        const auto results = pool.submit([&] {
                                     return yoke::from(numbers(50)) | yoke::stage(pool, same) |
                                            yoke::stage(elsewhere, same) | yoke::stage(pool, same) |
                                            yoke::collect({.items = 2});
                                 })
                                 .get();
        REQUIRE(results == numbers(50));
    }
}

TEST_CASE("a nested pipeline keeps its limits", "[concurrent]") {
    yoke::thread_pool pool(2);
    yoke_test::gauge one;
    pool.submit([&] {
            yoke::from(numbers(2'000)) |
                yoke::stage(pool,
                            [&](int x) {
                                const yoke_test::gauge::call counted(one);
                                return x;
                            },
                            {.limit = 1}) |
                yoke::stage(pool, same) | yoke::discard();
        })
        .get();
    CHECK(one.most() == 1);
}

TEST_CASE("runners that begin after the run is over touch nothing of it", "[concurrent]") {
    yoke::thread_pool pool(1);
    auto results = std::make_unique<std::vector<int>>();
    auto outer = pool.submit([&] {
        // The only worker is this task: all calls are made by the driver, and what it asked the pool for comes later.
        auto private_state = std::make_unique<int>(1);
        *results = yoke::from(numbers(10)) |
                   yoke::stage(pool, [&private_state](int x) { return x + *private_state; }) |
                   yoke::collect();
        private_state.reset();
    });
    outer.get();
    CHECK(results->size() == 10);
    pool.submit([] {}).get();
    pool.wait();
}

TEST_CASE("a million items on the inline executor need no deep stack") {
    yoke::inline_executor here;
    yoke::inline_executor there;
    long long sum = 0;
    yoke::from([n = 0]() mutable -> std::optional<int> {
        return n == 1'000'000 ? std::nullopt : std::optional(n++);
    }) | yoke::stage(here, same, {.limit = 4}) |
        yoke::stage(there, same) | yoke::stage(here, same) | yoke::for_each_result([&](int x) { sum += x; });
    CHECK(sum == 499'999'500'000);
}

TEST_CASE("runners make room for other work of their pool", "[concurrent]") {
    yoke::basic_thread_pool<yoke::fifo> pool(1);
    std::atomic<bool> other_ran{false};
    std::latch stage_began(1);
    std::jthread other([&] {
        stage_began.wait();
        pool.submit([&] { other_ran = true; }).get();
    });
    // Ends only because the pool's one thread leaves the pipeline for a moment although that never runs dry.
    std::atomic<bool> told{false};
    CHECK_NOTHROW(
        yoke::from([&]() -> std::optional<int> { return other_ran ? std::nullopt : std::optional(1); }) |
        yoke::stage(pool,
                    [&](int x) {
                        if (!told.exchange(true)) stage_began.count_down();
                        return x;
                    }) |
        yoke::discard());
    CHECK(other_ran);
}

TEST_CASE("an executor with a thread per task works as any other", "[concurrent]") {
    yoke_test::thread_executor threads;
    remote_executor elsewhere(threads);
    CHECK((yoke::from(numbers(100)) | yoke::stage(threads, same, {.limit = 3}) |
           yoke::stage(elsewhere, same, {.limit = 2}) | yoke::collect()) == numbers(100));
}

TEST_CASE("a worker prefers the stage nearest to the end, so that items leave before others come") {
    yoke::inline_executor here;
    std::string order;
    yoke::from(std::vector<std::string>{"ab"}) | yoke::flatten() | yoke::stage(here, [&](char c) {
        order += c;
        return c;
    }) | yoke::stage(here, [&](char c) {
        order += static_cast<char>(c - 'a' + 'A');
    }) | yoke::discard();
    CHECK(order == "aAbB");
}

TEST_CASE("a run all of whose runners are refused ends, however many they may be", "[concurrent]") {
    std::stop_source stop;
    stop.request_stop();
    yoke::thread_pool pool(3);
    auto stopped = yoke::with(pool, {.stop = stop.get_token()});
    for (const auto on_error : {yoke::error_policy::stop, yoke::error_policy::set_aside}) {
        std::vector<yoke::failed_item> failed;
        const auto run = [&] {
            return yoke::from(numbers(200)) | yoke::stage(stopped, same) |
                   yoke::collect({.on_error = on_error, .failed = &failed});
        };
        if (on_error == yoke::error_policy::stop) {
            CHECK_THROWS_AS(run(), yoke::stage_error);
        } else {
            CHECK(run().empty());
            CHECK(failed.size() == 200);
        }
    }
}
