// SPDX-License-Identifier: MIT
// labels: concurrent process
//
// What future::then promises, on executors in this address space and on worker processes, alone and mixed.
#include "catch.hpp"
#include "support/executors.hpp"

#include <yoke/executor/inline_executor.hpp>
#include <yoke/executor/process_pool.hpp>
#include <yoke/executor/thread_pool.hpp>
#include <yoke/executor/with.hpp>
#include <yoke/future.hpp>
#include <yoke/future/completion.hpp>

#include <algorithm>
#include <atomic>
#include <latch>
#include <memory>
#include <semaphore>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

using yoke_test::manual_executor;
using yoke_test::thread_executor;

namespace {

/// Throws when it is copied; a move is fine.
struct throws_when_copied {
    throws_when_copied() = default;
    throws_when_copied(const throws_when_copied&) { throw std::length_error("will not be copied"); }
    throws_when_copied(throws_when_copied&&) = default;
    int operator()(int x) const { return x; }
};

/// A task that has begun and waits at a gate, on a thread that no pool knows.
class elsewhere {
public:
    yoke::future<int> begin(int result) {
        std::latch begun(1);
        auto task = yoke::submit(ex_, [this, result, &begun] {
            begun.count_down();
            gate_.acquire();
            return result;
        });
        begun.wait();
        return task;
    }
    void open() { gate_.release(); }

private:
    std::counting_semaphore<> gate_{0};
    thread_executor ex_;
};

/// The result, without running anything here.
template <class R>
R only_wait(yoke::future<R> future) {
    static_cast<void>(future.wait_until(std::chrono::steady_clock::time_point::max()));
    return future.get();
}

int add_one(int x) { return x + 1; }

}  // namespace

TEST_CASE("then runs the function with the result, on any executor, as often as one likes", "[concurrent]") {
    yoke::thread_pool pool(2);
    yoke::inline_executor here;
    thread_executor threads;
    auto text = pool.submit([] { return 40; })
                    .then(threads, add_one)
                    .then(here, [](int x) { return std::make_unique<int>(x + 1); })
                    .then(pool, [](std::unique_ptr<int> x) { return std::to_string(*x); });
    STATIC_REQUIRE(std::is_same_v<decltype(text), yoke::future<std::string>>);
    REQUIRE(text.get() == "42");
}

TEST_CASE("then passes nothing on from void, and a returned reference as a copy") {
    yoke::inline_executor ex;
    int runs = 0;
    static const std::string kept = "kept";
    auto out = ex.submit([&] { ++runs; }).then(ex, [&] { ++runs; }).then(ex, [&]() -> const std::string& {
        return ++runs, kept;
    });
    STATIC_REQUIRE(std::is_same_v<decltype(out), yoke::future<std::string>>);
    REQUIRE(out.get() == "kept");
    REQUIRE(runs == 3);
}

TEST_CASE("then leaves the future empty, and refuses an empty one") {
    yoke::inline_executor ex;
    auto first = ex.submit([] { return 1; });
    auto second = first.then(ex, add_one);
    REQUIRE_FALSE(first.valid());
    REQUIRE_THROWS_AS(first.then(ex, add_one), yoke::no_state);
    REQUIRE(second.get() == 2);
}

TEST_CASE("when the function cannot be copied the future is as it was") {
    yoke::inline_executor ex;
    const throws_when_copied f;
    auto first = ex.submit([] { return 1; });
    REQUIRE_THROWS_AS(first.then(ex, f), std::length_error);
    REQUIRE(first.get() == 1);
}

