// SPDX-License-Identifier: MIT
// The life of a thread pool: when its threads come and go, pause, resize, statistics, observers and the end.
#include "catch.hpp"
#include "support/process_watch.hpp"

#include <yoke/executor/thread_pool.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>
#include <latch>
#include <memory>
#include <mutex>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <unistd.h>

namespace {

using stealing_pool = yoke::thread_pool;
using fifo_pool = yoke::basic_thread_pool<yoke::fifo>;
using priority_pool = yoke::basic_thread_pool<yoke::priority<>>;

#define YOKE_ALL_POOLS stealing_pool, fifo_pool, priority_pool

using namespace std::chrono_literals;

std::size_t living_threads() {
    // A sanitizer that has a thread of its own starts it with the program's first one, so that must have been, and be
    // gone: the kernel lists a joined thread for a moment.
    [[maybe_unused]] static const bool gone = [] {
        std::string first;
        std::thread([&first] { first = "/proc/self/task/" + std::to_string(::gettid()); }).join();
        return yoke_test::eventually([&first] { return ::access(first.c_str(), F_OK) != 0; });
    }();
    return yoke_test::names_in("/proc/self/task").size();
}

/// Runs `count` tasks that are all inside at once, so that as many threads are needed; true if they met.
template <class Pool>
void meet(Pool& pool, std::ptrdiff_t count) {
    const auto all = std::make_shared<std::latch>(count);
    for (std::ptrdiff_t i = 0; i != count; ++i) pool.detach([all] { all->arrive_and_wait(); });
    all->wait();
}

/// Waits, as long as it takes, for what another thread is about to do.
template <class Done>
void until(Done&& done) {
    while (!done()) std::this_thread::yield();
}

}  // namespace

// Threads are started when they are needed

TEMPLATE_TEST_CASE("a pool that is not used has no threads", "", YOKE_ALL_POOLS) {
    const std::size_t before = living_threads();
    TestType pool(8);
    REQUIRE(living_threads() == before);
    REQUIRE(pool.concurrency() == 8);
    REQUIRE(pool.statistics().threads == 0);
    pool.wait();
    pool.pause();
    pool.resume();
    pool.resize(9);
    REQUIRE(living_threads() == before);
    pool.shutdown();
    REQUIRE_THROWS_AS(pool.detach([] {}), yoke::pool_closed);
    REQUIRE(living_threads() == before);
}

TEMPLATE_TEST_CASE("a pool has as many threads as its tasks have needed", "[concurrent]", YOKE_ALL_POOLS) {
    TestType pool(4);
    pool.submit([] {}).get();
    REQUIRE(pool.statistics().threads == 1);
    pool.wait();
    for (int i = 1; i <= 4; ++i) {
        meet(pool, i);
        pool.wait();
        REQUIRE(pool.statistics().threads >= static_cast<std::size_t>(i));
    }
    REQUIRE(pool.statistics().threads == 4);
    for (int i = 0; i != 100; ++i) meet(pool, 4);
    REQUIRE(pool.statistics().threads == 4);
}

TEMPLATE_TEST_CASE("the threads that tasks need are also started while the pool is being destroyed",
                   "[concurrent]", YOKE_ALL_POOLS) {
    for (int round = 0; round != 20; ++round) {
        std::latch all(4);  // hangs if there are fewer threads
        TestType pool(4);
        for (int i = 0; i != 4; ++i) pool.detach([&all] { all.arrive_and_wait(); });
    }
}

TEMPLATE_TEST_CASE("a first task may come from many threads at once", "[concurrent]", YOKE_ALL_POOLS) {
    for (int round = 0; round != 100; ++round) {
        TestType pool(3);
        std::atomic<int> ran{0};
        std::latch go(4);
        std::vector<std::thread> producers;
        for (int i = 0; i != 4; ++i) {
            producers.emplace_back([&] {
                go.arrive_and_wait();
                pool.submit([&ran] { ++ran; }).get();
            });
        }
        for (auto& producer : producers) producer.join();
        REQUIRE(ran == 4);
        REQUIRE(pool.statistics().threads <= 3);
    }
}

