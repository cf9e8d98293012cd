// SPDX-License-Identifier: MIT
//
// Chains of futures: each waits for the one before, by `then`, as a coroutine or as a when_all. Whatever becomes of the
// first, and whoever runs them, a chain takes no stack for its length and time in proportion to it. All that walks
// along a chain here runs on a small stack, or on a pool's thread with the usual one, for which these chains are too
// long; what takes time in proportion to the square does not come to an end.
#include "catch.hpp"
#include "support/executors.hpp"

#include <yoke/detail/base/config.hpp>
#include <yoke/executor/inline_executor.hpp>
#include <yoke/executor/thread_pool.hpp>
#include <yoke/executor/with.hpp>
#include <yoke/future.hpp>
#include <yoke/future/completion.hpp>
#include <yoke/schedule.hpp>

#include <pthread.h>

#include <atomic>
#include <chrono>
#include <latch>
#include <memory>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

using yoke_test::manual_executor;

namespace {

#if defined(YOKE_ADDRESS_SANITIZER) || defined(__SANITIZE_THREAD__)
constexpr int long_chain = 10'000;
constexpr int longest_chain = 30'000;
constexpr std::size_t small_stack = 1 << 20;
#elif defined(__OPTIMIZE__)
constexpr int long_chain = 50'000;
constexpr int longest_chain = 1'000'000;
constexpr std::size_t small_stack = 256 << 10;
#else
constexpr int long_chain = 10'000;
constexpr int longest_chain = 50'000;
constexpr std::size_t small_stack = 256 << 10;
#endif

/// Calls `f` on a thread with a small stack, and waits for it.
template <class F>
void on_small_stack(F f) {
    pthread_attr_t attributes;
    REQUIRE(pthread_attr_init(&attributes) == 0);
    REQUIRE(pthread_attr_setstacksize(&attributes, small_stack) == 0);
    pthread_t thread;
    REQUIRE(pthread_create(
                &thread, &attributes,
                [](void* call) -> void* {
                    (*static_cast<F*>(call))();
                    return nullptr;
                },
                &f) == 0);
    pthread_attr_destroy(&attributes);
    REQUIRE(pthread_join(thread, nullptr) == 0);
}

yoke::future<void> awaits(yoke::future<void> before, std::atomic<int>& ran) {
    co_await std::move(before);
    ++ran;
}

enum class link_kind { then, then_with_future, coroutine, when_all, mixed };
constexpr link_kind all_links[] = {link_kind::then, link_kind::then_with_future, link_kind::coroutine,
                                   link_kind::when_all, link_kind::mixed};
constexpr const char* names[] = {"then", "then with the future", "coroutine", "when_all", "mixed"};

/// One link more. A when_all is taken for run.
template <class E>
yoke::future<void> add(link_kind kind, int number, E& ex, yoke::future<void> before, std::atomic<int>& ran) {
    if (kind == link_kind::mixed) kind = all_links[number % 4];
    if (kind == link_kind::then) return before.then(ex, [&ran] { ++ran; });
    if (kind == link_kind::then_with_future)
        return before.then(ex, [&ran](yoke::future<void> done) {
            ++ran;
            done.get();
        });
    if (kind == link_kind::coroutine) return awaits(std::move(before), ran);
    ++ran;
    std::vector<yoke::future<void>> one;
    one.push_back(std::move(before));
    return yoke::when_all(std::move(one));
}
template <class E>
yoke::future<void> chain(link_kind kind, int length, E& ex, yoke::future<void> first, std::atomic<int>& ran) {
    for (int i = 0; i != length; ++i) first = add(kind, i, ex, std::move(first), ran);
    return first;
}

enum class end { value, error, stop };
constexpr end all_ends[] = {end::value, end::error, end::stop};

/// How a future ended, without running anything for it.
end how_it_ended(yoke::future<void> last) {
    (void)last.wait_until(std::chrono::steady_clock::time_point::max());
    try {
        last.get();
        return end::value;
    } catch (const std::domain_error&) {
        return end::error;
    } catch (const yoke::cancelled&) {
        return end::stop;
    }
}

/// The first of a chain: a task of `ex` that ends so.
yoke::future<void> first_task(manual_executor& ex, end how, std::stop_source& source) {
    auto stoppable = yoke::with(ex, {.stop = source.get_token()});
    if (how == end::stop) source.request_stop();
    return yoke::submit(stoppable, [how] {
        if (how == end::error) throw std::domain_error("first");
    });
}

/// How many links run if the first ends so.
int expected(link_kind kind, end how, int length) {
    if (how == end::value || kind == link_kind::then_with_future || kind == link_kind::when_all)
        return length;
    return kind == link_kind::mixed ? length / 2 : 0;
}

/// Runs `use(last, the executor of the first)` for chains of each kind and end, on each executor.
template <class E, class Use>
void for_all_chains(E& ex, int length, Use use) {
    for (const link_kind kind : all_links) {
        for (const end how : all_ends) {
            INFO(names[static_cast<int>(kind)] << ", end " << static_cast<int>(how));
            std::atomic<int> ran{0};
            manual_executor before;
            end ended{};
            on_small_stack([&] {
                std::stop_source source;
                ended = use(chain(kind, length, ex, first_task(before, how, source), ran), before);
            });
            CHECK(static_cast<int>(ended) == static_cast<int>(how));
            CHECK(ran == expected(kind, how, length));
        }
    }
}

/// Completes the first and leaves the rest to the executor.
end complete_first(yoke::future<void> last, manual_executor& before) {
    before.run_one();
    return how_it_ended(std::move(last));
}

}  // namespace