TEST_CASE("an error or a stop goes past the function to the last future, and the function is gone by then") {
    manual_executor ex;
    auto held = std::make_shared<int>(0);
    bool ran = false;
    auto failed = yoke::submit(ex, []() -> int {
                      throw std::domain_error("first");
                  }).then(ex, [&ran, held](int x) {
                        return ran = true, x;
                    }).then(ex, [&ran, held](int) { ran = true; });
    auto first = yoke::submit(ex, [] { return 1; });
    auto stopped = yoke::submit(ex, [] { return 1; });
    REQUIRE(ex.run_one());
    REQUIRE(failed.ready());
    REQUIRE(held.use_count() == 1);
    REQUIRE_THROWS_AS(failed.get(), std::domain_error);
    stopped.cancel();
    auto after = stopped.then(ex, [&ran, held](int) { ran = true; });
    REQUIRE_THROWS_AS(after.get(), yoke::cancelled);
    REQUIRE(held.use_count() == 1);
    REQUIRE_FALSE(ran);
}

TEST_CASE("a function that takes the future runs in any case and finds it done") {
    yoke::inline_executor ex;
    const auto rescue = [](yoke::future<int> done) {
        if (!done.ready()) return -1;
        try {
            return done.get();
        } catch (const std::domain_error&) {
            return 7;
        }
    };
    REQUIRE(ex.submit([] { return 3; }).then(ex, rescue).get() == 3);
    REQUIRE(ex.submit([]() -> int { throw std::domain_error("no"); }).then(ex, rescue).get() == 7);
    REQUIRE(ex.submit([] {}).then(ex, [](yoke::future<void> done) { return done.ready(); }).get());

    manual_executor slow;
    auto first = yoke::submit(slow, [] {});
    first.cancel();
    auto told = first.then(ex, [](yoke::future<void> done) {
        try {
            done.get();
        } catch (const yoke::cancelled&) {
            return true;
        }
        return false;
    });
    REQUIRE(told.get());
}

TEST_CASE("what the function throws arrives in the returned future") {
    yoke::inline_executor ex;
    REQUIRE_THROWS_AS(ex.submit([] { return 1; }).then(ex, [](int) -> int { throw 42; }).get(), int);
}

TEST_CASE("the function runs on its executor, whoever completed the future before", "[concurrent]") {
    yoke::thread_pool first(1);
    yoke::thread_pool second(1);
    const auto worker = only_wait(second.submit([] { return std::this_thread::get_id(); }));
    const auto where = [](int) { return std::this_thread::get_id(); };
    for (int round = 0; round != 200; ++round) {
        auto before = first.submit([] { return 1; });
        if (round % 2 == 0) before.wait();
        REQUIRE(only_wait(before.then(second, where)) == worker);
    }
}

TEST_CASE("an executor that was closed meanwhile refuses, and that arrives in the returned future") {
    manual_executor slow;
    yoke::thread_pool closed(1);
    bool ran = false;
    auto after = yoke::submit(slow, [] { return 1; }).then(closed, [&ran](int) { ran = true; });
    closed.shutdown();
    REQUIRE(slow.run_one());
    REQUIRE_THROWS_AS(after.get(), yoke::pool_closed);
    auto further =
        yoke::submit(slow, [] {}).then(closed, [&ran] { ran = true; }).then(slow, [&ran] { ran = true; });
    REQUIRE(slow.run_one());
    REQUIRE_THROWS_AS(further.get(), yoke::pool_closed);
    REQUIRE_FALSE(ran);
}

TEST_CASE("an executor that cancels what is pending stops the function") {
    yoke::inline_executor first;
    manual_executor ex;
    auto after = first.submit([] { return 1; }).then(ex, add_one);
    ex.shutdown(yoke::cancel_pending);
    REQUIRE_THROWS_AS(after.get(), yoke::cancelled);
}

TEST_CASE("an executor that drops the function gives broken_promise") {
    yoke::inline_executor first;
    manual_executor ex;
    auto after = first.submit([] { return 1; }).then(ex, add_one);
    ex.drop_one();
    REQUIRE_THROWS_AS(after.get(), yoke::broken_promise);
}

