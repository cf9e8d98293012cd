// SPDX-License-Identifier: MIT
//
// What the state behind a future promises to those who are told of it, and that a completion which anybody can see means
// that all that the work held is gone, whatever kind of work it was.
#include "catch.hpp"
#include "support/executors.hpp"

#include <yoke/algorithm/timer.hpp>
#include <yoke/detail/future/state.hpp>
#include <yoke/executor/inline_executor.hpp>
#include <yoke/executor/task_group.hpp>
#include <yoke/executor/thread_pool.hpp>
#include <yoke/future.hpp>
#include <yoke/future/completion.hpp>
#include <yoke/schedule.hpp>

#include <atomic>
#include <chrono>
#include <functional>
#include <latch>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

using namespace std::chrono_literals;
using yoke_test::manual_executor;
using yoke_test::thread_executor;

namespace {

/// A state that waits for another one, as a `then` does.
class waiting_state final : public yoke::detail::future_state<int> {
public:
    explicit waiting_state(future_core* awaited) : future_state<int>(1), awaited_(awaited) {}

private:
    yoke::detail::state_ref<future_core> help_here(std::size_t&) noexcept override {
        want();
        if (awaited_ == nullptr) return {};
        awaited_->acquire();
        return yoke::detail::state_ref<future_core>(awaited_);
    }
    future_core* awaited_;
};

/// Counts what it is told. At the first news it has more of them, after somebody has helped again.
struct counting_continuation final : yoke::detail::continuation {
    explicit counting_continuation(yoke::detail::future_core& of) : state(of) {}
    yoke::detail::state_ref<yoke::detail::future_core> future_done() noexcept override {
        ++ends;
        return {};
    }
    yoke::detail::state_ref<yoke::detail::future_core> future_news() noexcept override {
        if (++news == 1 && again) {
            state.help();
            state.news();
        }
        return {};
    }
    yoke::detail::future_core& state;
    bool again = false;
    int news = 0;
    int ends = 0;
};

template <class State>
yoke::detail::state_ref<State> hold(State* state) {
    return yoke::detail::state_ref<State>(state);
}

/// While one of these lives, the work holds something.
class held {
public:
    explicit held(std::atomic<int>& count) : count_(&count) { ++*count_; }
    held(const held& other) : count_(other.count_) { ++*count_; }
    held(held&& other) noexcept : count_(std::exchange(other.count_, nullptr)) {}
    held& operator=(const held&) = delete;
    ~held() {
        if (count_ == nullptr) return;
        // Long enough for a thread that was told too early to look.
        std::this_thread::yield();
        --*count_;
    }

private:
    std::atomic<int>* count_;
};

yoke::future<void> coroutine_with_local(yoke::thread_pool& pool, std::atomic<int>& count, bool fails) {
    co_await pool.schedule();
    const held local(count);
    if (fails) throw std::domain_error("coroutine");
}
yoke::future<void> coroutine_with_parameter(yoke::thread_pool& pool, held, bool fails) {
    co_await pool.schedule();
    if (fails) throw std::domain_error("coroutine");
}
yoke::future<void> awaiting(yoke::future<void> inner) { co_await std::move(inner); }

yoke::future<int> child(yoke::thread_pool& pool, std::mutex& mutex) {
    co_await pool.schedule();
    const std::lock_guard lock(mutex);
    co_return 1;
}
yoke::future<int> parent(yoke::thread_pool& pool, std::mutex& mutex) {
    const int given = co_await child(pool, mutex);
    const std::lock_guard lock(mutex);  // the child is done, so nobody has it
    co_return given + 1;
}

/// A receiver that looks at the count when it is told.
struct looking_receiver {
    std::atomic<int>* count;
    int* seen;
    void set_value() noexcept { *seen = *count; }
    void set_error(std::exception_ptr) noexcept { *seen = *count; }
    void set_stopped() noexcept { *seen = *count; }
};

}  // namespace

TEST_CASE("news that come while others are told are told in a second round") {
    auto front = hold(new yoke::detail::future_state<int>(1));
    auto state = hold(new waiting_state(front.get()));
    counting_continuation told(*state);
    told.again = true;
    REQUIRE(state->tell(told));
    state->help();
    state->news();
    CHECK(told.news == 2);
    state->set_value(1);
    CHECK(told.ends == 1);
    front->set_value(1);
}

TEST_CASE("news go further only where somebody has helped, and once for each time") {
    auto front = hold(new yoke::detail::future_state<int>(1));
    auto state = hold(new waiting_state(front.get()));
    counting_continuation told(*state);
    REQUIRE(state->tell(told));
    state->news();
    CHECK(told.news == 0);
    state->help();
    state->news();
    state->news();
    CHECK(told.news == 1);
    state->set_value(1);
    state->help();
    state->news();
    CHECK(told.news == 1);
    CHECK(told.ends == 1);
    front->set_value(1);
}

TEST_CASE("a coroutine gives back its locals before anybody hears that it is done", "[concurrent]") {
    yoke::thread_pool pool(2);
    std::mutex mutex;
    for (int round = 0; round != 200; ++round) REQUIRE(parent(pool, mutex).get() == 2);
}

