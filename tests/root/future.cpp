// SPDX-License-Identifier: MIT
// labels: concurrent
#include "catch.hpp"
#include "support/executors.hpp"

#include <yoke/executor/inline_executor.hpp>
#include <yoke/executor/with.hpp>
#include <yoke/future.hpp>

#include <atomic>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

using yoke_test::manual_executor;
using yoke_test::thread_executor;
using namespace std::chrono_literals;

TEST_CASE("get returns the task's result and leaves the future empty") {
    thread_executor ex;
    auto answer = yoke::submit(
        ex, [](int x) { return x + 1; }, 41);
    REQUIRE(answer.valid());
    REQUIRE(answer.get() == 42);
    REQUIRE_FALSE(answer.valid());
    REQUIRE_THROWS_AS(answer.get(), yoke::no_state);
}

TEST_CASE("an empty future throws no_state from everything but valid") {
    yoke::future<int> empty;
    REQUIRE_FALSE(empty.valid());
    REQUIRE_THROWS_AS(empty.get(), yoke::no_state);
    REQUIRE_THROWS_AS(empty.wait(), yoke::no_state);
    REQUIRE_THROWS_AS(empty.wait_for(1ms), yoke::no_state);
    REQUIRE_THROWS_AS(empty.ready(), yoke::no_state);
    REQUIRE_THROWS_AS(empty.cancel(), yoke::no_state);
    REQUIRE_THROWS_AS(empty.wait_until(std::chrono::steady_clock::now()), yoke::no_state);
    yoke::inline_executor ex;
    REQUIRE_THROWS_AS(empty.then(ex, [](int) {}), yoke::no_state);
    REQUIRE_THROWS_AS(
        [](yoke::future<int>& none) -> yoke::future<int> { co_return co_await none; }(empty).get(),
        yoke::no_state);
    auto moved = yoke::submit(*std::make_unique<yoke::inline_executor>(), [] { return 1; });
    auto target = std::move(moved);
    REQUIRE_FALSE(moved.valid());
    REQUIRE(target.get() == 1);
}

TEST_CASE("move-only functions, arguments and results pass through") {
    thread_executor ex;
    auto out = yoke::submit(
        ex,
        [held = std::make_unique<int>(1)](std::unique_ptr<int> given) {
            return std::make_unique<int>(*held + *given);
        },
        std::make_unique<int>(2));
    REQUIRE(*out.get() == 3);
}

TEST_CASE("a reference result is copied, so nothing dangles") {
    thread_executor ex;
    static const std::string text = "kept";
    auto out = yoke::submit(ex, []() -> const std::string& { return text; });
    STATIC_REQUIRE(std::is_same_v<decltype(out), yoke::future<std::string>>);
    REQUIRE(out.get() == "kept");
}

TEST_CASE("an exception arrives as the object that was thrown, whatever its type") {
    struct private_error {
        int code;
    };
    thread_executor ex;
    REQUIRE_THROWS_AS(yoke::submit(ex, [] { throw std::out_of_range("far"); }).get(), std::out_of_range);
    REQUIRE_THROWS_AS(yoke::submit(ex, []() -> int { throw 42; }).get(), int);
    try {
        yoke::submit(ex, [] { throw private_error{7}; }).get();
        FAIL("nothing was thrown");
    } catch (const private_error& e) {
        REQUIRE(e.code == 7);
    }
}

TEST_CASE("a result that cannot be stored becomes the future's error") {
    struct refuses_to_move {
        refuses_to_move() = default;
        refuses_to_move(refuses_to_move&&) { throw std::runtime_error("will not move"); }
    };
    thread_executor ex;
    auto out = yoke::submit(ex, [] {
        refuses_to_move local;
        return refuses_to_move(std::move(local));
    });
    REQUIRE_THROWS_WITH(out.get(), "will not move");
}

TEST_CASE("the call is destroyed before its future becomes ready") {
    thread_executor ex;
    for (int round = 0; round < 200; ++round) {
        auto held = std::make_shared<int>(round);
        auto out = yoke::submit(ex, [copy = held] { return *copy; });
        out.wait();
        REQUIRE(held.use_count() == 1);
    }
}

TEST_CASE("wait_for tells time-out from outcome and never replaces one by the other") {
    manual_executor ex;
    auto out = yoke::submit(ex, [] { return 5; });
    REQUIRE_FALSE(out.wait_for(0ms));
    REQUIRE_FALSE(out.wait_for(2ms));
    REQUIRE_FALSE(out.ready());
    REQUIRE(ex.run_one());
    REQUIRE(out.wait_for(0ms));
    REQUIRE(out.wait_until(std::chrono::steady_clock::now() - 1h));
    REQUIRE(out.get() == 5);
}

TEST_CASE("cancel before the start wins, and the call is destroyed without running") {
    manual_executor ex;
    bool ran = false;
    auto held = std::make_shared<int>(0);
    auto out = yoke::submit(ex, [&ran, held] { ran = true; });
    REQUIRE(out.cancel());
    REQUIRE(held.use_count() == 1);
    REQUIRE(out.ready());
    ex.run_one();
    REQUIRE_THROWS_AS(out.get(), yoke::cancelled);
    REQUIRE_FALSE(ran);
}

TEST_CASE("cancel after the start loses, and the outcome stays") {
    manual_executor ex;
    auto out = yoke::submit(ex, [] { return 1; });
    ex.run_one();
    REQUIRE_FALSE(out.cancel());
    REQUIRE(out.get() == 1);
}

