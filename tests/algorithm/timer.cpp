// SPDX-License-Identifier: MIT
// labels: process
#include <yoke/algorithm/timer.hpp>

#include <yoke/executor/inline_executor.hpp>
#include <yoke/executor/process_pool.hpp>
#include <yoke/executor/thread_pool.hpp>
#include <yoke/future/completion.hpp>

#include "catch.hpp"

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <latch>
#include <memory>
#include <mutex>
#include <random>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

using namespace std::chrono_literals;
using clock_type = yoke::timer::clock;

namespace {

/// The result, without running anything here.
template <class R>
R only_wait(yoke::future<R> future) {
    static_cast<void>(future.wait_until(std::chrono::steady_clock::time_point::max()));
    return future.get();
}

/// Keeps the timer's thread from going on until the test says so, so that what is given meanwhile becomes due together.
class held_timer {
public:
    held_timer() {
        std::latch begun(1);
        held_ = timer.after(here_, 0s, [&] {
            begun.count_down();
            go_.wait();
        });
        begun.wait();
    }
    ~held_timer() { let_go(); }
    void let_go() {
        if (!held_.valid()) return;
        go_.count_down();
        held_.get();
    }

private:
    yoke::inline_executor here_;
    std::latch go_{1};
    yoke::future<void> held_;

public:
    yoke::timer timer;
};

yoke::future<int> naps(yoke::timer& timer, yoke::thread_pool& pool) {
    for (int i = 0; i != 3; ++i) co_await timer.after(pool, 1ms, [] {});
    co_return 3;
}

}  // namespace

TEST_CASE("a task begins after its time, on its executor, with its arguments", "[concurrent]") {
    yoke::thread_pool pool(1);
    yoke::timer timer;
    const auto worker = only_wait(pool.submit([] { return std::this_thread::get_id(); }));
    const auto asked = clock_type::now();
    auto text = timer.after(
        pool, 5ms, [](std::unique_ptr<int> a, int b) { return std::to_string(*a + b); },
        std::make_unique<int>(40), 2);
    STATIC_REQUIRE(std::is_same_v<decltype(text), yoke::future<std::string>>);
    REQUIRE(text.get() == "42");
    REQUIRE(clock_type::now() - asked >= 5ms);
    REQUIRE(only_wait(timer.after(pool, -1s, [] { return std::this_thread::get_id(); })) == worker);
}

TEST_CASE("what is due together is submitted in the order of its time, equals as they were given",
          "[concurrent]") {
    std::vector<int> order;
    held_timer held;
    yoke::inline_executor here;
    const auto now = clock_type::now();
    std::vector<std::pair<int, yoke::future<void>>> given;
    std::vector<int> times(2000);
    std::mt19937 random(4);
    for (int& time : times) time = static_cast<int>(random() % 500);
    for (std::size_t i = 0; i != times.size(); ++i) {
        const int name = times[i] * 10'000 + static_cast<int>(i);
        given.emplace_back(name, held.timer.at(here, now + std::chrono::microseconds(times[i]),
                                               [&order, name] { order.push_back(name); }));
    }
    // Every third is taken out again, so the heap is stirred.
    std::vector<int> expected;
    for (std::size_t i = 0; i != given.size(); ++i) {
        if (i % 3 == 0) {
            REQUIRE(given[i].second.cancel());
        } else {
            expected.push_back(given[i].first);
        }
    }
    held.let_go();
    for (auto& [name, future] : given) future.wait();
    std::sort(expected.begin(), expected.end());
    REQUIRE(order == expected);
}

TEST_CASE("cancel before the time is a promise, and destroys the function", "[concurrent]") {
    yoke::thread_pool pool(1);
    yoke::timer timer;
    auto held = std::make_shared<int>(0);
    auto late = timer.after(pool, 1h, [held] {});
    REQUIRE(held.use_count() == 2);
    REQUIRE(late.cancel());
    REQUIRE(held.use_count() == 1);
    REQUIRE_THROWS_AS(late.get(), yoke::cancelled);
}

