// SPDX-License-Identifier: MIT
//
// What sits on futures when memory runs out. This program replaces operator new, to let the n-th allocation of this
// thread fail. What is left behind is counted by its contents, as the blocks of tasks are kept for the next.
#include "catch.hpp"
#include "support/executors.hpp"
#include "support/failing_memory.hpp"

#include <yoke/algorithm/fetch.hpp>
#include <yoke/algorithm/map.hpp>
#include <yoke/algorithm/timer.hpp>
#include <yoke/executor/inline_executor.hpp>
#include <yoke/executor/thread_pool.hpp>
#include <yoke/future/completion.hpp>
#include <yoke/schedule.hpp>
#include <yoke/worker_local.hpp>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <memory>
#include <new>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

using yoke_test::fail_every_allocation_once;
using yoke_test::manual_executor;
using yoke_test::until_failure;

namespace {

std::atomic<int> alive{0};

/// A copy of this allocates; a move does not.
struct costly {
    costly() : text(std::make_unique<std::string>("on the heap")) { ++alive; }
    costly(const costly& other) : text(std::make_unique<std::string>(*other.text)) { ++alive; }
    costly(costly&& other) noexcept : text(std::move(other.text)) { ++alive; }
    ~costly() { --alive; }
    std::size_t operator()() const { return text->size(); }
    std::size_t operator()(std::size_t so_far) const { return so_far + text->size(); }
    std::unique_ptr<std::string> text;
};

/// A thread for each task, which has called `begun` before `execute` returns.
class prompt_executor {
public:
    template <class R, class F, class... Args>
        requires yoke::callable_with<F, Args...> && yoke::receiver_of<R, yoke::call_result<F, Args...>>
    void execute(R&& receiver, F&& f, Args&&... args) {
        const int before = begun_;
        threads_.execute(std::forward<R>(receiver), std::forward<F>(f), std::forward<Args>(args)...);
        while (begun_ == before) std::this_thread::yield();
    }
    void begun() { ++begun_; }
    void shutdown() { threads_.shutdown(); }
    void shutdown(yoke::cancel_pending_t) { threads_.shutdown(); }
    [[nodiscard]] std::size_t concurrency() const { return 64; }

private:
    std::atomic<int> begun_{0};
    yoke_test::thread_executor threads_;
};

}  // namespace

TEST_CASE("when memory runs out in then, it throws and the future is as it was", "[concurrent]") {
    {
        yoke::thread_pool pool(1);
        const costly f;
        REQUIRE(alive == 1);
        auto first = pool.submit([] { return std::size_t{1}; });
        const int thrown = fail_every_allocation_once([&] {
                               if (!first.valid()) first = pool.submit([] { return std::size_t{1}; });
                               try {
                                   (void)first.then(pool, f);
                               } catch (...) {
                                   until_failure = -1;
                                   if (!first.valid()) throw std::logic_error("the future is gone");
                                   throw;
                               }
                           }).threw;
        REQUIRE(thrown >= 1);
        pool.wait();
    }
    REQUIRE(alive == 0);
}

TEST_CASE("when memory runs out in the continuation, that arrives in its future") {
    yoke::inline_executor here;
    for (int n = 0;; ++n) {
        manual_executor slow;
        auto last =
            yoke::submit(slow, [] { return std::size_t{1}; }).then(slow, costly()).then(here, costly());
        // The first task's end submits the second, which needs memory for the executor's task.
        until_failure = n;
        while (slow.run_one()) {}
        const bool none_failed = until_failure >= 0;
        until_failure = -1;
        if (none_failed) {
            REQUIRE(n > 0);
            REQUIRE(last.get() == 23);
            break;
        }
        REQUIRE_THROWS_AS(last.get(), std::bad_alloc);
        REQUIRE(alive == 0);
    }
    REQUIRE(alive == 0);
}

TEST_CASE("when the result cannot be stored for want of memory, the future has bad_alloc") {
    yoke::inline_executor here;
    static const costly kept;
    const int before = alive;
    auto out = here.submit([] {
        until_failure = 0;
        return static_cast<const costly&>(kept)();
    });
    until_failure = -1;
    REQUIRE(out.get() == 11);
    auto copy = here.submit([]() -> const costly& {
        until_failure = 0;
        return kept;  // copied into the future
    });
    until_failure = -1;
    REQUIRE_THROWS_AS(copy.get(), std::bad_alloc);
    REQUIRE(alive == before);
}