TEST_CASE("exactly one of ran and cancelled happens when cancel races the start") {
    thread_executor ex;
    for (int round = 0; round < 2000; ++round) {
        std::atomic<int> ran{0};
        auto out = yoke::submit(ex, [&ran] { return ++ran; });
        const bool stopped = out.cancel();
        if (stopped) {
            REQUIRE_THROWS_AS(out.get(), yoke::cancelled);
            REQUIRE(ran == 0);
        } else {
            REQUIRE(out.get() == 1);
        }
    }
}

TEST_CASE("a stop request before the start completes the task as stopped") {
    manual_executor ex;
    std::stop_source source;
    auto stoppable = yoke::with(ex, {.stop = source.get_token()});
    bool ran = false;
    auto out = yoke::submit(stoppable, [&ran] { ran = true; });
    source.request_stop();
    ex.run_one();
    REQUIRE_THROWS_AS(out.get(), yoke::cancelled);
    REQUIRE_FALSE(ran);
}

TEST_CASE("shutdown with cancel_pending completes waiting futures as cancelled") {
    manual_executor ex;
    auto out = yoke::submit(ex, [] { return 1; });
    ex.shutdown(yoke::cancel_pending);
    REQUIRE_THROWS_AS(out.get(), yoke::cancelled);
}

TEST_CASE("an executor that drops a task gives broken_promise, not a hang") {
    manual_executor ex;
    auto out = yoke::submit(ex, [] { return 1; });
    ex.drop_one();
    REQUIRE_THROWS_AS(out.get(), yoke::broken_promise);
}

TEST_CASE("dropping a future neither blocks nor stops the task") {
    manual_executor ex;
    int runs = 0;
    for (int i = 0; i < 100; ++i) (void)yoke::submit(ex, [&runs] { ++runs; });
    while (ex.run_one()) {}
    REQUIRE(runs == 100);
}

TEST_CASE("a waiter runs the awaited task itself when nobody has begun it") {
    manual_executor ex;
    auto out = yoke::submit(ex, [] { return std::this_thread::get_id(); });
    REQUIRE(out.get() == std::this_thread::get_id());
    REQUIRE(ex.run_one());  // only the claimed task's empty shell is left
}

TEST_CASE("a waiter with a deadline runs nothing") {
    manual_executor ex;
    bool ran = false;
    auto out = yoke::submit(ex, [&ran] { ran = true; });
    REQUIRE_FALSE(out.wait_for(1ms));
    REQUIRE_FALSE(ran);
    std::thread worker([&ex] { ex.run_one(); });
    REQUIRE(out.wait_until(std::chrono::steady_clock::time_point::max()));
    worker.join();
    REQUIRE(ran);
}

TEST_CASE("a waiter inside a task runs the awaited task itself when nobody has begun it") {
    manual_executor ex;
    const auto self = std::this_thread::get_id();
    auto outer =
        yoke::submit(ex, [&] { return yoke::submit(ex, [] { return std::this_thread::get_id(); }).get(); });
    REQUIRE(ex.run_one());
    REQUIRE(outer.get() == self);
    REQUIRE(ex.pending() == 1);  // only the claimed task's empty shell is left
    REQUIRE(ex.run_one());
}

TEST_CASE("a waiter inside a task never runs other work than it waits for") {
    manual_executor ex;
    bool other = false;
    auto outer = yoke::submit(ex, [&] {
        auto unrelated = yoke::submit(ex, [&other] { other = true; });
        return yoke::submit(ex, [] { return 1; }).get();
    });
    REQUIRE(ex.run_one());
    REQUIRE(outer.get() == 1);
    REQUIRE_FALSE(other);
}

namespace {

yoke::future<int> add(thread_executor& ex, int a, int b) {
    const int left = co_await yoke::submit(
        ex, [](int x) { return x; }, a);
    const int right = co_await yoke::submit(
        ex, [](int x) { return x; }, b);
    co_return left + right;
}
yoke::future<void> fail(thread_executor& ex) {
    co_await yoke::submit(ex, [] { throw std::domain_error("inside"); });
}
yoke::future<int> two_steps(manual_executor& ex) {
    const int one = co_await yoke::submit(ex, [] { return 1; });
    co_return one + co_await yoke::submit(ex, [] { return 2; });
}

}  // namespace

TEST_CASE("a coroutine awaits futures and is a future itself") {
    thread_executor ex;
    for (int i = 0; i < 300; ++i) REQUIRE(add(ex, i, 1).get() == i + 1);
    REQUIRE_THROWS_AS(fail(ex).get(), std::domain_error);
}

TEST_CASE("awaiting a ready future does not suspend") {
    yoke::inline_executor ex;
    auto immediately = [](yoke::inline_executor& on) -> yoke::future<int> {
        co_return co_await on.submit([] { return 9; });
    };
    auto out = immediately(ex);
    REQUIRE(out.ready());
    REQUIRE(out.get() == 9);
}

TEST_CASE("a waiter inside a task helps a coroutine through every step it awaits") {
    manual_executor ex;  // nothing runs unless the waiter runs it
    auto outer = yoke::submit(ex, [&ex] { return two_steps(ex).get(); });
    REQUIRE(ex.run_one());
    REQUIRE(outer.get() == 3);
}

TEST_CASE("many threads may wait for, complete and drop the same moments of futures") {
    thread_executor ex;
    std::vector<yoke::future<int>> all;
    for (int i = 0; i < 500; ++i) all.push_back(yoke::submit(ex, [i] { return i; }));
    long sum = 0;
    for (auto& f : all) sum += f.get();
    REQUIRE(sum == 500 * 499 / 2);
}