TEST_CASE("exactly one of ran and cancelled happens when cancel races the time", "[concurrent]") {
    yoke::thread_pool pool(1);
    yoke::timer timer;
    for (int round = 0; round != 2000; ++round) {
        std::atomic<int> ran{0};
        auto task = timer.after(pool, std::chrono::microseconds(round % 40), [&ran] { return ++ran; });
        if (task.cancel()) {
            REQUIRE_THROWS_AS(task.get(), yoke::cancelled);
            pool.wait();
            REQUIRE(ran == 0);
        } else {
            REQUIRE(task.get() == 1);
        }
    }
}

TEST_CASE("the destructor stops what is not due, and what was submitted runs", "[concurrent]") {
    std::latch hold(1);
    yoke::thread_pool pool(1);
    std::vector<yoke::future<int>> late;
    yoke::future<int> queued;
    {
        yoke::timer timer;
        pool.detach([&hold] { hold.wait(); });
        std::latch fired(1);
        queued = timer.after(pool, 0s, [] { return 5; });
        yoke::inline_executor here;
        timer.after(here, 0s, [&fired] { fired.count_down(); }).get();  // so the one before was submitted
        for (int i = 0; i != 100; ++i) late.push_back(timer.after(pool, 1h, [] { return 1; }));
        late.push_back(timer.after(pool, std::chrono::hours::max(), [] { return 1; }));
        late.push_back(timer.at(pool, clock_type::time_point::max(), [] { return 1; }));
    }
    for (auto& future : late) REQUIRE_THROWS_AS(future.get(), yoke::cancelled);
    hold.count_down();
    REQUIRE(queued.get() == 5);
}

TEST_CASE("a timer destroyed while it fires settles everything", "[concurrent]") {
    yoke::thread_pool pool(2);
    for (int round = 0; round != 100; ++round) {
        std::atomic<int> ran{0};
        std::vector<yoke::future<void>> all;
        {
            yoke::timer timer;
            for (int i = 0; i != 50; ++i)
                all.push_back(timer.after(pool, std::chrono::microseconds(i * 4), [&ran] { ++ran; }));
            all.front().wait();
        }
        int stopped = 0;
        for (auto& future : all) {
            try {
                future.get();
            } catch (const yoke::cancelled&) {
                ++stopped;
            }
        }
        REQUIRE(ran + stopped == 50);
    }
}

TEST_CASE("a timer may be destroyed by what it brings an inline executor to run", "[concurrent]") {
    auto timer = std::make_unique<yoke::timer>();
    yoke::inline_executor here;
    std::latch all_given(1);
    auto last = timer->after(here, 0s, [&] {
        all_given.wait();
        timer.reset();
        return 1;
    });
    auto other = timer->after(here, 1h, [] {});
    all_given.count_down();
    REQUIRE(last.get() == 1);
    REQUIRE_THROWS_AS(other.get(), yoke::cancelled);
}

TEST_CASE("an executor that is closed when the time comes refuses, and that arrives in the future",
          "[concurrent]") {
    yoke::timer timer;
    yoke::thread_pool pool(1);
    auto task = timer.after(pool, 1ms, [] {});
    auto series = timer.every(pool, 1ms, [] {});
    pool.shutdown();
    // Either may have been accepted before; the series meets the closed pool in any case.
    REQUIRE_THROWS_AS(series.get(), yoke::pool_closed);
    try {
        task.get();
    } catch (const yoke::pool_closed&) {}
    auto after = timer.after(pool, 0s, [] {});
    REQUIRE_THROWS_AS(after.get(), yoke::pool_closed);
}

TEST_CASE("a task on the only thread may wait for what a timer will submit there", "[concurrent]") {
    yoke::thread_pool pool(1);
    yoke::timer timer;
    for (int round = 0; round != 20; ++round) {
        REQUIRE(pool.submit([&] { return timer.after(pool, 1ms, [] { return 7; }).get(); }).get() == 7);
        REQUIRE(pool.submit([&] { return naps(timer, pool).get(); }).get() == 3);
    }
    int runs = 0;
    auto waiter = pool.submit([&] {
        timer
            .every(pool, 1ms,
                   [&runs] {
                       if (++runs == 3) throw std::out_of_range("three");
                   })
            .get();
    });
    REQUIRE_THROWS_AS(waiter.get(), std::out_of_range);
    REQUIRE(runs == 3);
}

