// SPDX-License-Identifier: MIT
#include <yoke/time_span.hpp>

#include <yoke/algorithm/timer.hpp>
#include <yoke/detail/sync/parking.hpp>
#include <yoke/executor/inline_executor.hpp>
#include <yoke/executor/thread_pool.hpp>
#include <yoke/observe/progress.hpp>

#include "catch.hpp"
#include "support/process_watch.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <limits>
#include <memory>
#include <ratio>
#include <stdexcept>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

using namespace std::chrono_literals;
using std::chrono::duration;
using std::chrono::nanoseconds;
using yoke::time_span;
using yoke::detail::deadline;
using yoke_test::watchdog;

namespace {

constexpr double inf = std::numeric_limits<double>::infinity();
constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

/// Spans that are over at once, or never over, each in its own type.
const auto over_at_once = std::tuple(
    0ns, -1ns, nanoseconds::min(), -1h, std::chrono::hours::min(), std::chrono::seconds::min(),
    duration<double>(0), duration<double>(-0.0), duration<double>(-1e-30), duration<double>(-1e300),
    duration<double>(-inf), duration<double>(not_a_number), duration<double>(-not_a_number),
    duration<float, std::nano>(not_a_number), duration<double>::min(),
    duration<int, std::ratio<31'556'952>>::min(), duration<long double>(-1e4000L));
const auto never_over = std::tuple(
    nanoseconds::max(), nanoseconds::max() - 1ns, std::chrono::microseconds::max(),
    std::chrono::seconds::max(), std::chrono::hours::max(), std::chrono::hours(3'000'000),
    duration<double>(1e12), duration<double>(1e300), duration<double>(inf), duration<double>::max(),
    duration<float>(1e30F), duration<float, std::nano>(9.3e18F), duration<long double>(1e4000L),
    duration<unsigned long long>::max(), duration<int, std::ratio<31'556'952>>::max(),
    duration<std::int64_t, std::ratio<1, 3>>::max(), duration<std::int8_t, std::ratio<315'569'520>>(100));

/// Calls `check(span)` for each.
template <class Spans, class Check>
void for_each(const Spans& spans, Check check) {
    std::apply([&](const auto&... each) { (check(each), ...); }, spans);
}

/// The points of the steady clock that lie as far from its zero as the span is long.
template <class Rep, class Period>
auto point(const duration<Rep, Period>& span) {
    return std::chrono::time_point<std::chrono::steady_clock, duration<Rep, Period>>(span);
}

/// A task that ends soon after somebody has begun to wait for it.
class slow_task {
public:
    explicit slow_task(yoke::thread_pool& pool)
        : end(pool.submit([this] {
              go_.wait(false);
              std::this_thread::sleep_for(2ms);
          })) {}
    ~slow_task() {
        waits();
        end.wait();
    }
    void waits() {
        go_ = true;
        go_.notify_all();
    }

private:
    std::atomic<bool> go_{false};

public:
    yoke::future<void> end;
};

}  // namespace