TEST_CASE("the executor's stop token is looked at when the function's turn comes") {
    yoke::inline_executor first;
    manual_executor ex;
    std::stop_source source;
    auto stoppable = yoke::with(ex, {.stop = source.get_token()});
    bool ran = false;
    auto after = first.submit([] {}).then(stoppable, [&ran] { ran = true; });
    source.request_stop();
    REQUIRE(ex.run_one());
    REQUIRE_THROWS_AS(after.get(), yoke::cancelled);
    REQUIRE_FALSE(ran);
}

TEST_CASE("cancel before anything has begun cancels the whole chain") {
    manual_executor ex;
    bool ran = false;
    auto held = std::make_shared<int>(0);
    auto last = yoke::submit(ex, [&ran, held] {
                    return ran = true, 1;
                }).then(ex, [&ran, held](int x) {
                      return ran = true, x;
                  }).then(ex, [&ran, held](int) { ran = true; });
    REQUIRE(last.cancel());
    REQUIRE(last.ready());
    REQUIRE(held.use_count() == 1);
    while (ex.run_one()) {}
    REQUIRE_THROWS_AS(last.get(), yoke::cancelled);
    REQUIRE_FALSE(ran);
}

TEST_CASE("cancel while the future before runs drops the function only", "[concurrent]") {
    elsewhere other;
    yoke::thread_pool pool(1);
    std::atomic<bool> ran{false};
    {
        auto before = other.begin(1);
        auto last = before.then(pool, [&ran](int) { ran = true; });
        REQUIRE(last.cancel());
        REQUIRE(last.cancel());  // as it is so already
        REQUIRE_THROWS_AS(last.get(), yoke::cancelled);
        other.open();
    }
    pool.wait();
    REQUIRE_FALSE(ran);
}

TEST_CASE("cancel when the function is queued wins, when it has begun loses") {
    yoke::inline_executor first;
    manual_executor ex;
    int runs = 0;
    auto queued = first.submit([] { return 1; }).then(ex, [&runs](int) { ++runs; });
    auto begun = first.submit([] { return 1; }).then(ex, [&runs](int) { ++runs; });
    REQUIRE(queued.cancel());
    REQUIRE_THROWS_AS(queued.get(), yoke::cancelled);
    while (ex.run_one()) {}
    REQUIRE_FALSE(begun.cancel());
    begun.get();
    REQUIRE(runs == 1);
}

TEST_CASE("exactly one of ran and cancelled happens when cancel races the future before", "[concurrent]") {
    yoke::thread_pool first(1);
    yoke::thread_pool second(1);
    for (int round = 0; round != 3000; ++round) {
        std::atomic<int> ran{0};
        auto last = first.submit([] { return 1; }).then(second, [&ran](int) { return ++ran; });
        if (last.cancel()) {
            REQUIRE_THROWS_AS(last.get(), yoke::cancelled);
            first.wait();
            second.wait();
            REQUIRE(ran == 0);
        } else {
            REQUIRE(last.get() == 1);
        }
    }
}

TEST_CASE("dropping the returned future neither blocks nor stops the function", "[concurrent]") {
    std::atomic<int> ran{0};
    std::vector<std::shared_ptr<int>> held;
    {
        yoke::thread_pool last(2);
        {
            yoke::thread_pool first(1);
            for (int i = 0; i != 500; ++i) {
                held.push_back(std::make_shared<int>(i));
                (void)first.submit([] { return 1; }).then(last, [&ran, copy = held.back()](int) { ++ran; });
            }
        }
    }
    REQUIRE(ran == 500);
    for (const auto& one : held) REQUIRE(one.use_count() == 1);
}

TEST_CASE("a long chain keeps nothing that is done and needs no stack for its length", "[concurrent]") {
    yoke::thread_pool pool(2);
    auto held = std::make_shared<int>(0);
    auto last = pool.submit([held] { return held; });
    long most = 0;
    for (int i = 0; i != 20'000; ++i) {
        last = last.then(pool, [](std::shared_ptr<int> given) { return given; });
        if (i % 1000 == 999) {
            last.wait();
            most = std::max(most, held.use_count());
        }
    }
    REQUIRE(most == 2);  // ours, and the one that the last future holds
    last.get();
}