TEST_CASE("what runs on the timer's thread may wait for the timer", "[concurrent]") {
    yoke::timer timer;
    yoke::inline_executor here;
    yoke::thread_pool pool(1);
    auto outer = timer.after(here, 0s, [&] {
        int runs = 0;
        auto series = timer.every(pool, 1ms, [&runs] {
            if (++runs == 2) throw 2;
        });
        try {
            series.get();
        } catch (int) {}
        return timer.after(here, 1ms, [&] { return timer.after(pool, 1ms, [] { return 9; }).get(); }).get() +
               runs;
    });
    REQUIRE(outer.get() == 11);
}

TEST_CASE("a full pool does not keep the timer from going on", "[concurrent]") {
    std::latch begun(1);
    std::latch hold(1);
    yoke::thread_pool full({.threads = 1, .max_pending = 1});
    yoke::timer timer;
    full.detach([&] {
        begun.count_down();
        hold.wait();
    });
    begun.wait();
    full.detach([] {});
    const auto here = only_wait(timer.after(full, 0s, [] { return std::this_thread::get_id(); }));
    REQUIRE(only_wait(timer.after(full, 0s, [] { return std::this_thread::get_id(); })) == here);
    hold.count_down();
}

TEST_CASE("every runs again and again, in step and one at a time", "[concurrent]") {
    yoke::thread_pool pool(3);
    yoke::timer timer;
    std::atomic<int> at_once{0};
    std::atomic<bool> overlapped{false};
    std::latch ten(10);
    auto series = timer.every(pool, 200us, [&, n = 0]() mutable {
        if (at_once.fetch_add(1) != 0) overlapped = true;
        if (++n <= 10) ten.count_down();
        std::this_thread::yield();
        at_once.fetch_sub(1);
    });
    ten.wait();
    REQUIRE(series.cancel());
    REQUIRE_THROWS_AS(series.get(), yoke::cancelled);
    REQUIRE(at_once == 0);
    REQUIRE_FALSE(overlapped);
}

TEST_CASE("times that pass while a run is late are left out", "[concurrent]") {
    // A pool of one thread that is busy for many periods: no more than the one run waits in its queue.
    std::latch hold(1);
    yoke::thread_pool pool(1);
    yoke::timer timer;
    std::atomic<int> runs{0};
    std::latch begun(1);
    pool.detach([&] {
        begun.count_down();
        hold.wait();
    });
    begun.wait();
    auto series = timer.every(pool, 100us, [&runs] { ++runs; });
    std::this_thread::sleep_for(20ms);  // 200 periods; that they pass is what this is about
    auto behind = pool.submit([&] { return runs.load(); });
    hold.count_down();
    REQUIRE(only_wait(std::move(behind)) <= 1);
    series.cancel();
    series.wait();
}

TEST_CASE("cancel of a series whose run waits in a queue ends it at once", "[concurrent]") {
    std::latch hold(1);
    yoke::thread_pool pool(1);
    yoke::timer timer;
    std::atomic<int> runs{0};
    std::latch begun(1);
    auto held = std::make_shared<int>(0);
    pool.detach([&] {
        begun.count_down();
        hold.wait();
    });
    begun.wait();
    auto series = timer.every(pool, 1us, [&runs, held] { ++runs; });
    yoke::inline_executor here;
    timer.after(here, 1ms, [] {}).get();
    REQUIRE(series.cancel());
    REQUIRE(series.ready());
    REQUIRE(series.cancel());
    hold.count_down();
    pool.wait();
    REQUIRE(runs == 0);
}

TEST_CASE("cancel while a run is on lets it end, and then the future is done", "[concurrent]") {
    yoke::thread_pool pool(1);
    yoke::timer timer;
    std::latch begun(1);
    std::latch go_on(1);
    std::atomic<int> ended{0};
    auto series = timer.every(pool, 1us, [&] {
        begun.count_down();
        go_on.wait();
        ++ended;
    });
    begun.wait();
    REQUIRE(series.cancel());
    REQUIRE_FALSE(series.ready());
    go_on.count_down();
    REQUIRE_THROWS_AS(series.get(), yoke::cancelled);
    REQUIRE(ended == 1);
}