TEST_CASE("the end of a chain's first goes down the chain without stack, on a pool", "[concurrent]") {
    yoke::thread_pool pool(2);
    for_all_chains(pool, long_chain, complete_first);
}

TEST_CASE("the end of a chain's first goes down the chain without stack, in place") {
    yoke::inline_executor here;
    for_all_chains(here, long_chain, complete_first);
}

TEST_CASE("the end of a chain's first goes down the chain without stack, on a pool that is full",
          "[concurrent]") {
    yoke::thread_pool pool({.threads = 1, .max_pending = 1});
    std::latch gate(1);
    auto running = pool.submit([&gate] { gate.wait(); });
    while (pool.statistics().running == 0) std::this_thread::yield();
    auto pending = pool.submit([] {});
    for_all_chains(pool, long_chain, complete_first);
    gate.count_down();
    pending.get();
    running.get();
}

TEST_CASE("the end of a chain's first goes down the chain without stack, on an executor that is closed") {
    manual_executor closed;
    closed.shutdown();
    std::atomic<int> ran{0};
    manual_executor before;
    bool refused = false;
    on_small_stack([&] {
        std::stop_source source;
        auto last = chain(link_kind::then_with_future, long_chain, closed,
                          first_task(before, end::value, source), ran);
        before.run_one();
        try {
            last.get();
        } catch (const yoke::pool_closed&) {
            refused = true;
        }
    });
    CHECK(refused);
    CHECK(ran == 0);
}

TEST_CASE("who waits for a chain that nobody runs runs it without stack") {
    manual_executor nobody;
    for_all_chains(nobody, long_chain, [](yoke::future<void> last, manual_executor&) {
        last.wait();
        return how_it_ended(std::move(last));
    });
}

TEST_CASE("who waits for a chain while a pool runs it, helps without stack", "[concurrent]") {
    yoke::thread_pool pool(2);
    for_all_chains(pool, long_chain, [](yoke::future<void> last, manual_executor&) {
        last.wait();
        return how_it_ended(std::move(last));
    });
}

TEST_CASE("a task on the only thread waits for a chain on its own pool", "[concurrent]") {
    yoke::thread_pool pool(1);
    for_all_chains(pool, long_chain, [&pool](yoke::future<void> last, manual_executor&) {
        auto outer = pool.submit([&last] { last.wait(); });
        (void)outer.wait_until(std::chrono::steady_clock::time_point::max());
        return how_it_ended(std::move(last));
    });
}

