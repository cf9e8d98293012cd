// SPDX-License-Identifier: MIT
#include <yoke/schedule.hpp>

#include <yoke/executor/inline_executor.hpp>
#include <yoke/executor/thread_pool.hpp>
#include <yoke/executor/with.hpp>
#include <yoke/future/completion.hpp>

#include "catch.hpp"
#include "support/executors.hpp"

#include <atomic>
#include <chrono>
#include <coroutine>
#include <latch>
#include <memory>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

using yoke_test::manual_executor;
using yoke_test::thread_executor;

namespace {

/// A coroutine that has nothing to do with yoke and runs by itself.
struct detached {
    struct promise_type {
        detached get_return_object() noexcept { return {}; }
        std::suspend_never initial_suspend() noexcept { return {}; }
        std::suspend_never final_suspend() noexcept { return {}; }
        void return_void() noexcept {}
        void unhandled_exception() noexcept { std::terminate(); }
    };
};

template <class E>
yoke::future<std::thread::id> thread_of(E& ex) {
    co_await yoke::schedule(ex);
    co_return std::this_thread::get_id();
}

template <class E>
yoke::future<int> steps(E& ex, int n) {
    int done = 0;
    for (; done != n; ++done) co_await yoke::schedule(ex);
    co_return done;
}

/// What the co_await throws: 0 nothing, 1 pool_closed, 2 cancelled, 3 broken_promise.
template <class E>
yoke::future<int> what_happens(E& ex) {
    try {
        co_await yoke::schedule(ex);
    } catch (const yoke::pool_closed&) {
        co_return 1;
    } catch (const yoke::cancelled&) {
        co_return 2;
    } catch (const yoke::broken_promise&) {
        co_return 3;
    }
    co_return 0;
}

yoke::future<int> after_a_task_elsewhere(thread_executor& other, std::latch& gate, yoke::thread_pool& pool) {
    co_await yoke::submit(other, [&gate] { gate.wait(); });
    co_await pool.schedule();
    co_await pool.schedule();
    co_return 3;
}

}  // namespace

TEST_CASE("a coroutine goes on on a thread of the pool, every time", "[concurrent]") {
    yoke::thread_pool pool(1);
    auto asked = pool.submit([] { return std::this_thread::get_id(); });
    static_cast<void>(asked.wait_until(std::chrono::steady_clock::time_point::max()));
    const auto worker = asked.get();
    for (int round = 0; round != 500; ++round) REQUIRE(thread_of(pool).get() == worker);
}

TEST_CASE("schedule queues, also for a coroutine that runs on the executor already") {
    manual_executor ex;
    auto three = steps(ex, 3);
    for (int i = 0; i != 3; ++i) {
        REQUIRE_FALSE(three.ready());
        REQUIRE(ex.pending() == 1);
        REQUIRE(ex.run_one());
    }
    REQUIRE(ex.pending() == 0);
    REQUIRE(three.get() == 3);
}

TEST_CASE("with an inline executor it goes on where it is") {
    yoke::inline_executor ex;
    auto here = thread_of(ex);
    REQUIRE(here.ready());
    REQUIRE(here.get() == std::this_thread::get_id());
    REQUIRE(steps(ex, 100).get() == 100);
}

TEST_CASE("a closed executor throws pool_closed out of the co_await, where the coroutine is") {
    yoke::thread_pool pool(1);
    pool.shutdown();
    auto out = what_happens(pool);
    REQUIRE(out.ready());
    REQUIRE(out.get() == 1);
}

TEST_CASE("what is stopped or dropped before it begins throws out of the co_await") {
    {
        manual_executor ex;
        auto out = what_happens(ex);
        ex.shutdown(yoke::cancel_pending);
        REQUIRE(out.get() == 2);
    }
    {
        manual_executor ex;
        std::stop_source source;
        auto stoppable = yoke::with(ex, {.stop = source.get_token()});
        auto out = what_happens(stoppable);
        source.request_stop();
        REQUIRE(ex.run_one());
        REQUIRE(out.get() == 2);
    }
    {
        manual_executor ex;
        auto out = what_happens(ex);
        ex.drop_one();
        REQUIRE(out.get() == 3);
    }
}

TEST_CASE("a pool that cancels what is pending stops coroutines in its queue", "[concurrent]") {
    std::latch hold(1);
    yoke::thread_pool pool(1);
    std::latch begun(1);
    pool.detach([&] {
        begun.count_down();
        hold.wait();
    });
    begun.wait();
    auto out = what_happens(pool);
    pool.shutdown(yoke::cancel_pending);
    REQUIRE(out.get() == 2);
    hold.count_down();
}

TEST_CASE("any coroutine can await it, and the pool's end waits for what it does then", "[concurrent]") {
    std::atomic<int> ran{0};
    {
        yoke::thread_pool pool(2);
        for (int i = 0; i != 100; ++i) {
            [](yoke::thread_pool& on, std::atomic<int>& count) -> detached {
                co_await on.schedule();
                ++count;
            }(pool, ran);
        }
    }
    REQUIRE(ran == 100);
}

TEST_CASE("many coroutines hop between two pools", "[concurrent]") {
    yoke::thread_pool a(2);
    yoke::thread_pool b(2);
    const auto hops = [](yoke::thread_pool& from, yoke::thread_pool& to) -> yoke::future<int> {
        int sum = 0;
        for (int i = 0; i != 50; ++i) {
            co_await from.schedule();
            ++sum;
            co_await to.schedule();
            ++sum;
        }
        co_return sum;
    };
    std::vector<yoke::future<int>> all;
    for (int i = 0; i != 100; ++i) all.push_back(i % 2 == 0 ? hops(a, b) : hops(b, a));
    for (int sum : yoke::when_all(std::move(all)).get()) REQUIRE(sum == 100);
}

TEST_CASE("a waiter inside a task resumes the coroutine it waits for") {
    manual_executor ex;  // nothing runs unless the waiter runs it
    auto outer = yoke::submit(ex, [&ex] { return steps(ex, 5).get(); });
    REQUIRE(ex.run_one());
    REQUIRE(outer.ready());
    REQUIRE(outer.get() == 5);
}

TEST_CASE("a waiter on the only thread is woken to resume what was scheduled meanwhile", "[concurrent]") {
    yoke::thread_pool pool(1);
    for (int round = 0; round != 200; ++round) {
        thread_executor other;
        std::latch gate(1);
        std::latch waiting(1);
        auto outer = pool.submit([&] {
            auto inner = after_a_task_elsewhere(other, gate, pool);
            waiting.count_down();
            return inner.get();
        });
        waiting.wait();
        for (int i = 0; i < round; ++i) std::this_thread::yield();
        gate.count_down();
        REQUIRE(outer.get() == 3);
    }
}

TEST_CASE("an exception after it arrives in the coroutine's future", "[concurrent]") {
    yoke::thread_pool pool(1);
    auto fails = [](yoke::thread_pool& on) -> yoke::future<void> {
        co_await on.schedule();
        throw std::domain_error("on the pool");
    };
    REQUIRE_THROWS_AS(fails(pool).get(), std::domain_error);
}