TEST_CASE("a span of any unit is rounded up to nanoseconds and never wraps") {
    for_each(never_over, [](auto span) { REQUIRE(time_span(span) > 280 * 365 * 24h); });
    for_each(over_at_once, [](auto span) { REQUIRE(time_span(span) <= 0ns); });
    STATIC_REQUIRE(time_span(std::chrono::hours::max()) == nanoseconds::max());
    STATIC_REQUIRE(time_span(std::chrono::hours::min()) == nanoseconds::min());
    STATIC_REQUIRE(time_span(nanoseconds::max() - 1ns) == nanoseconds::max() - 1ns);
    STATIC_REQUIRE(time_span() == 0ns);
    STATIC_REQUIRE(time_span(1'500us) == 1'500'000ns);
    STATIC_REQUIRE(time_span(duration<double>(1.5)) == 1'500ms);
    STATIC_REQUIRE(time_span(duration<double, std::nano>(0.25)) == 1ns);
    STATIC_REQUIRE(time_span(duration<double, std::nano>(-0.25)) == 0ns);
    STATIC_REQUIRE(time_span(duration<int, std::pico>(1)) == 1ns);
    STATIC_REQUIRE(time_span(duration<int, std::pico>(-1)) == 0ns);
    STATIC_REQUIRE(time_span(duration<int, std::ratio<1, 3>>(1)) == 333'333'334ns);
    REQUIRE(time_span(duration<double>(not_a_number)) == nanoseconds::min());
    REQUIRE(time_span(duration<double>(inf)) == nanoseconds::max());
    REQUIRE(time_span(duration<double>(-inf)) == nanoseconds::min());
    // The longest spans of each unit that fit keep their value, the next do not.
    const auto edge = [](auto unit) {
        const auto most = std::chrono::floor<decltype(unit)>(nanoseconds::max());
        CHECK(time_span(most) == nanoseconds(most));
        CHECK(time_span(-most) == nanoseconds(-most));
        CHECK(time_span(most + unit) == nanoseconds::max());
        CHECK(time_span(-most - unit) == nanoseconds::min());
    };
    edge(std::chrono::microseconds(1));
    edge(1ms);
    edge(1s);
    edge(1min);
    edge(1h);
}

TEST_CASE("a deadline lies neither before now nor beyond the clock") {
    const deadline now = std::chrono::steady_clock::now();
    for (const deadline from : {now, deadline(), deadline::max(), deadline::max() - 1ns}) {
        for_each(over_at_once, [&](auto span) { REQUIRE(yoke::detail::deadline_after(span, from) == from); });
    }
    for_each(never_over, [&](auto span) {
        REQUIRE(yoke::detail::deadline_after(span, now) > now + 2'000'000h);
        REQUIRE(yoke::detail::deadline_at(point(span)) > now + 2'000'000h);
    });
    for_each(over_at_once, [&](auto span) { REQUIRE(yoke::detail::deadline_at(point(span)) < now); });
    REQUIRE(yoke::detail::deadline_after(5ms, now) == now + 5ms);
    REQUIRE(yoke::detail::deadline_at(now) == now);
    REQUIRE(yoke::detail::deadline_after(nanoseconds::max(), now) == deadline::max());
    REQUIRE(yoke::detail::deadline_at(deadline::min()) == deadline::min());
}

TEST_CASE("who parks until a time before the clock's first does not sleep") {
    const watchdog dog("parking until a time that is over");
    yoke::detail::parking_word word{0};
    for (const deadline until :
         {deadline::min(), deadline(nanoseconds(-1)), deadline(), deadline(nanoseconds(1))})
        yoke::detail::park_until(word, 0, until);
    REQUIRE(word == 0);
}

TEST_CASE("a wait for a future is over at once or never, however its time is told", "[concurrent]") {
    const watchdog dog("waits for a future");
    yoke::thread_pool pool(1);
    slow_task task(pool);
    for_each(over_at_once, [&](auto span) {
        REQUIRE_FALSE(task.end.wait_for(span));
        REQUIRE_FALSE(task.end.wait_until(point(span)));
    });
    for_each(never_over, [&](auto span) {
        slow_task by_span(pool);
        task.waits();  // the pool has one thread
        by_span.waits();
        REQUIRE(by_span.end.wait_for(span));
        slow_task by_point(pool);
        by_point.waits();
        REQUIRE(by_point.end.wait_until(point(span)));
    });
}

TEST_CASE("a wait for a pool is over at once or never, however its time is told", "[concurrent]") {
    const watchdog dog("waits for a pool");
    yoke::thread_pool pool(1);
    {
        slow_task task(pool);
        for_each(over_at_once, [&](auto span) { REQUIRE_FALSE(pool.wait_for(span)); });
    }
    for_each(never_over, [&](auto span) {
        slow_task task(pool);
        task.waits();
        REQUIRE(pool.wait_for(span));
    });
}

TEST_CASE("a pool's drain time is over at once or never, however it is told", "[concurrent]") {
    const watchdog dog("drain times");
    for_each(over_at_once, [&](auto span) {
        yoke::future<int> queued;
        {
            yoke::thread_pool pool({.threads = 1, .drain_time = span});
            pool.pause();
            queued = pool.submit([] { return 1; });
        }
        REQUIRE_THROWS_AS(queued.get(), yoke::cancelled);
    });
    for_each(never_over, [&](auto span) {
        yoke::future<int> queued;
        {
            yoke::thread_pool pool({.threads = 1, .drain_time = span});
            for (int i = 0; i != 100; ++i) queued = pool.submit([i] { return i; });
        }
        REQUIRE(queued.get() == 99);
    });
}

TEST_CASE("a timer's times are due at once or never, however they are told", "[concurrent]") {
    const watchdog dog("timers");
    yoke::thread_pool pool(1);
    yoke::inline_executor here;
    yoke::timer timer;
    for_each(over_at_once, [&](auto span) {
        REQUIRE(timer.after(pool, span, [] { return 1; }).get() == 1);
        REQUIRE(timer.at(here, point(span), [] { return 2; }).get() == 2);
        REQUIRE_THROWS_AS(timer.every(pool, span, [] {}), std::invalid_argument);
    });
    std::atomic<int> ran{0};
    std::vector<yoke::future<void>> never;
    for_each(never_over, [&](auto span) {
        never.push_back(timer.after(pool, span, [&] { ++ran; }));
        never.push_back(timer.at(here, point(span), [&] { ++ran; }));
        never.push_back(timer.every(here, span, [&] { ++ran; }));
    });
    timer.after(here, 1ms, [] {}).wait();  // whatever was due by now was before this
    REQUIRE(ran == 0);
    for (auto& each : never) {
        REQUIRE_FALSE(each.ready());
        REQUIRE(each.cancel());
    }
}

TEST_CASE("a progress bar draws at every change or once, however its interval is told") {
    const auto lines = [](time_span interval) {
        const std::unique_ptr<std::FILE, int (*)(std::FILE*)> out(std::tmpfile(), std::fclose);
        {
            yoke::progress bar("x", 10, {.force = true, .stream = out.get(), .interval = interval});
            for (int i = 0; i != 10; ++i) bar.add();
        }
        std::rewind(out.get());
        int drawn = 0;
        for (int c = std::fgetc(out.get()); c != EOF; c = std::fgetc(out.get())) drawn += c == '\r';
        return drawn;
    };
    for_each(over_at_once, [&](auto span) { REQUIRE(lines(span) == 11); });
    for_each(never_over, [&](auto span) { REQUIRE(lines(span) == 2); });
}

TEST_CASE("a late run of a series is not made up for: the next is in step and after now") {
    const deadline start = deadline() + 1h;
    for (const nanoseconds period : {1ns, 7ns, nanoseconds(1ms), nanoseconds(1h), nanoseconds::max() / 3}) {
        for (const nanoseconds late :
             {0ns, 1ns, 6ns, 7ns, 8ns, 999'999ns, nanoseconds(1ms), nanoseconds(10h)}) {
            const deadline now = start + late;
            const deadline next = yoke::detail::next_in_step(start, period, now);
            INFO(period.count() << " ns, late by " << late.count());
            REQUIRE(next > now);
            REQUIRE(next - now <= period);
            REQUIRE((next - start) % period == 0ns);
        }
    }
    REQUIRE(yoke::detail::next_in_step(start, nanoseconds::max(), start) == deadline::max());
    REQUIRE(yoke::detail::next_in_step(start, nanoseconds::max() / 2, deadline::max() - 1ns) ==
            deadline::max());
}
