// SPDX-License-Identifier: MIT
// labels: concurrent
#include "catch.hpp"
#include "support/process_watch.hpp"

#include <yoke/executor/thread_pool.hpp>

#include <atomic>
#include <memory>
#include <stop_token>
#include <string>
#include <thread>
#include <unistd.h>
#include <vector>

namespace {

using stealing_pool = yoke::thread_pool;
using fifo_pool = yoke::basic_thread_pool<yoke::fifo>;
using priority_pool = yoke::basic_thread_pool<yoke::priority<>>;

// A sanitizer makes every step ten times as long and every stack frame several times as large.
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
constexpr int patience = 1;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
constexpr int patience = 1;
#else
constexpr int patience = 10;
#endif
#else
constexpr int patience = 10;
#endif

/// The time that shutdown and a submission need to meet differs from round to round.
void dawdle(int steps) {
    std::atomic<int> i{0};
    while (i.fetch_add(1, std::memory_order_relaxed) < steps) {}
}

}  // namespace

TEMPLATE_TEST_CASE("accepted and refused tasks add up when submitters race with shutdown", "[concurrent]",
                   stealing_pool, fifo_pool, priority_pool) {
    constexpr int submitters = 8;
    const int rounds = patience == 1 ? 100 : 10'000;
    constexpr int each = 10;
    std::atomic<int> round{-1};
    std::atomic<int> finished{0};
    std::atomic<int> accepted{0};
    std::atomic<int> refused{0};
    std::atomic<int> settled{0};
    std::unique_ptr<TestType> pool;

    std::vector<std::thread> threads;
    for (int s = 0; s != submitters; ++s) {
        threads.emplace_back([&, s] {
            for (int r = 0; r != rounds; ++r) {
                for (int now = round.load(); now < r; now = round.load()) round.wait(now);
                std::vector<yoke::future<void>> futures;
                for (int i = 0; i != each; ++i) {
                    try {
                        if ((s + i) % 2 == 0) {
                            pool->detach([&settled] { ++settled; });
                        } else {
                            futures.push_back(pool->submit([] {}));
                        }
                        ++accepted;
                    } catch (const yoke::pool_closed&) {
                        ++refused;
                    }
                }
                for (auto& future : futures) {
                    try {
                        future.get();
                    } catch (const yoke::cancelled&) {}
                    ++settled;
                }
                if (++finished == submitters * (r + 1)) finished.notify_one();
            }
        });
    }

    bool right = true;
    for (int r = 0; r != rounds; ++r) {
        accepted = refused = settled = 0;
        pool = std::make_unique<TestType>(2);
        round = r;
        round.notify_all();
        dawdle((r * 37) % 20'000);
        pool->shutdown();
        for (int done = finished.load(); done != submitters * (r + 1); done = finished.load())
            finished.wait(done);
        pool.reset();
        right = right && accepted + refused == submitters * each && settled == accepted;
    }
    for (auto& thread : threads) thread.join();
    REQUIRE(right);
}

TEMPLATE_TEST_CASE("shutdown(cancel_pending) settles everything in a race with submitters", "[concurrent]",
                   stealing_pool, fifo_pool, priority_pool) {
    const int rounds = 30 * patience;
    bool right = true;
    for (int r = 0; r != rounds; ++r) {
        std::atomic<int> accepted{0};
        std::atomic<int> ran{0};
        std::atomic<int> stopped{0};
        {
            TestType pool(2);
            std::vector<std::thread> submitters;
            for (int s = 0; s != 3; ++s) {
                submitters.emplace_back([&] {
                    std::vector<yoke::future<void>> futures;
                    try {
                        for (int i = 0; i != 2000; ++i) {
                            futures.push_back(pool.submit([&pool, &ran] {
                                ++ran;
                                try {
                                    pool.detach([] {});
                                } catch (const yoke::pool_closed&) {}
                            }));
                            ++accepted;
                        }
                    } catch (const yoke::pool_closed&) {}
                    for (auto& future : futures) {
                        try {
                            future.get();
                        } catch (const yoke::cancelled&) {
                            ++stopped;
                        }
                    }
                });
            }
            dawdle((r * 1237) % 50'000);
            pool.shutdown(yoke::cancel_pending);
            for (auto& submitter : submitters) submitter.join();
        }
        right = right && ran + stopped == accepted;
    }
    REQUIRE(right);
}

TEMPLATE_TEST_CASE("cancel() always knows whether the task runs", "[concurrent]", stealing_pool, fifo_pool,
                   priority_pool) {
    const int races = patience == 1 ? 10'000 : 1'000'000;
    TestType pool(2);
    int wrong = 0;
    for (int i = 0; i != races; ++i) {
        std::atomic<int> ran{0};
        auto future = pool.submit([&ran] { ++ran; });
        // One in a thousand is known to have begun.
        if (i % 1000 == 0) {
            while (ran == 0) std::this_thread::yield();
        }
        dawdle(i % 4 == 0 ? (i * 37) % 4000 : i % 64);  // a sleeping worker takes longer than a busy one
        const bool stopped = future.cancel();
        bool threw = false;
        try {
            future.get();
        } catch (const yoke::cancelled&) {
            threw = true;
        }
        if (stopped != threw || stopped != (ran == 0) || (stopped && i % 1000 == 0)) ++wrong;
    }
    // And while both threads are held up nothing begins.
    std::atomic<bool> held{true};
    for (int i = 0; i != 2; ++i) pool.detach([&held] { held.wait(true); });
    for (int i = 0; i != 100; ++i) {
        std::atomic<int> ran{0};
        auto future = pool.submit([&ran] { ++ran; });
        if (!future.cancel() || ran != 0) ++wrong;
    }
    held = false;
    held.notify_all();
    pool.wait();
    REQUIRE(wrong == 0);
}

TEMPLATE_TEST_CASE("tasks wait for tasks to a depth of thousands on one thread", "[concurrent]",
                   stealing_pool, fifo_pool, priority_pool) {
    struct nest {
        TestType& pool;
        int operator()(int depth) const { return depth == 0 ? 0 : 1 + pool.submit(*this, depth - 1).get(); }
    };
    // Without optimization a level takes some kilobytes of the stack.
#if defined(__OPTIMIZE__)
    const int depth = 1000 * patience;
#else
    const int depth = 1000;
#endif
    TestType pool(1);
    REQUIRE(pool.submit(nest{pool}, depth).get() == depth);
}

TEMPLATE_TEST_CASE("thousands of pools come and go and leave no thread, no descriptor and no memory",
                   "[concurrent]", stealing_pool, fifo_pool, priority_pool) {
    const int pools = 1000 * patience;
    std::atomic<int> ran{0};
    const auto come_and_go = [&ran](int count) {
        for (int i = 0; i != count; ++i) {
            TestType pool(2);
            if (i % 3 != 0) pool.detach([&ran] { ++ran; });
            if (i % 3 == 1) pool.submit([&ran] { ++ran; }).get();
            if (i % 30 == 0) pool.resize(3);
        }
    };
    std::thread([] {}).join();  // a sanitizer that has a thread of its own starts it with the first one
    come_and_go(pools / 10);    // what the program keeps, it has now
    ran = 0;
    const yoke_test::holdings before;
    const long memory = yoke_test::resident_pages(::getpid());
    come_and_go(pools);
    REQUIRE(ran ==
            pools -
                1);  // of three in a row, none, two and one; and one is left over, which is of the first kind
    REQUIRE(yoke_test::difference(before, yoke_test::holdings()).empty());
    // 2 MiB; a kilobyte for each pool would be ten. Sanitizers keep freed memory, and those builds have `patience` 1.
    if constexpr (patience > 1) REQUIRE(yoke_test::resident_pages(::getpid()) - memory < 512);
}

TEMPLATE_TEST_CASE("sixty-four threads on few processors lose nothing", "[concurrent]", stealing_pool,
                   fifo_pool, priority_pool) {
    TestType pool(64);
    std::atomic<int> ran{0};
    struct tree {
        TestType& pool;
        std::atomic<int>& ran;
        void operator()(int height) const {
            ++ran;
            if (height == 0) return;
            pool.detach(*this, height - 1);
            auto right = pool.submit(*this, height - 1);
            right.get();
        }
    };
    for (int round = 0; round != patience; ++round) {
        pool.detach(tree{pool, ran}, 10);
        pool.wait();
        REQUIRE(ran == 2047 * (round + 1));
    }
}

TEMPLATE_TEST_CASE("sixty-four threads on few processors keep every promise at once", "[concurrent]",
                   stealing_pool, fifo_pool, priority_pool) {
    constexpr int producers = 4;
    const int rounds = 50 * patience;
    std::atomic<int> detached{0};
    std::atomic<int> called{0};
    std::atomic<int> settled{0};
    std::atomic<int> wrong{0};
    {
        TestType pool(64);
        const auto nest = [&pool](int leaf) {
            return pool.submit([&pool, leaf] { return pool.submit([leaf] { return leaf; }).get(); }).get();
        };
        std::vector<std::thread> threads;
        for (int p = 0; p != producers; ++p) {
            threads.emplace_back([&] {
                for (int i = 0; i != rounds; ++i) {
                    pool.detach([&detached] { ++detached; });
                    auto all = pool.bulk(8, [&called](std::size_t) { ++called; });
                    auto deep = pool.submit(nest, i);
                    auto thrower = pool.submit([i] { throw i; });
                    auto dropped = pool.submit([&settled] { ++settled; });
                    if (dropped.cancel()) ++settled;
                    std::stop_source stop;
                    stop.request_stop();
                    auto stopped = pool.submit({.stop = stop.get_token()}, [&wrong] { ++wrong; });
                    try {
                        stopped.get();
                        ++wrong;
                    } catch (const yoke::cancelled&) {}
                    try {
                        thrower.get();
                        ++wrong;
                    } catch (int thrown) {
                        if (thrown != i) ++wrong;
                    }
                    if (deep.get() != i) ++wrong;
                    all.get();
                }
            });
        }
        for (auto& thread : threads) thread.join();
    }
    REQUIRE(wrong == 0);
    REQUIRE(detached == producers * rounds);
    REQUIRE(called == 8 * producers * rounds);
    REQUIRE(settled == producers * rounds);
}

TEMPLATE_TEST_CASE("single tasks find a sleeping pool awake", "[concurrent]", stealing_pool, fifo_pool,
                   priority_pool) {
    // Every task comes when the workers are asleep or just about to fall asleep: a lost wake hangs here.
    TestType pool(3);
    std::atomic<int> ran{0};
    const int tasks = 5'000 * patience;
    for (int i = 0; i != tasks; ++i) {
        pool.detach([&ran] {
            ++ran;
            ran.notify_one();
        });
        for (int now = ran.load(); now != i + 1; now = ran.load()) ran.wait(now);
        dawdle(i % 512);
    }
    REQUIRE(ran == tasks);
}

TEST_CASE("tasks that need each other at the same time are all begun", "[concurrent]") {
    // The tasks of a group wait for one another without a future, so each needs a thread of its own: a
    // group hangs if a queued task is left lying while a worker sleeps.
    constexpr int size = 4;
    yoke::thread_pool pool(size);
    for (int round = 0; round != 500 * patience; ++round) {
        std::atomic<int> arrived{0};
        const auto meet = [&arrived] {
            if (++arrived == size) arrived.notify_all();
            for (int now = arrived.load(); now != size; now = arrived.load()) arrived.wait(now);
        };
        if (round % 2 == 0) {
            for (int i = 0; i != size; ++i) pool.detach(meet);
        } else {
            pool.detach([&] {
                for (int i = 1; i != size; ++i) pool.detach(meet);
                meet();
            });
        }
        pool.wait();
        REQUIRE(arrived == size);
    }
}

TEMPLATE_TEST_CASE("a bounded pool works off what many producers push", "[concurrent]", stealing_pool,
                   fifo_pool, priority_pool) {
    TestType pool({.threads = 2, .max_pending = 3});
    std::atomic<long> sum{0};
    const int each = 500 * patience;
    std::vector<std::thread> producers;
    for (int p = 0; p != 4; ++p) {
        producers.emplace_back([&] {
            for (int i = 0; i != each; ++i) {
                if (i % 5 == 0) {
                    pool.submit([&] { pool.detach([&sum] { ++sum; }); }).get();
                } else if (i % 5 == 1) {
                    if (!pool.submit([&sum] { ++sum; }).cancel()) continue;
                    ++sum;
                } else if (auto accepted = pool.try_submit([&sum] { ++sum; }); !accepted) {
                    pool.detach([&sum] { ++sum; });
                }
            }
        });
    }
    for (auto& producer : producers) producer.join();
    pool.wait();
    REQUIRE(sum == 4L * each);
}

TEMPLATE_TEST_CASE("a task that is submitted to a paused pool does not begin", "[concurrent]", stealing_pool,
                   fifo_pool, priority_pool) {
    // The workers are awake and search when the pause comes.
    TestType pool(2);
    const int rounds = 1000 * patience;
    std::atomic<int> begun{0};
    int too_early = 0;
    for (int round = 0; round != rounds; ++round) {
        for (int i = 0; i != 4; ++i) pool.detach([] {});
        dawdle(round % 512);
        pool.pause();
        begun = 0;
        for (int i = 0; i != 4; ++i) pool.detach([&begun] { ++begun; });
        dawdle(round % 1024);
        if (begun != 0) ++too_early;
        pool.resume();
        pool.wait();
        if (begun != 4) ++too_early;
    }
    REQUIRE(too_early == 0);
}

TEMPLATE_TEST_CASE("what a paused pool has not begun is cancelled, wherever it is", "[concurrent]",
                   stealing_pool, fifo_pool, priority_pool) {
    const int rounds = 100 * patience;
    int wrong = 0;
    for (int round = 0; round != rounds; ++round) {
        TestType pool(2);
        for (int i = 0; i != 4; ++i) pool.detach([] {});
        dawdle(round % 512);
        pool.pause();
        std::vector<yoke::future<void>> futures;
        for (int i = 0; i != 4; ++i) futures.push_back(pool.submit([] {}));
        dawdle(round % 1024);
        pool.shutdown(yoke::cancel_pending);
        for (auto& future : futures) {
            try {
                future.get();
                ++wrong;
            } catch (const yoke::cancelled&) {}
        }
    }
    REQUIRE(wrong == 0);
}

TEMPLATE_TEST_CASE("a burst ends with all threads started", "[concurrent]", stealing_pool, fifo_pool,
                   priority_pool) {
    for (int round = 0; round != 100 * patience; ++round) {
        constexpr int size = 5;
        std::atomic<int> inside{0};
        TestType pool(size);
        for (int i = 0; i != size; ++i) {
            pool.detach([&inside] {
                if (++inside == size) inside.notify_all();
                for (int now = inside.load(); now != size; now = inside.load()) inside.wait(now);
            });
        }
        pool.wait();
        REQUIRE(inside == size);
    }
}