// Pause

TEMPLATE_TEST_CASE("while a pool is paused no task begins, and afterwards all do", "[concurrent]",
                   YOKE_ALL_POOLS) {
    TestType pool(2);
    const bool used = GENERATE(false, true);
    if (used) meet(pool, 2);
    pool.wait();
    for (int round = 0; round != 20; ++round) {
        REQUIRE_FALSE(pool.is_paused());
        pool.pause();
        pool.pause();
        REQUIRE(pool.is_paused());
        std::atomic<int> ran{0};
        for (int i = 0; i != 50; ++i) pool.detach([&ran] { ++ran; });
        auto future = pool.submit([&ran] { ++ran; });
        REQUIRE_FALSE(future.wait_for(1ms));
        REQUIRE_FALSE(pool.wait_for(1ms));
        REQUIRE(ran == 0);
        REQUIRE(pool.statistics().queued == 51);
        pool.resume();
        future.get();
        pool.wait();
        REQUIRE(ran == 51);
    }
}

TEST_CASE("pausing in the middle of work lets the running task finish", "[concurrent]") {
    std::latch end(1);
    yoke::thread_pool pool(1);
    std::latch begun(1);
    std::atomic<bool> next{false};
    auto running = pool.submit([&] {
        begun.count_down();
        end.wait();
        return 1;
    });
    pool.detach([&next] { next = true; });
    begun.wait();
    pool.pause();
    end.count_down();
    REQUIRE(running.get() == 1);
    REQUIRE_FALSE(pool.wait_for(5ms));
    REQUIRE_FALSE(next);
    pool.resume();
    pool.wait();
    REQUIRE(next);
}

TEMPLATE_TEST_CASE("a task may run the task it waits for although the pool is paused", "[concurrent]",
                   YOKE_ALL_POOLS) {
    TestType pool(1);
    REQUIRE(pool.submit([&pool] {
                    pool.pause();
                    return pool.submit([] { return 7; }).get();
                })
                .get() == 7);
    REQUIRE(pool.is_paused());
}

TEMPLATE_TEST_CASE("who waits for the pool is told when its last task has paused it, or has made it smaller",
                   "[concurrent]", YOKE_ALL_POOLS) {
    TestType pool(3);
    for (int round = 0; round != 100; ++round) {
        pool.detach([&pool] { pool.pause(); });
        pool.wait();
        REQUIRE(pool.is_paused());
        pool.resume();
        meet(pool, 3);
        pool.detach([&pool] { pool.resize(1); });
        pool.wait();
        pool.resize(3);
    }
}

TEMPLATE_TEST_CASE("shutdown ends a pause, for good", "[concurrent]", YOKE_ALL_POOLS) {
    std::atomic<int> ran{0};
    {
        TestType pool(2);
        pool.pause();
        for (int i = 0; i != 10; ++i) pool.detach([&ran] { ++ran; });
        SECTION("by shutdown()") {
            pool.shutdown();
            REQUIRE_FALSE(pool.is_paused());
            pool.pause();
            REQUIRE_FALSE(pool.is_paused());
            pool.wait();
            REQUIRE(ran == 10);
        }
        SECTION("by the destructor") {}
    }
    REQUIRE(ran == 10);
}

TEST_CASE("what a paused pool has not begun can be cancelled", "[concurrent]") {
    yoke::thread_pool pool(1);
    pool.pause();
    auto one = pool.submit([] {});
    auto other = pool.submit([] {});
    REQUIRE(one.cancel());
    pool.shutdown(yoke::cancel_pending);
    REQUIRE_THROWS_AS(one.get(), yoke::cancelled);
    REQUIRE_THROWS_AS(other.get(), yoke::cancelled);
}