TEST_CASE("a series can end itself, by cancel or by an exception", "[concurrent]") {
    yoke::thread_pool pool(1);
    yoke::timer timer;
    int runs = 0;
    auto failing = timer.every(pool, 1us, [&runs] {
        if (++runs == 3) throw std::domain_error("enough");
    });
    REQUIRE_THROWS_AS(failing.get(), std::domain_error);
    REQUIRE(runs == 3);

    std::mutex mutex;
    yoke::future<void> own;
    std::atomic<int> more{0};
    std::latch over(1);
    {
        const std::lock_guard lock(mutex);
        own = timer.every(pool, 1us, [&] {
            const std::lock_guard inner(mutex);
            if (++more == 2) {
                own.cancel();
                over.count_down();
            }
        });
    }
    over.wait();
    const std::lock_guard lock(mutex);
    REQUIRE_THROWS_AS(own.get(), yoke::cancelled);
    REQUIRE(more == 2);
}

TEST_CASE("a series ends with its timer or when its executor stops it, and frees its function",
          "[concurrent]") {
    yoke::thread_pool pool(2);
    auto held = std::make_shared<int>(0);
    for (int round = 0; round != 100; ++round) {
        yoke::future<void> series;
        {
            yoke::timer timer;
            series = timer.every(pool, 10us, [held] {});
            (void)timer.every(pool, 10us, [held] {});  // dropped, and goes on
            timer.after(pool, std::chrono::microseconds(round * 5), [] {}).wait();
        }
        REQUIRE_THROWS_AS(series.get(), yoke::cancelled);
    }
    pool.wait();
    REQUIRE(held.use_count() == 1);
}

TEST_CASE("a period that is not positive is refused") {
    yoke::inline_executor here;
    yoke::timer timer;
    REQUIRE_THROWS_WITH(timer.every(here, 0s, [] {}), Catch::Matchers::ContainsSubstring("must be positive"));
    REQUIRE_THROWS_AS(timer.every(here, -1ms, [] {}), std::invalid_argument);
}

TEST_CASE("a timer that waits uses no processor time, and one that is never used has no thread") {
    const auto cpu = [] {
        rusage usage{};
        ::getrusage(RUSAGE_SELF, &usage);
        return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1'000'000 + usage.ru_utime.tv_usec +
               usage.ru_stime.tv_usec;
    };
    yoke::inline_executor here;
    const yoke::timer unused;
    yoke::timer timer;
    auto late = timer.after(here, 1h, [] {});
    auto soon = timer.after(here, 200ms, [] {});
    const auto before = cpu();
    soon.get();
    REQUIRE(cpu() - before < 50'000);
}

TEST_CASE("worker processes run what a timer sends them", "[process]") {
    yoke::process_pool processes(1);
    yoke::timer timer;
    REQUIRE(timer
                .after(
                    processes, 1ms, [](int a, int b) { return a + b; }, 40, 2)
                .get() == 42);
    auto late = timer.after(processes, 1h, [] { return 1; });
    REQUIRE(late.cancel());
    auto failing = timer.every(processes, 1ms, [] {
        static int runs = 0;  // of the worker
        if (++runs == 3) throw std::out_of_range("three");
    });
    REQUIRE_THROWS_AS(failing.get(), std::out_of_range);
    auto endless = timer.every(processes, 1ms, [] {});
    timer.after(processes, 5ms, [] {}).get();
    REQUIRE(endless.cancel());
    REQUIRE_THROWS_AS(endless.get(), yoke::cancelled);
}

TEST_CASE("a forked child can neither use its parent's timer nor break it", "[process]") {
    yoke::inline_executor here;
    auto timer = std::make_unique<yoke::timer>();
    auto late = timer->after(here, 1h, [] {});
    const ::pid_t child = ::fork();
    if (child == 0) {
        bool right = false;
        try {
            (void)timer->after(here, 0s, [] {});
        } catch (const yoke::forked&) {
            right = true;
        }
        timer.reset();
        ::_exit(right ? 0 : 1);
    }
    int status = -1;
    REQUIRE(::waitpid(child, &status, 0) == child);
    REQUIRE(status == 0);
    REQUIRE(late.cancel());
}
