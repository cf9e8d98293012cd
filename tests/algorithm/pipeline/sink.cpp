// SPDX-License-Identifier: MIT
#include <yoke/algorithm/pipeline/sink.hpp>

#include "catch.hpp"
#include "support/asleep.hpp"
#include "support/pipeline.hpp"

#include <yoke/algorithm/pipeline.hpp>
#include <yoke/executor/inline_executor.hpp>
#include <yoke/executor/thread_pool.hpp>
#include <yoke/queue/bounded_queue.hpp>

#include <algorithm>
#include <latch>
#include <memory>
#include <numeric>
#include <stdexcept>
#include <stop_token>
#include <thread>
#include <vector>

using Catch::Matchers::ContainsSubstring;

namespace {

std::vector<int> numbers(int count) {
    std::vector<int> all(static_cast<std::size_t>(count));
    std::iota(all.begin(), all.end(), 0);
    return all;
}

}  // namespace

TEST_CASE("for_each_result gets each result once, in order, on the calling thread", "[concurrent]") {
    yoke::thread_pool pool(3);
    std::vector<int> seen;
    bool here = true;
    const auto me = std::this_thread::get_id();
    yoke::from(numbers(5'000)) | yoke::stage(pool, [](int x) { return x; }) |
        yoke::for_each_result([&](int x) {
            here = here && std::this_thread::get_id() == me;
            seen.push_back(x);
        });
    CHECK(here);
    CHECK(seen == numbers(5'000));
}

TEST_CASE("a result is handed to the sink as soon as those before it are out", "[concurrent]") {
    yoke::thread_pool pool(2);
    std::latch first_is_out(1);
    std::vector<int> out;
    yoke::from({1, 2}) | yoke::stage(pool, [&](int x) {
        if (x == 2) first_is_out.wait();
        return x;
    }) | yoke::for_each_result([&](int x) {
        out.push_back(x);
        if (x == 1) first_is_out.count_down();  // or the second would wait for ever
    });
    CHECK(out == std::vector<int>{1, 2});
}

TEST_CASE("unordered sinks get every result once", "[concurrent]") {
    yoke::thread_pool pool(3);
    const auto plan = yoke::from(numbers(5'000)) | yoke::stage(pool, [](int x) { return x; });
    auto collected = plan | yoke::collect(yoke::unordered);
    std::sort(collected.begin(), collected.end());
    CHECK(collected == numbers(5'000));

    std::vector<int> seen;
    plan | yoke::for_each_result([&](int x) { seen.push_back(x); }, yoke::unordered);
    std::sort(seen.begin(), seen.end());
    CHECK(seen == numbers(5'000));
}

TEST_CASE("into pushes the results into a queue and leaves it open", "[concurrent]") {
    yoke::thread_pool pool(2);
    yoke::bounded_queue<std::unique_ptr<int>> queue(2);
    std::vector<int> taken;
    std::jthread consumer([&] {
        while (const auto item = queue.pop()) taken.push_back(**item);
    });
    yoke::from(numbers(500)) | yoke::stage(pool, [](int x) { return std::make_unique<int>(x); }) |
        yoke::into(queue);
    CHECK_FALSE(queue.is_closed());
    yoke::from(numbers(10)) | yoke::stage(pool, [](int x) { return std::make_unique<int>(x); }) |
        yoke::into(queue, yoke::unordered);
    queue.close();
    consumer.join();
    REQUIRE(taken.size() == 510);
    taken.resize(500);
    CHECK(taken == numbers(500));
}

TEST_CASE("a queue that somebody closes ends the pipeline that pushes into it", "[concurrent]") {
    yoke::inline_executor here;
    yoke::bounded_queue<int> queue(2);
    std::jthread consumer([&] {
        queue.pop();
        queue.close();
    });
    try {
        yoke::from(numbers(500)) | yoke::stage(here, [](int x) { return x; }) | yoke::into(queue);
        FAIL("the pipeline went on");
    } catch (const yoke::stage_error& error) {
        CHECK(error.stage() == 2);
        CHECK_THAT(yoke_test::texts(error), ContainsSubstring("the sink") && ContainsSubstring("closed"));
        CHECK_THROWS_AS(std::rethrow_if_nested(error), yoke::queue_closed);
    }
}

TEST_CASE("two pipelines can be chained through a queue", "[concurrent]") {
    yoke::thread_pool pool(2);
    yoke::bounded_queue<int> between(3);
    std::jthread first([&] {
        yoke::from(numbers(1'000)) | yoke::stage(pool, [](int x) { return x + 1; }) | yoke::into(between);
        between.close();
    });
    const auto results =
        yoke::from(between) | yoke::stage(pool, [](int x) { return x - 1; }) | yoke::collect();
    CHECK(results == numbers(1'000));
}

TEST_CASE("discard runs the stages for what they do", "[concurrent]") {
    yoke::thread_pool pool(2);
    std::atomic<int> sum{0};
    yoke::from(numbers(101)) | yoke::stage(pool, [&](int x) { sum += x; }) | yoke::discard();
    CHECK(sum == 5'050);
}

TEST_CASE("a slow sink holds back the source, not the memory", "[concurrent]") {
    yoke::thread_pool pool(2);
    std::atomic<int> between{0};
    int most = 0;
    int asked = 0;
    yoke::from([&]() -> std::optional<int> {
        if (asked == 20'000) return std::nullopt;
        ++between;
        return asked++;
    }) | yoke::stage(pool, [](int x) { return x; }) |
        yoke::for_each_result(
            [&](int x) {
                most = std::max(most, between.load());
                if (x % 100 == 0) std::this_thread::yield();
                --between;
            },
            {.items = 4});
    CHECK(most <= 4);
    CHECK(between == 0);
}

TEST_CASE("a run that fails or is stopped does not wait for room in its queue", "[concurrent]") {
    yoke::thread_pool pool(2);
    for (const bool fails : {false, true}) {
        yoke::bounded_queue<int> full(1);
        REQUIRE(full.try_push(-1));
        std::stop_source stop;
        // Before item 0 is done the driver has asked for item 1 as well. So item 1's call comes, whatever the driver does
        // meanwhile: that is to wait for item 0, then for room.
        std::latch begun(2);
        const auto driver = ::gettid();
        const auto run = [&] {
            yoke::from(numbers(100)) | yoke::stage(pool, [&](int x) {
                if (x < 2) begun.arrive_and_wait();
                while (x == 1 && yoke_test::state_of_thread(driver) != 'S') std::this_thread::yield();
                if (x == 1 && fails) throw std::runtime_error("bad item");
                if (x == 1) stop.request_stop();
                return x;
            }) | yoke::into(full, {.stop = stop.get_token()});
        };
        if (fails) {
            CHECK_THROWS_AS(run(), yoke::stage_error);
        } else {
            CHECK_THROWS_AS(run(), yoke::cancelled);
        }
        CHECK_FALSE(full.is_closed());
        CHECK(full.try_pop() == -1);
    }
}