TEMPLATE_TEST_CASE("pausing and resuming all the time loses nothing", "[concurrent]", YOKE_ALL_POOLS) {
    TestType pool(3);
    std::atomic<bool> stop{false};
    std::thread switcher([&] {
        while (!stop) {
            pool.pause();
            std::this_thread::yield();
            pool.resume();
        }
    });
    std::atomic<int> ran{0};
    for (int i = 0; i != 3000; ++i) {
        if (i % 10 == 0) {
            pool.submit([&ran] { ++ran; }).get();
        } else {
            pool.detach([&ran] { ++ran; });
        }
    }
    pool.wait();
    REQUIRE(ran == 3000);
    stop = true;
    switcher.join();
}

// Resize

TEMPLATE_TEST_CASE("a pool grows and shrinks to the size it is told", "[concurrent]", YOKE_ALL_POOLS) {
    const std::size_t before = living_threads();
    TestType pool(2);
    meet(pool, 2);
    for (const std::size_t size : {5u, 1u, 3u, 8u, 2u}) {
        pool.resize(size);
        REQUIRE(pool.concurrency() == size);
        meet(pool, static_cast<std::ptrdiff_t>(size));
        until([&] { return pool.statistics().threads <= size; });
        REQUIRE(pool.statistics().threads == size);
        // And not one more.
        std::atomic<int> inside{0};
        std::atomic<int> most{0};
        for (int i = 0; i != 200; ++i) {
            pool.detach([&] {
                const int now = ++inside;
                int seen = most;
                while (seen < now && !most.compare_exchange_weak(seen, now)) {}
                std::this_thread::yield();
                --inside;
            });
        }
        pool.wait();
        REQUIRE(most <= static_cast<int>(size));
    }
    REQUIRE(yoke_test::eventually([&] { return living_threads() == before + 2; }));
}

TEMPLATE_TEST_CASE("work that grows a pool is begun by the new threads", "[concurrent]", YOKE_ALL_POOLS) {
    std::latch all(3);
    TestType pool(1);
    for (int i = 0; i != 3; ++i) pool.detach([&all] { all.arrive_and_wait(); });  // only one can begin
    pool.resize(3);
    pool.wait();
    REQUIRE(pool.statistics().threads == 3);
}

TEMPLATE_TEST_CASE("what a worker has queued is done when the worker leaves", "[concurrent]",
                   YOKE_ALL_POOLS) {
    for (int round = 0; round != 50; ++round) {
        std::latch all(3);
        TestType pool(3);
        std::atomic<int> ran{0};
        for (int i = 0; i != 3; ++i) {
            pool.detach([&] {
                all.arrive_and_wait();  // one on each worker
                for (int k = 0; k != 20; ++k) pool.detach([&ran] { ++ran; });
                pool.resize(1);
            });
        }
        pool.wait();
        REQUIRE(ran == 60);
        REQUIRE(pool.concurrency() == 1);
        REQUIRE(pool.submit([] { return 1; }).get() == 1);
    }
}

TEMPLATE_TEST_CASE("resizing all the time loses nothing", "[concurrent]", YOKE_ALL_POOLS) {
    const std::size_t before = living_threads();
    {
        TestType pool(2);
        std::atomic<bool> stop{false};
        std::vector<std::thread> resizers;
        for (unsigned seed = 1; seed != 3; ++seed) {
            resizers.emplace_back([&pool, &stop, seed]() mutable {
                while (!stop) {
                    seed = seed * 1103515245 + 12345;
                    pool.resize(1 + (seed >> 16) % 6);
                    std::this_thread::yield();
                }
            });
        }
        std::atomic<int> ran{0};
        struct tree {
            TestType& pool;
            std::atomic<int>& ran;
            void operator()(int height) const {
                ++ran;
                if (height == 0) return;
                pool.detach(*this, height - 1);
                pool.submit(*this, height - 1).get();
            }
        };
        for (int round = 0; round != 10; ++round) {
            pool.submit(tree{pool, ran}, 8).get();
            pool.wait();
            REQUIRE(ran == 511 * (round + 1));
        }
        stop = true;
        for (auto& resizer : resizers) resizer.join();
    }
    REQUIRE(yoke_test::eventually([&] { return living_threads() == before; }));
}

