// SPDX-License-Identifier: MIT
// labels: concurrent
#include "catch.hpp"
#include "support/executors.hpp"

#include <yoke/executor/task_group.hpp>

#include <yoke/executor/inline_executor.hpp>
#include <yoke/executor/thread_pool.hpp>

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <thread>
#include <vector>

using yoke::task_group;
using yoke::thread_pool;

namespace {

template <class Group>
void grow(Group& group, std::atomic<int>& count, int height) {
    ++count;
    if (height == 0) return;
    for (int i = 0; i != 2; ++i) group.run([&group, &count, height] { grow(group, count, height - 1); });
}

}  // namespace

TEST_CASE("wait returns when all tasks have ended, those run by tasks included", "[concurrent]") {
    for (const std::size_t threads : {1U, 2U, 64U}) {
        thread_pool pool(threads);
        task_group group(pool);
        for (int round = 0; round != 20; ++round) {
            std::atomic<int> count{0};
            grow(group, count, 7);
            group.wait();
            REQUIRE(count == 255);
        }
        group.wait();  // nothing to wait for
    }
}

TEST_CASE("a group waits inside a task of a pool of one thread", "[concurrent]") {
    thread_pool pool(1);
    std::atomic<int> count{0};
    pool.submit([&] {
            task_group outer(pool);
            for (int i = 0; i != 10; ++i) {
                outer.run([&] {
                    task_group inner(pool);
                    for (int j = 0; j != 10; ++j) inner.run([&count] { ++count; });
                    inner.wait();
                });
            }
            outer.wait();
        })
        .get();
    REQUIRE(count == 100);
}

TEST_CASE("waiting inside a task runs nothing but the group's own tasks", "[concurrent]") {
    thread_pool pool(1);
    std::mutex mutex;
    std::vector<int> order;
    pool.submit([&] {
            const std::lock_guard held(mutex);
            pool.detach([&] {
                const std::lock_guard lock(mutex);  // would lock it twice in one thread
                order.push_back(2);
            });
            task_group group(pool);
            group.run([&] { order.push_back(1); });
            group.wait();
        })
        .get();
    pool.wait();
    REQUIRE(order == std::vector<int>{1, 2});
}

TEST_CASE("one exception is thrown as itself, several as task_errors, and the group can be used again",
          "[concurrent]") {
    thread_pool pool(2);
    task_group group(pool);
    std::atomic<int> count{0};
    group.run([] { throw std::domain_error("one"); });
    for (int i = 0; i != 500; ++i) group.run([&count] { ++count; });
    REQUIRE_THROWS_AS(group.wait(), std::domain_error);
    REQUIRE(count == 500);
    for (int i = 0; i != 500; ++i) {
        group.run([i] {
            if (i % 100 == 0) throw i;
        });
    }
    std::size_t errors = 0;
    try {
        group.wait();
    } catch (const yoke::task_errors& several) {
        errors = several.errors().size();
    }
    REQUIRE(errors == 5);
    group.run([&count] { ++count; });
    group.wait();
    REQUIRE(count == 501);
}

TEST_CASE("the destructor waits and drops exceptions", "[concurrent]") {
    thread_pool pool(2);
    std::atomic<int> count{0};
    {
        task_group group(pool);
        for (int i = 0; i != 100; ++i) {
            group.run([&count] {
                ++count;
                throw 1;
            });
        }
    }
    REQUIRE(count == 100);
}

TEST_CASE("cancel keeps from beginning what has not begun", "[concurrent]") {
    std::atomic<int> stage{0};
    thread_pool pool(1);
    std::atomic<int> count{0};
    pool.detach([&] {
        stage = 1;
        stage.notify_all();
        stage.wait(1);
    });
    stage.wait(0);
    task_group group(pool);
    for (int i = 0; i != 10; ++i) group.run([&count] { ++count; });
    group.cancel();
    REQUIRE(group.is_cancelled());
    group.run([&count] { ++count; });
    stage = 2;
    stage.notify_all();
    group.wait();
    REQUIRE(count == 0);
    REQUIRE_FALSE(group.is_cancelled());
    group.run([&count] { ++count; });
    group.wait();
    REQUIRE(count == 1);
}

TEST_CASE("a closed pool refuses, and what it cancels is reported", "[concurrent]") {
    std::atomic<int> stage{0};
    auto pool = std::make_unique<thread_pool>(1);
    pool->detach([&] {
        stage = 1;
        stage.notify_all();
        stage.wait(1);
    });
    stage.wait(0);
    task_group group(*pool);
    bool called = false;
    group.run([&] { called = true; });
    pool->shutdown(yoke::cancel_pending);
    stage = 2;
    stage.notify_all();
    REQUIRE_THROWS_AS(group.run([] {}), yoke::pool_closed);
    REQUIRE_THROWS_AS(group.wait(), yoke::cancelled);
    REQUIRE_FALSE(called);
}

TEST_CASE("threads from outside run tasks of one group at the same time", "[concurrent]") {
    thread_pool pool(2);
    task_group group(pool);
    std::atomic<int> count{0};
    std::vector<std::thread> threads;
    for (int t = 0; t != 3; ++t) {
        threads.emplace_back([&] {
            for (int i = 0; i != 2000; ++i) group.run([&count] { ++count; });
        });
    }
    for (auto& thread : threads) thread.join();
    group.wait();
    REQUIRE(count == 6000);
}

TEST_CASE("a group works on any executor in this address space") {
    yoke::inline_executor here;
    yoke_test::thread_executor threads;
    std::atomic<int> count{0};
    task_group first(here);
    task_group second(threads);
    for (int i = 0; i != 20; ++i) {
        first.run([&count, owned = std::make_unique<int>(1)] { count += *owned; });
        second.run([&count] { ++count; });
    }
    first.wait();
    second.wait();
    REQUIRE(count == 40);
}
