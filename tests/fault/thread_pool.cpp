// SPDX-License-Identifier: MIT
//
// The thread pool when memory or threads run out. This program replaces operator new, to let the n-th
// allocation fail and to count what is alive, and, where no sanitizer does so already, pthread_create.
#include "catch.hpp"
#include "support/failing_memory.hpp"
#include "support/process_watch.hpp"

#include <yoke/executor/thread_pool.hpp>

#include <dlfcn.h>
#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <latch>
#include <limits>
#include <memory>
#include <new>
#include <string>
#include <system_error>
#include <thread>

using yoke_test::fail_every_allocation_once;
using yoke_test::living;
using yoke_test::made;

namespace {

using stealing_pool = yoke::thread_pool;
using fifo_pool = yoke::basic_thread_pool<yoke::fifo>;
using priority_pool = yoke::basic_thread_pool<yoke::priority<>>;

/// A copy of this allocates.
struct costly_call {
    std::string text = "long enough to live on the heap, where the copy must find room for it";
    std::size_t operator()() const { return text.size(); }
};

}  // namespace

TEMPLATE_TEST_CASE("when memory runs out in submit, nothing is queued and the pool goes on", "[concurrent]",
                   stealing_pool, fifo_pool, priority_pool) {
    TestType pool({.threads = 1, .max_pending = 1});
    pool.submit([] {}).get();  // so that the thread is there
    const costly_call call;
    for (int from_inside = 0; from_inside != 2; ++from_inside) {
        std::atomic<std::size_t> sum{0};
        const auto attempts = [&] {
            int failures = 0;
            failures += fail_every_allocation_once([&] { static_cast<void>(pool.submit(call)); }).threw;
            failures += fail_every_allocation_once([&] { sum = pool.submit(call).get(); }).threw;
            failures += fail_every_allocation_once([&] { pool.detach(call); }).threw;
            return failures;
        };
        const int failures = from_inside != 0 ? pool.submit(attempts).get() : attempts();
        // The text, three times, and the block if none is at hand: nothing else is allocated.
        REQUIRE(failures >= 3);
        REQUIRE(failures <= 6);
        REQUIRE(sum == call.text.size());
        pool.wait();
    }
}

TEMPLATE_TEST_CASE("a task costs at most one allocation", "[concurrent]", stealing_pool, fifo_pool,
                   priority_pool) {
    std::latch end(1);
    TestType pool(1);
    std::latch begun(1);
    pool.detach([&] {
        begun.count_down();
        end.wait();
    });
    begun.wait();
    const long before = made;
    auto future = pool.submit([](int x) { return x; }, 1);
    REQUIRE(made <= before + 1);
    pool.detach([](int) {}, 1);
    REQUIRE(made <= before + 2);
    end.count_down();
    future.get();
    pool.wait();
}

#if !defined(YOKE_ADDRESS_SANITIZER)

TEMPLATE_TEST_CASE("a pool that has run tasks takes the memory for more of them from those", "[concurrent]",
                   stealing_pool, fifo_pool, priority_pool) {
    TestType pool(1);
    const auto round = [&pool] {
        for (int i = 0; i != 200; ++i) pool.detach([] {});
        pool.wait();
        for (int i = 0; i != 200; ++i) pool.submit([](int x) { return x; }, i).get();
        pool.wait();
    };
    for (int warm = 0; warm != 50; ++warm) round();
    const long before = made;
    for (int i = 0; i != 20; ++i) round();
    // Of these 8,000. The depot's lock is tried, not waited for: while its holder is off the processor, blocks come from the
    // system.
    REQUIRE(made - before <= 400);
}

#endif

TEMPLATE_TEST_CASE("the blocks of cancelled tasks do not pile up", "[concurrent]", stealing_pool, fifo_pool,
                   priority_pool) {
    std::latch end(1);
    TestType pool(1);
    std::latch begun(1);
    pool.detach([&] {
        begun.count_down();
        end.wait();
    });
    begun.wait();
    const long before = living;
    long most = 0;
    for (int i = 0; i != 20'000; ++i) {
        pool.submit([] {}).cancel();
        most = std::max(most, living - before);
    }
    REQUIRE(most <= 4000);
    end.count_down();
    pool.wait();
}