TEST_CASE("a paused pool can be resized", "[concurrent]") {
    yoke::thread_pool pool(4);
    meet(pool, 4);
    pool.pause();
    for (int i = 0; i != 8; ++i) pool.detach([] {});
    pool.resize(1);
    until([&] { return pool.statistics().threads == 1; });
    pool.resize(2);
    pool.resume();
    meet(pool, 2);
    pool.wait();
    REQUIRE(pool.statistics().threads == 2);
}

TEST_CASE("idle threads leave at once although others are busy", "[concurrent]") {
    std::latch end(1);
    yoke::thread_pool pool(4);
    meet(pool, 4);
    std::latch begun(2);
    for (int i = 0; i != 2; ++i) {
        pool.detach([&] {
            begun.count_down();
            end.wait();
        });
    }
    begun.wait();
    pool.resize(2);
    until([&] { return pool.statistics().threads == 2; });
    end.count_down();
    pool.wait();
    meet(pool, 2);
}

TEST_CASE("a size that makes no sense is refused with the reason") {
    yoke::thread_pool pool(1);
    REQUIRE_THROWS_AS(pool.resize(0), std::invalid_argument);
    REQUIRE_THROWS_WITH(pool.resize(std::size_t{1} << 40),
                        Catch::Matchers::ContainsSubstring("1099511627776") &&
                            Catch::Matchers::ContainsSubstring("2097151"));
    REQUIRE(pool.concurrency() == 1);
}

TEST_CASE("new threads of an initialized pool are initialized by resize, which throws what that throws",
          "[concurrent]") {
    std::mutex mutex;
    std::multiset<std::size_t> initialized;
    std::atomic<bool> fail{false};
    yoke::thread_pool pool({.threads = 1}, [&](std::size_t index) {
        if (fail && index == 2) throw std::runtime_error("no connection");
        const std::lock_guard lock(mutex);
        initialized.insert(index);
    });
    pool.resize(2);
    REQUIRE(initialized == std::multiset<std::size_t>{0, 1});
    fail = true;
    REQUIRE_THROWS_WITH(pool.resize(4), "no connection");
    REQUIRE(pool.concurrency() == 2);
    fail = false;
    until([&] { return pool.statistics().threads == 2; });
    pool.resize(4);
    REQUIRE(initialized.size() == 5);  // 0 and 1; 3, while 2 failed; two more when one of these had left
    REQUIRE(*initialized.rbegin() == 3);
    meet(pool, 4);
}

// Statistics

TEMPLATE_TEST_CASE("statistics tell what waits, runs and is done", "[concurrent]", YOKE_ALL_POOLS) {
    std::latch end(1);
    TestType pool(2);
    REQUIRE(pool.statistics().done == 0);
    for (int i = 0; i != 100; ++i) pool.detach([] {});
    pool.wait();
    auto now = pool.statistics();
    REQUIRE(now.done == 100);
    REQUIRE(now.queued == 0);
    until([&] {
        return pool.statistics().running == 0;
    });  // the worker's own end of a task comes after the task's

    std::latch begun(2);
    for (int i = 0; i != 2; ++i) {
        pool.detach([&] {
            begun.count_down();
            end.wait();
        });
    }
    begun.wait();
    auto cancelled = pool.submit([] {});
    for (int i = 0; i != 5; ++i) pool.detach([] { throw 1; });
    now = pool.statistics();
    REQUIRE(now.threads == 2);
    REQUIRE(now.running == 2);
    REQUIRE(now.queued == 6);
    REQUIRE(now.done == 100);
    REQUIRE(now.overtaken == 0);
    REQUIRE(now.workers.size() == 2);
    REQUIRE(now.workers[0].busy);
    REQUIRE(now.workers[1].busy);
    REQUIRE(cancelled.cancel());
    now = pool.statistics();
    REQUIRE(now.queued == 5);
    REQUIRE(now.done == 101);
    REQUIRE(now.overtaken == 1);
    end.count_down();
    pool.wait();
    now = pool.statistics();
    REQUIRE(now.done == 108);
    REQUIRE(now.dropped_errors == 5);
    REQUIRE(now.workers[0].done + now.workers[1].done == 107);  // the caller has cancelled one
    until([&] { return pool.statistics().slept >= 2; });
}