TEST_CASE("a task on the only thread waits for a chain whose first is completed elsewhere", "[concurrent]") {
    yoke::thread_pool pool(1);
    for_all_chains(pool, long_chain, [&pool](yoke::future<void> last, manual_executor& before) {
        std::latch waiting(1);
        auto outer = pool.submit([&last, &waiting] {
            waiting.count_down();
            last.wait();
        });
        waiting.wait();
        before.run_one();
        (void)outer.wait_until(std::chrono::steady_clock::time_point::max());
        return how_it_ended(std::move(last));
    });
}

TEST_CASE("a chain whose last future is dropped runs to its end, and is gone then", "[concurrent]") {
    yoke::thread_pool pool(2);
    for (const link_kind kind : all_links) {
        INFO(names[static_cast<int>(kind)]);
        const int length =
            kind == link_kind::then || kind == link_kind::coroutine ? longest_chain : long_chain;
        std::atomic<int> ran{0};
        auto held = std::make_shared<int>(0);
        manual_executor before;
        on_small_stack([&] {
            auto last = chain(kind, length, pool, yoke::submit(before, [held] {}), ran);
            last = last.then(pool, [held] {});
            last = {};
            before.run_one();
        });
        pool.wait();
        CHECK(ran == length);
        CHECK(held.use_count() == 1);
    }
}

TEST_CASE("cancel goes up a chain without stack, and everything is gone then") {
    manual_executor ex;
    auto held = std::make_shared<int>(0);
    std::atomic<int> ran{0};
    bool cancelled = false;
    bool again = false;
    long left = 0;
    on_small_stack([&] {
        auto last = yoke::submit(ex, [held] {});
        for (int i = 0; i != longest_chain; ++i) last = last.then(ex, [held, &ran] { ++ran; });
        cancelled = last.cancel();
        left = held.use_count();
        again = last.cancel();
    });
    CHECK(cancelled);
    CHECK(again);
    CHECK(left == 1);
    CHECK(ex.pending() == 1);
    while (ex.run_one()) {}
    CHECK(ran == 0);
}

TEST_CASE("the longest chains of then and of coroutines, with all that can happen to them", "[concurrent]") {
    yoke::thread_pool pool(2);
    for (const link_kind kind : {link_kind::then, link_kind::coroutine}) {
        for (const end how : {end::value, end::error}) {
            for (const bool helps : {false, true}) {
                INFO(names[static_cast<int>(kind)] << ", end " << static_cast<int>(how) << ", helps "
                                                   << helps);
                std::atomic<int> ran{0};
                manual_executor before;
                end ended{};
                on_small_stack([&] {
                    std::stop_source source;
                    auto last = chain(kind, longest_chain, pool, first_task(before, how, source), ran);
                    if (helps) {
                        last.wait();
                    } else {
                        before.run_one();
                    }
                    ended = how_it_ended(std::move(last));
                });
                CHECK(static_cast<int>(ended) == static_cast<int>(how));
                CHECK(ran == expected(kind, how, longest_chain));
            }
        }
    }
}

TEST_CASE("whoever helps with a future of many others, nested and in chains, finds them without stack") {
    manual_executor nobody;
    std::atomic<int> ran{0};
    bool ready = false;
    on_small_stack([&] {
        // Each joins the one before with a short chain of its own.
        auto last = yoke::submit(nobody, [] {});
        for (int i = 0; i != long_chain / 4; ++i) {
            std::vector<yoke::future<void>> two;
            auto side = chain(link_kind::mixed, 3, nobody, yoke::submit(nobody, [] {}), ran);
            two.push_back(std::move(i % 2 == 0 ? last : side));
            two.push_back(std::move(i % 2 == 0 ? side : last));
            last = yoke::when_all(std::move(two));
        }
        last.wait();
        ready = last.ready();
    });
    CHECK(ready);
    CHECK(ran == long_chain / 4 * 3);
}