TEMPLATE_TEST_CASE("the blocks of tasks that their waiter ran do not pile up", "[concurrent]", stealing_pool,
                   fifo_pool, priority_pool) {
    TestType pool(1);
    long most = 0;
    pool.submit([&] {
            const long before = living;
            for (int i = 0; i != 20'000; ++i) {
                pool.submit([] {}).get();
                most = std::max(most, living - before);
            }
        })
        .get();
    REQUIRE(most <= 4000);
}

TEMPLATE_TEST_CASE("a pool that cannot be made leaks nothing", "[concurrent]", stealing_pool, fifo_pool,
                   priority_pool) {
    const long before = living;
    int failures = fail_every_allocation_once([] { const TestType pool(3); }).threw;
    REQUIRE(failures >= 1);
    failures =
        fail_every_allocation_once([] { const TestType pool({.threads = 3}, [](std::size_t) {}); }).threw;
    REQUIRE(failures >= 3);
    REQUIRE(living == before);
}

TEMPLATE_TEST_CASE("when memory runs out while threads are started, what throws has queued nothing",
                   "[concurrent]", stealing_pool, fifo_pool, priority_pool) {
    long after[3] = {};
    for (long& living_after : after) {
        yoke_test::attempts all;
        std::atomic<int> ran{0};
        {
            TestType pool(2);
            all = fail_every_allocation_once([&] { pool.detach([&ran] { ++ran; }); });
            pool.wait();
        }
        living_after = living;
        REQUIRE(all.threw >= 2);
        // Mostly one: the second thread, which a submission may try to start, is not needed for it to be accepted.
        REQUIRE(ran == all.returned);
    }
    REQUIRE(after[2] <= after[1] + 1);  // the memory of tasks is kept for others
}

TEMPLATE_TEST_CASE(
    "when memory runs out while a further thread is started, the task is accepted all the same",
    "[concurrent]", stealing_pool, fifo_pool, priority_pool) {
    std::latch end(1);
    yoke_test::attempts all;
    std::atomic<int> ran{0};
    {
        TestType pool(2);
        std::latch begun(1);
        pool.detach([&] {
            begun.count_down();
            end.wait();
        });
        begun.wait();  // The first thread is busy, so the next submission starts the second.
        all = fail_every_allocation_once([&] { pool.detach([&ran] { ++ran; }); });
        end.count_down();
        pool.wait();
    }
    REQUIRE(all.returned >= 2);
    REQUIRE(ran == all.returned);
}

#if !defined(__SANITIZE_THREAD__) && !defined(__SANITIZE_ADDRESS__)
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define YOKE_TEST_KEEP_PTHREAD_CREATE
#endif
#endif
#else
#define YOKE_TEST_KEEP_PTHREAD_CREATE
#endif

#if !defined(YOKE_TEST_KEEP_PTHREAD_CREATE)

namespace {

/// Threads of the whole program until one cannot be started, and from then on none can; a negative number never
/// gets there.
std::atomic<long> threads_until_failure{-1};

/// The kernel counts a joined thread for a moment.
int living_threads() {
    std::ifstream status("/proc/self/status");
    std::string word;
    while (status >> word && word != "Threads:") {}
    int threads = 0;
    status >> threads;
    return threads;
}

}  // namespace

extern "C" int pthread_create(pthread_t* thread, const pthread_attr_t* attributes, void* (*start)(void*),
                              void* argument) {
    using function = int (*)(pthread_t*, const pthread_attr_t*, void* (*)(void*), void*);
    static const auto real = reinterpret_cast<function>(::dlsym(RTLD_NEXT, "pthread_create"));
    for (long left = threads_until_failure; left >= 0;) {
        if (left == 0) return EAGAIN;
        if (threads_until_failure.compare_exchange_weak(left, left - 1)) break;
    }
    return real(thread, attributes, start, argument);
}