TEMPLATE_TEST_CASE("a task that another one runs because it waits for it is counted once", "[concurrent]",
                   YOKE_ALL_POOLS) {
    TestType pool(1);
    yoke::pool_statistics inside;
    pool.detach([&] { pool.submit([&] { inside = pool.statistics(); }).get(); });
    pool.wait();
    REQUIRE(inside.running == 2);
    REQUIRE(inside.queued == 0);
    REQUIRE(inside.overtaken == 1);
    REQUIRE(pool.statistics().done == 2);
}

TEST_CASE("statistics count what workers take from each other", "[concurrent]") {
    yoke::thread_pool pool(2);
    pool.detach([&pool] {
        const auto met = std::make_shared<std::latch>(2);
        pool.detach([met] { met->arrive_and_wait(); });
        met->arrive_and_wait();  // somebody else has taken it
    });
    pool.wait();
    const auto now = pool.statistics();
    REQUIRE(now.stolen == 1);
    REQUIRE(now.workers[0].stolen + now.workers[1].stolen == 1);
}

TEST_CASE("statistics may be asked for while everything moves", "[concurrent]") {
    yoke::thread_pool pool(2);
    std::atomic<bool> stop{false};
    std::thread asker([&] {
        std::uint64_t done = 0;
        while (!stop) {
            const auto now = pool.statistics();
            if (now.done < done) std::abort();  // never goes back
            done = now.done;
        }
    });
    for (int round = 0; round != 200; ++round) {
        pool.resize(1 + static_cast<std::size_t>(round) % 5);
        for (int i = 0; i != 20; ++i) pool.detach([] {});
        pool.submit([&pool] { pool.submit([] {}).get(); }).get();
    }
    stop = true;
    asker.join();
    pool.wait();
    REQUIRE(pool.statistics().done == 200 * 22);
}

// Observers

namespace {

class counting_observer final : public yoke::pool_observer {
public:
    void worker_started(std::string_view pool, std::size_t) noexcept override {
        ++started;
        if (pool == "watched") ++named;
    }
    void worker_ended(std::string_view, std::size_t) noexcept override { ++ended; }
    void task_begin(std::size_t) noexcept override { ++begun; }
    void task_end(std::size_t) noexcept override { ++over; }
    void sleep_begin(std::size_t) noexcept override { ++sleeps; }
    void sleep_end(std::size_t) noexcept override { ++wakes; }

    std::atomic<int> started{0}, named{0}, ended{0}, begun{0}, over{0}, sleeps{0}, wakes{0};
};

}  // namespace

TEMPLATE_TEST_CASE("an observer hears of every thread, task and sleep", "[concurrent]", YOKE_ALL_POOLS) {
    counting_observer seen;
    const bool initialized = GENERATE(false, true);
    {
        const yoke::thread_pool_options options{.threads = 3, .name = "watched", .observer = &seen};
        const auto pool = initialized ? std::make_unique<TestType>(options, [](std::size_t) {})
                                      : std::make_unique<TestType>(options);
        REQUIRE(seen.started <= (initialized ? 3 : 0));
        for (int i = 0; i != 100; ++i) pool->detach([] {});
        pool->wait();
        meet(*pool, 3);
        pool->wait();
        until([&] { return seen.sleeps - seen.wakes == 3; });  // idle
        REQUIRE(pool->submit([] {}).wait_until(std::chrono::steady_clock::time_point::max()));
        REQUIRE(seen.wakes >= 1);
        REQUIRE(seen.ended == 0);
    }
    REQUIRE(seen.started == 3);
    REQUIRE(seen.named == 3);
    REQUIRE(seen.ended == 3);
    REQUIRE(seen.begun == 104);
    REQUIRE(seen.over == 104);
    REQUIRE(seen.sleeps >= seen.wakes);
}