TEST_CASE("when memory runs out in when_all, when_any or as_completed, it throws and the tasks run on",
          "[concurrent]") {
    const int before = alive;
    yoke::thread_pool pool(1);
    std::atomic<int> ran{0};
    int given = 0;
    const auto some = [&] {
        std::vector<yoke::future<int>> futures;
        const long rest = std::exchange(until_failure, -1);
        for (int i = 0; i != 3; ++i)
            futures.push_back(pool.submit([&ran, held = costly()] { return ++ran; }));
        given += 3;
        until_failure = rest;
        return futures;
    };
    REQUIRE(fail_every_allocation_once([&] { (void)yoke::when_all(some()).get(); }).threw >=
            1);  // blocks of tasks may be kept ones
    REQUIRE(fail_every_allocation_once([&] { (void)yoke::when_any(some()).get(); }).threw >=
            1);  // blocks of tasks may be kept ones
    REQUIRE(fail_every_allocation_once([&] {
                auto range = yoke::as_completed(some());
                while (range.next()) {}
            }).threw >= 1);
    pool.wait();
    REQUIRE(ran == given);
    REQUIRE(alive == before);
}

TEST_CASE("when memory runs out in map, it throws after the calls that began have ended", "[concurrent]") {
    const int before = alive;
    yoke::thread_pool pool(2);
    const std::vector<int> numbers{1, 2, 3, 4, 5, 6, 7, 8};
    std::atomic<int> running{0};
    std::vector<int> doubled;
    const int thrown = fail_every_allocation_once([&] {
                           try {
                               doubled = yoke::map(pool, numbers, [&running, held = costly()](int x) {
                                   ++running;
                                   const int twice = 2 * x;
                                   --running;
                                   return twice;
                               });
                           } catch (...) {
                               until_failure = -1;
                               if (running != 0) throw std::logic_error("a call still runs");
                               throw;
                           }
                       }).threw;
    REQUIRE(thrown >= 1);
    REQUIRE(doubled == std::vector<int>{2, 4, 6, 8, 10, 12, 14, 16});
    pool.wait();
    REQUIRE(alive == before);
}

TEST_CASE("when memory runs out in a timer, it throws and nothing will run", "[concurrent]") {
    using namespace std::chrono_literals;
    const int before = alive;
    {
        yoke::thread_pool pool(1);
        yoke::timer timer;
        const costly f;
        const auto once = fail_every_allocation_once([&] { (void)timer.after(pool, 1h, f); });
        REQUIRE(once.threw >= 2);
        REQUIRE(alive == before + 1 + once.returned);  // f, and the copies that wait
        const auto again = fail_every_allocation_once([&] { (void)timer.every(pool, 1h, f); });
        REQUIRE(again.threw >= 1);
        REQUIRE(alive == before + 1 + once.returned + again.returned);
    }
    REQUIRE(alive == before);
}

TEST_CASE("when memory runs out in schedule, the co_await throws", "[concurrent]") {
    yoke::thread_pool pool(1);
    const auto goes = [](yoke::thread_pool& on) -> yoke::future<int> {
        co_await on.schedule();
        co_return 1;
    };
    int done = 0;
    fail_every_allocation_once([&] {
        auto out = goes(pool);  // a coroutine that cannot be made throws here, one that cannot go on in get()
        const long rest = std::exchange(until_failure, -1);
        try {
            done += out.get();
        } catch (const std::bad_alloc&) {}
        until_failure = rest;
    });
    REQUIRE(done >= 1);
}

TEST_CASE("when memory runs out in worker_local, there is no value, and the next call makes it") {
    int thrown = 0;
    const int before = alive;
    {
        yoke::worker_local<costly> values;
        thrown = fail_every_allocation_once([&] { (void)values.local(); }).threw;
        REQUIRE(values.size() == 1);
        REQUIRE(alive == before + 1);
    }
    REQUIRE(thrown >= 3);
    REQUIRE(alive == before);
}

TEST_CASE("when memory runs out while pages are asked for, no call outlives the range of pages",
          "[concurrent]") {
    std::stop_source stopped;
    stopped.request_stop();
    const auto attempts = fail_every_allocation_once([&] {
        prompt_executor ex;
        std::atomic<bool> open{false};
        std::atomic<int> running{0};
        auto slow = [&](yoke::page_request) {
            ++running;
            ex.begun();
            open.wait(false);
            for (int i = 0; i != 2'000; ++i) std::this_thread::yield();
            --running;
            return std::vector<int>(1);
        };
        bool failed = false;
        {
            auto pages = yoke::fetch(
                ex, slow, {.limit = 1, .total = 100, .window = 3, .order = yoke::fetch_order::as_completed});
            try {
                static_cast<void>(pages.wait(stopped.get_token()));
            } catch (const std::bad_alloc&) {
                failed = true;
            }
            // The offset whose page was given up is asked for once more.
            const bool none_failed = until_failure >= 0;
            until_failure = -1;
            REQUIRE_FALSE(pages.wait(stopped.get_token()));
            if (none_failed) until_failure = 1'000'000;
            open = true;
            open.notify_all();
        }
        REQUIRE(running == 0);
        if (failed) throw std::bad_alloc();
    });
    REQUIRE(attempts.threw > 0);
}