TEST_CASE("a waiter inside a task runs a whole chain that nobody has begun") {
    manual_executor ex;  // nothing runs unless the waiter runs it
    const auto self = std::this_thread::get_id();
    auto outer = yoke::submit(ex, [&ex] {
        return yoke::submit(ex, [] { return 1; })
            .then(ex, add_one)
            .then(ex, [](int) { return std::this_thread::get_id(); })
            .get();
    });
    REQUIRE(ex.run_one());
    REQUIRE(outer.ready());
    REQUIRE(outer.get() == self);
    while (ex.run_one()) {}
}

// The waiter holds the only thread, and what it waits for is queued behind it only while it sleeps already: it must be
// woken for work, through everything that stands between.

namespace {

yoke::future<int> awaits(yoke::future<int> inner) { co_return co_await inner; }

template <class Wait>
void waits_on_the_only_thread(Wait wait) {
    yoke::thread_pool pool(1);
    for (int round = 0; round != 200; ++round) {
        elsewhere other;
        std::latch waiting(1);
        auto outer = pool.submit([&] {
            auto chain = other.begin(1).then(pool, add_one).then(pool, add_one);
            waiting.count_down();
            return wait(std::move(chain));
        });
        waiting.wait();
        for (int i = 0; i < round; ++i) std::this_thread::yield();
        other.open();
        REQUIRE(outer.get() == 3);
    }
}

}  // namespace

TEST_CASE("a waiter on the only thread is woken to run the function", "[concurrent]") {
    waits_on_the_only_thread([](yoke::future<int> chain) { return chain.get(); });
}

TEST_CASE("a waiter on the only thread is woken through coroutines", "[concurrent]") {
    waits_on_the_only_thread([](yoke::future<int> chain) { return awaits(awaits(std::move(chain))).get(); });
}

TEST_CASE("a waiter on the only thread is woken through when_all and when_any", "[concurrent]") {
    elsewhere never;
    yoke::inline_executor ready;
    waits_on_the_only_thread([&](yoke::future<int> chain) {
        auto [value, other] = yoke::when_all(std::move(chain), ready.submit([] { return 0; })).get();
        return value + other;
    });
    waits_on_the_only_thread([&](yoke::future<int> chain) {
        std::vector<yoke::future<int>> some;
        some.push_back(never.begin(0));
        some.push_back(std::move(chain));
        auto first = yoke::when_any(std::move(some)).get();
        return first.futures[first.index].get();
    });
    for (int i = 0; i != 200; ++i) never.open();
}

TEST_CASE("a waiter on the only thread is woken through as_completed", "[concurrent]") {
    waits_on_the_only_thread([](yoke::future<int> chain) {
        std::vector<yoke::future<int>> some;
        some.push_back(std::move(chain));
        return yoke::as_completed(std::move(some)).next()->get();
    });
}

TEST_CASE("a pool that is destroyed waits for a function that a waiter elsewhere runs", "[concurrent]") {
    yoke::thread_pool other(1);
    for (int round = 0; round != 200; ++round) {
        std::atomic<bool> finished{false};
        std::latch begun(1);
        yoke::future<void> waiter;
        {
            std::latch hold(1);
            yoke::thread_pool pool(1);
            pool.detach([&hold] { hold.wait(); });  // so the waiter, not the pool, runs the function
            waiter = other.submit([&] {
                yoke::inline_executor now;
                now.submit([] {})
                    .then(pool,
                          [&] {
                              begun.count_down();
                              for (int i = 0; i != 100; ++i) std::this_thread::yield();
                              finished = true;
                          })
                    .get();
            });
            begun.wait();
            hold.count_down();
        }
        REQUIRE(finished);
        waiter.get();
    }
}