TEST_CASE("when a completion is visible, all that the work held is gone, whatever kind of work it was",
          "[concurrent]") {
    yoke::thread_pool pool(2);
    thread_executor threads;
    yoke::timer timer;
    std::atomic<int> count{0};
    bool fails = false;
    const auto work = [&](held holds) {
        return [&fails, holds] {
            if (fails) throw std::domain_error("work");
        };
    };
    using make = std::function<yoke::future<void>()>;
    const std::vector<std::pair<std::string, make>> kinds = {
        {"submit", [&] { return pool.submit(work(held(count))); }},
        {"submit with an argument", [&] { return pool.submit([](const held&) {}, held(count)); }},
        {"an executor without submit", [&] { return yoke::submit(threads, work(held(count))); }},
        {"then", [&] { return pool.submit([] {}).then(pool, work(held(count))); }},
        {"then that is skipped",
         [&] {
             return pool
                 .submit([&fails] {
                     if (fails) throw std::domain_error("first");
                 })
                 .then(pool, work(held(count)));
         }},
        {"bulk", [&] { return pool.bulk(10, [call = work(held(count))](std::size_t) { call(); }); }},
        {"coroutine with a local", [&] { return coroutine_with_local(pool, count, fails); }},
        {"coroutine with a parameter", [&] { return coroutine_with_parameter(pool, held(count), fails); }},
        {"awaiting coroutine", [&] { return awaiting(coroutine_with_local(pool, count, fails)); }},
        {"after", [&] { return timer.after(pool, 0ms, work(held(count))); }},
        {"every",
         [&] {
             return timer.every(pool, 1ms,
                                [holds = held(count)]() -> void { throw std::domain_error("run"); });
         }},
        {"when_all",
         [&] {
             std::vector<yoke::future<void>> some;
             for (int i = 0; i != 3; ++i) some.push_back(pool.submit(work(held(count))));
             return yoke::when_all(std::move(some));
         }},
        {"results that when_all drops",
         [&] {
             return yoke::when_all(pool.submit([] { throw std::domain_error("first"); }),
                                   pool.submit([&count] { return held(count); }))
                 .then(pool, [](auto) {});
         }},
    };
    for (const auto& [name, begin] : kinds) {
        for (const bool failing : {false, true}) {
            for (const bool helps : {false, true}) {
                INFO(name << ", fails " << failing << ", helps " << helps);
                fails = failing;
                int left = 0;
                for (int round = 0; round != 30; ++round) {
                    auto done = begin();
                    if (helps) {
                        done.wait();
                    } else {
                        (void)done.wait_until(std::chrono::steady_clock::time_point::max());
                    }
                    left += count;
                    try {
                        done.get();
                    } catch (const std::domain_error&) {}  // NOLINT(bugprone-empty-catch)
                }
                CHECK(left == 0);
            }
        }
    }
}

TEST_CASE("what is cancelled or stopped holds nothing either") {
    manual_executor ex;
    yoke::timer timer;
    std::atomic<int> count{0};
    const auto holding = [&count] { return [holds = held(count)] {}; };
    auto submitted = yoke::submit(ex, holding());
    auto chain = yoke::submit(ex, holding()).then(ex, holding()).then(ex, holding());
    auto late = timer.after(ex, 24h, holding());
    auto series = timer.every(ex, 24h, holding());
    CHECK(count == 6);
    CHECK(submitted.cancel());
    CHECK(chain.cancel());
    CHECK(late.cancel());
    CHECK(series.cancel());
    CHECK(count == 0);
    CHECK((submitted.cancel() && chain.cancel() && late.cancel() && series.cancel()));  // as it is so already
}

TEST_CASE("a receiver is told when the call is gone", "[concurrent]") {
    std::atomic<int> count{0};
    for (const bool fails : {false, true}) {
        const auto work = [&count, fails] {
            return [holds = held(count), fails] {
                if (fails) throw std::domain_error("work");
            };
        };
        int here = -1;
        int pooled = -1;
        yoke::inline_executor inline_ex;
        inline_ex.execute(looking_receiver{&count, &here}, work());
        {
            yoke::thread_pool pool(1);
            pool.execute(looking_receiver{&count, &pooled}, work());
        }
        CHECK(here == 0);
        CHECK(pooled == 0);
    }
}

TEST_CASE("a worker whose task a waiter has begun does other work meanwhile", "[concurrent]") {
    std::atomic<bool> ended{false};
    std::latch begun(1);
    std::latch gate(1);
    std::thread waiter;
    {
        yoke::thread_pool pool(1);
        manual_executor first;
        pool.pause();
        auto last = yoke::submit(first, [] {}).then(pool, [&] {
            begun.count_down();
            gate.wait();
            ended = true;
        });
        waiter = std::thread([last = std::move(last)]() mutable { last.get(); });
        begun.wait();  // the waiter runs both, and the pool's only thread finds a task that has begun
        pool.resume();
        auto other = pool.submit([] { return std::this_thread::get_id(); });
        (void)other.wait_until(std::chrono::steady_clock::time_point::max());
        CHECK(other.get() != std::this_thread::get_id());
        CHECK_FALSE(ended);
        CHECK_FALSE(pool.wait_for(0ns));  // the waiter's task is the pool's
        gate.count_down();
        pool.wait();
        CHECK(ended);
    }
    waiter.join();
}

TEST_CASE("full pools whose thens go both ways do not wait for each other", "[concurrent]") {
    for (const bool initialized : {false, true}) {
        const yoke::thread_pool_options options{.threads = 1, .max_pending = 1};
        const auto init = [](std::size_t) {};
        auto make = [&] {
            return initialized ? std::make_unique<yoke::thread_pool>(options, init)
                               : std::make_unique<yoke::thread_pool>(options);
        };
        auto a = make();
        auto b = make();
        std::atomic<int> ran{0};
        std::vector<yoke::future<void>> all;
        for (int i = 0; i != 300; ++i) {
            yoke::thread_pool& from = i % 2 == 0 ? *a : *b;
            yoke::thread_pool& to = i % 2 == 0 ? *b : *a;
            all.push_back(
                from.submit([&ran] { ++ran; }).then(to, [&ran] { ++ran; }).then(from, [&ran] { ++ran; }));
        }
        for (auto& each : all) (void)each.wait_until(std::chrono::steady_clock::time_point::max());
        CHECK(ran == 900);
    }
}