TEMPLATE_TEST_CASE("if a thread cannot be started the constructor throws and ends the others", "",
                   stealing_pool, fifo_pool, priority_pool) {
    const int threads = living_threads();
    const long blocks = living;
    std::atomic<int> prepared{0};
    for (long n = 0; n != 4; ++n) {
        threads_until_failure = n;
        REQUIRE_THROWS_AS(TestType({.threads = 4}, [&prepared](std::size_t) { ++prepared; }),
                          std::system_error);
        threads_until_failure = n;
        REQUIRE_THROWS_AS(TestType({.threads = 4}, [&prepared](std::size_t) noexcept { ++prepared; }),
                          std::system_error);
    }
    threads_until_failure = -1;
    REQUIRE(prepared == 2 * (0 + 1 + 2 + 3));
    REQUIRE(living == blocks);
    REQUIRE(yoke_test::eventually([&] { return living_threads() <= threads; }));
    REQUIRE(TestType(4).submit([] { return 1; }).get() == 1);
}

TEMPLATE_TEST_CASE("if no thread at all can be started, submitting throws and queues nothing", "",
                   stealing_pool, fifo_pool, priority_pool) {
    TestType pool({.threads = 2, .max_pending = 1});
    std::atomic<int> ran{0};
    auto argument = std::make_unique<int>(7);
    const auto call = [&ran](std::unique_ptr<int>) { ++ran; };
    threads_until_failure = 0;
    for (int i = 0; i != 3; ++i) {
        REQUIRE_THROWS_AS(pool.submit(call, std::move(argument)), std::system_error);
        REQUIRE_THROWS_AS(pool.try_submit(call, std::move(argument)), std::system_error);
        REQUIRE_THROWS_AS(pool.detach(call, std::move(argument)), std::system_error);
        REQUIRE(argument != nullptr);
    }
    pool.wait();
    threads_until_failure = -1;
    REQUIRE(ran == 0);
    pool.submit(call, std::move(argument)).get();
    REQUIRE(ran == 1);
}

TEMPLATE_TEST_CASE("with fewer threads than wanted the work goes on, and a later task starts the others", "",
                   stealing_pool, fifo_pool, priority_pool) {
    const int threads = living_threads();
    {
        TestType pool(4);
        threads_until_failure = 1;
        std::atomic<int> ran{0};
        for (int i = 0; i != 1000; ++i) pool.detach([&ran] { ++ran; });
        pool.wait();
        REQUIRE(ran == 1000);
        REQUIRE(pool.statistics().threads == 1);
        threads_until_failure = -1;
        // Four tasks that need each other at the same time.
        std::atomic<int> met{0};
        for (int i = 0; i != 4; ++i) {
            pool.detach([&met] {
                ++met;
                while (met < 4) std::this_thread::yield();
            });
        }
        while (met != 4) {
            pool.detach([] {});  // a later task: nobody tries again by himself
            std::this_thread::yield();
        }
        pool.wait();
        REQUIRE(pool.statistics().threads == 4);
    }
    REQUIRE(yoke_test::eventually([&] { return living_threads() <= threads; }));
}

TEST_CASE("a pool that cannot grow keeps the size it had") {
    std::atomic<int> prepared{0};
    yoke::thread_pool pool({.threads = 2}, [&prepared](std::size_t) { ++prepared; });
    threads_until_failure = 1;
    REQUIRE_THROWS_AS(pool.resize(4), std::system_error);
    threads_until_failure = -1;
    REQUIRE(pool.concurrency() == 2);
    REQUIRE(pool.submit([] { return 1; }).get() == 1);
    while (pool.statistics().threads != 2) std::this_thread::yield();  // the third one leaves
    pool.resize(4);
    REQUIRE(prepared == 2 + 1 + 2);
}

#endif