TEST_CASE("when the pool is full the thread that completes the future runs the function", "[concurrent]") {
    std::latch attached(1);  // were the first done before, it would be this thread that waits for a place
    yoke::thread_pool first(1);
    std::latch hold(1);
    yoke::thread_pool full({.threads = 1, .max_pending = 1});
    const auto other = only_wait(first.submit([] { return std::this_thread::get_id(); }));
    std::latch begun(1);
    full.detach([&] {
        begun.count_down();
        hold.wait();
    });
    begun.wait();
    full.detach([] {});
    auto where =
        first.submit([&attached] { attached.wait(); }).then(full, [] { return std::this_thread::get_id(); });
    attached.count_down();
    REQUIRE(only_wait(std::move(where)) == other);
    hold.count_down();
}

TEST_CASE("a function crosses to a worker process, its result comes back, and threads go on",
          "[process][concurrent]") {
    yoke::process_pool processes(1);
    yoke::thread_pool threads(1);
    yoke::inline_executor here;
    auto answer = threads.submit([] { return std::string("40"); })
                      .then(processes, [](std::string text) { return std::stoi(text) + 1; })
                      .then(threads, add_one)
                      .then(processes, [](int) {})
                      .then(processes, [] { return std::vector<int>{42}; })
                      .then(here, [](std::vector<int> all) { return all.front(); });
    REQUIRE(answer.get() == 42);

    auto bound = here.submit([] { return 2; })
                     .then(processes, yoke::bind_values([](int by, int x) { return by * x; }, 21));
    REQUIRE(bound.get() == 42);
}

TEST_CASE("errors pass worker processes in both directions", "[process]") {
    yoke::process_pool processes(1);
    yoke::inline_executor here;
    auto before = here.submit([]() -> int { throw std::domain_error("here"); }).then(processes, [](int x) {
        return x;
    });
    REQUIRE_THROWS_AS(before.get(), std::domain_error);
    auto there = processes.submit([] { return 1; }).then(processes, [](int) -> int {
        throw std::out_of_range("there");
    });
    REQUIRE_THROWS_AS(there.get(), std::out_of_range);
    auto past = processes.submit([]() -> int { throw std::out_of_range("there"); })
                    .then(processes, [](int x) { return x; })
                    .then(here, add_one);
    REQUIRE_THROWS_AS(past.get(), std::out_of_range);

    manual_executor slow;
    auto late = yoke::submit(slow, [] { return 1; }).then(processes, [](int x) { return x; });
    processes.shutdown();
    REQUIRE(slow.run_one());
    REQUIRE_THROWS_AS(late.get(), yoke::pool_closed);
}

TEST_CASE("cancelling a function for a worker process", "[process][concurrent]") {
    yoke::process_pool processes(1);
    manual_executor slow;
    auto not_sent = yoke::submit(slow, [] { return 1; }).then(processes, [](int x) { return x; });
    REQUIRE(not_sent.cancel());
    REQUIRE_THROWS_AS(not_sent.get(), yoke::cancelled);
    while (slow.run_one()) {}

    for (int round = 0; round != 300; ++round) {
        auto last = processes.submit([] { return 1; }).then(processes, [](int x) { return x + 1; });
        if (round % 3 == 0) std::this_thread::yield();
        if (last.cancel()) {
            REQUIRE_THROWS_AS(last.get(), yoke::cancelled);
        } else {
            REQUIRE(last.get() == 2);
        }
    }
}

TEST_CASE("a task on the only thread waits for a chain through a worker process and its own pool",
          "[process][concurrent]") {
    yoke::process_pool processes(1);
    yoke::thread_pool pool(1);
    for (int round = 0; round != 200; ++round) {
        auto outer = pool.submit([&] {
            return processes.submit(add_one, 1)
                .then(pool, add_one)
                .then(processes, add_one)
                .then(pool, add_one)
                .get();
        });
        REQUIRE(outer.get() == 5);
    }
}