TEST_CASE("a thread that leaves because the pool shrinks ends as others do", "[concurrent]") {
    counting_observer seen;
    yoke::thread_pool pool({.threads = 3, .observer = &seen});
    meet(pool, 3);
    pool.resize(1);
    until([&] { return seen.ended == 2; });
    pool.resize(2);
    meet(pool, 2);
    REQUIRE(seen.started == 4);
}

// The end

TEMPLATE_TEST_CASE("shutdown(cancel_pending) requests the pool's stop token, shutdown() does not",
                   "[concurrent]", YOKE_ALL_POOLS) {
    TestType pool(1);
    const auto token = pool.stop_token();
    REQUIRE_FALSE(token.stop_requested());
    std::latch begun(1);
    auto running = pool.submit([&] {
        begun.count_down();
        until([&] { return token.stop_requested(); });
        return true;
    });
    begun.wait();
    pool.shutdown();
    REQUIRE_FALSE(token.stop_requested());
    pool.shutdown(yoke::cancel_pending);
    REQUIRE(running.get());
}

TEMPLATE_TEST_CASE("a destructor with a time limit cancels what has not begun by then", "[concurrent]",
                   YOKE_ALL_POOLS) {
    const auto limit = GENERATE(as<std::chrono::milliseconds>(), 0, 5);
    std::vector<yoke::future<void>> futures;
    std::atomic<int> ran{0};
    std::latch begun(1);
    bool finished = false;
    {
        TestType pool({.threads = 1, .drain_time = limit});
        const auto token = pool.stop_token();
        pool.detach([&, token] {
            begun.count_down();
            until([&] { return token.stop_requested(); });  // or for ever
            finished = true;
        });
        begun.wait();
        for (int i = 0; i != 10'000; ++i) futures.push_back(pool.submit([&ran] { ++ran; }));
    }
    REQUIRE(finished);  // what runs is waited for
    REQUIRE(ran == 0);
    for (auto& future : futures) REQUIRE_THROWS_AS(future.get(), yoke::cancelled);
}

TEST_CASE("a destructor with a time limit that is long enough cancels nothing", "[concurrent]") {
    std::atomic<int> ran{0};
    for (const std::chrono::nanoseconds limit :
         {std::chrono::nanoseconds(1h), std::chrono::nanoseconds::max() - 1ns}) {
        yoke::thread_pool pool({.threads = 2, .drain_time = limit});
        for (int i = 0; i != 1000; ++i) pool.detach([&ran] { ++ran; });
    }
    REQUIRE(ran == 2000);
}

TEMPLATE_TEST_CASE("a hundred thousand pending tasks are drained or cancelled, as the policy says",
                   "[concurrent]", YOKE_ALL_POOLS) {
    constexpr int tasks = 100'000;
    std::atomic<int> ran{0};
    {
        TestType pool(2);
        for (int i = 0; i != tasks; ++i) pool.detach([&ran] { ++ran; });
    }
    REQUIRE(ran == tasks);
    ran = 0;
    {
        TestType pool({.threads = 2, .drain_time = 0ns});
        pool.pause();
        for (int i = 0; i != tasks; ++i) pool.detach([&ran] { ++ran; });
    }
    REQUIRE(ran == 0);
}

TEST_CASE("waiting for a pool can be given up", "[concurrent]") {
    std::latch end(1);
    yoke::thread_pool pool(1);
    REQUIRE(pool.wait_for(0ns));
    pool.detach([&end] { end.wait(); });
    REQUIRE_FALSE(pool.wait_for(0ns));
    REQUIRE_FALSE(pool.wait_for(-1s));
    REQUIRE_FALSE(pool.wait_for(1ms));
    end.count_down();
    REQUIRE(pool.wait_for(std::chrono::nanoseconds::max()));
    REQUIRE_THROWS_AS(pool.submit([&pool] { return pool.wait_for(1ns); }).get(), yoke::deadlock_error);
}

TEST_CASE("who waits for a task when its pool is destroyed gets its outcome", "[concurrent]") {
    for (int round = 0; round != 50; ++round) {
        std::latch end(1);
        auto pool = std::make_unique<yoke::thread_pool>(yoke::thread_pool_options{
            .threads = 1, .drain_time = round % 2 == 0 ? 0ns : std::chrono::nanoseconds::max()});
        std::latch begun(1);
        auto running = pool->submit([&] {
            begun.count_down();
            end.wait();
            return 1;
        });
        auto waiting = pool->submit([] { return 2; });
        std::atomic<int> outcomes{0};
        std::thread first([&] { outcomes += running.get(); });
        std::thread second([&] {
            try {
                outcomes += waiting.get();
            } catch (const yoke::cancelled&) {
                outcomes += 20;
            }
        });
        begun.wait();
        std::thread destroyer([&] { pool.reset(); });
        end.count_down();
        first.join();
        second.join();
        destroyer.join();
        REQUIRE((outcomes == 3 || (round % 2 == 0 && outcomes == 21)));
    }
}

// Processors

#if defined(__linux__)
TEST_CASE("threads run on the processors they are given", "[concurrent]") {
    const auto available = yoke::available_processors();
    REQUIRE(available.size() == yoke::detail::cpu_affinity());
    std::vector<unsigned> wanted(available.rbegin(), available.rend());
    yoke::thread_pool pool({.threads = 2 * wanted.size(), .processors = wanted});
    std::latch all(static_cast<std::ptrdiff_t>(pool.concurrency()));
    std::mutex mutex;
    std::multiset<unsigned> used;
    for (std::size_t i = 0; i != pool.concurrency(); ++i) {
        pool.detach([&] {
            const auto mine = yoke::available_processors();
            if (mine.size() == 1) {
                const std::lock_guard lock(mutex);
                used.insert(mine.front());
            }
            all.arrive_and_wait();
        });
    }
    pool.wait();
    for (const unsigned processor : wanted) REQUIRE(used.count(processor) == 2);
    REQUIRE(yoke::available_processors() == available);  // the caller stays where it was
}

TEST_CASE("a processor that may not be used is refused by its number") {
    REQUIRE_THROWS_WITH(yoke::thread_pool({.threads = 1, .processors = {0, 987654}}),
                        Catch::Matchers::ContainsSubstring("987654"));
}

TEMPLATE_TEST_CASE("with one processor a pool has one thread, on which tasks wait for tasks", "[concurrent]",
                   YOKE_ALL_POOLS) {
    struct nest {
        TestType& pool;
        int operator()(int levels) const {
            return levels == 0 ? 0 : pool.submit(*this, levels - 1).get() + 1;
        }
    };
    std::size_t threads = 0;
    int depth = 0;
    std::thread([&] {
        yoke::detail::pin_this_thread(yoke::available_processors().front());
        TestType pool;
        threads = pool.concurrency();
        auto nested = pool.submit(nest{pool}, 100);
        static_cast<void>(nested.wait_until(
            std::chrono::steady_clock::time_point::max()));  // unlike get(), leaves it to the worker
        depth = nested.get();
    }).join();
    REQUIRE(threads == 1);
    REQUIRE(depth == 100);
}
#endif
