// SPDX-License-Identifier: MIT
// labels: concurrent

// Which thread runs a task that somebody waits for: every kind of wait, from every kind of thread.

#include "catch.hpp"

#include <yoke/algorithm/consume.hpp>
#include <yoke/algorithm/fetch.hpp>
#include <yoke/algorithm/invoke.hpp>
#include <yoke/algorithm/map.hpp>
#include <yoke/algorithm/pipeline.hpp>
#include <yoke/algorithm/reduce.hpp>
#include <yoke/algorithm/scan.hpp>
#include <yoke/algorithm/sort.hpp>
#include <yoke/algorithm/timer.hpp>
#include <yoke/executor/inline_executor.hpp>
#include <yoke/executor/task_group.hpp>
#include <yoke/executor/thread_pool.hpp>
#include <yoke/executor/with.hpp>
#include <yoke/future.hpp>
#include <yoke/future/completion.hpp>
#include <yoke/queue/bounded_queue.hpp>
#include <yoke/schedule.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <latch>
#include <numeric>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

using namespace std::chrono_literals;
using yoke::thread_pool;

namespace {

/// The pool that has initialized this thread; 0: none has.
thread_local int initialized_by = 0;

/// A pool whose threads are initialized, and what its tasks found out about their threads.
struct prepared_pool {
    explicit prepared_pool(int number, std::size_t threads,
                           std::size_t max_pending = yoke::thread_pool_options::unbounded)
        : number_(number), pool({.threads = threads, .max_pending = max_pending}, [number](std::size_t) {
              initialized_by = number;
          }) {}

    /// Called by each task.
    void look() {
        ++looks;
        if (initialized_by != number_) ++strangers;
    }

    const int number_;
    std::atomic<int> looks{0};
    std::atomic<int> strangers{0};
    thread_pool pool;
};

struct wait_kind {
    const char* name;
    /// Has the pool run tasks, and waits for them.
    void (*wait)(prepared_pool&);
};

std::vector<yoke::future<void>> several(prepared_pool& p) {
    std::vector<yoke::future<void>> futures;
    for (int i = 0; i != 4; ++i) futures.push_back(p.pool.submit([&p] { p.look(); }));
    return futures;
}

yoke::future<void> goes_there(prepared_pool& p) {
    for (int i = 0; i != 3; ++i) {
        co_await p.pool.schedule();
        p.look();
    }
}
yoke::future<void> awaits_tasks(prepared_pool& p) {
    for (int i = 0; i != 3; ++i) co_await p.pool.submit([&p] { p.look(); });
}

/// Pages of numbers.
struct looking_source {
    prepared_pool* p;
    std::vector<int> operator()(yoke::page_request page) const {
        p->look();
        std::vector<int> rows;
        for (auto i = page.offset; i < 40 && rows.size() < page.limit; ++i)
            rows.push_back(static_cast<int>(i));
        return rows;
    }
};

const wait_kind all_waits[] = {
    {"get", [](prepared_pool& p) { p.pool.submit([&p] { p.look(); }).get(); }},
    {"wait", [](prepared_pool& p) { p.pool.submit([&p] { p.look(); }).wait(); }},
    {"free submit", [](prepared_pool& p) { yoke::submit(p.pool, [&p] { p.look(); }).get(); }},
    {"submit_range",
     [](prepared_pool& p) {
         const std::vector<int> items{1, 2, 3};
         for (auto& each : p.pool.submit_range(items, [&p](int) { p.look(); })) each.get();
     }},
    {"with",
     [](prepared_pool& p) {
         auto view = yoke::with(p.pool, {});
         view.submit([&p] { p.look(); }).then(view, [&p] { p.look(); }).get();
         auto second = yoke::with(view, {});
         yoke::submit(second, [&p] { p.look(); }).get();
     }},
    {"then",
     [](prepared_pool& p) {
         p.pool.submit([&p] { p.look(); })
             .then(p.pool, [&p] { p.look(); })
             .then(p.pool, [&p] { p.look(); })
             .get();
     }},
    {"then, by way of the caller",
     [](prepared_pool& p) {
         yoke::inline_executor here;
         p.pool.submit([&p] { p.look(); }).then(here, [] {}).then(p.pool, [&p] { p.look(); }).get();
     }},
    {"then, given the failed future",
     [](prepared_pool& p) {
         p.pool.submit([] { throw std::runtime_error("expected"); })
             .then(p.pool, [&p](yoke::future<void>) { p.look(); })
             .get();
     }},
    {"when_all of a vector", [](prepared_pool& p) { yoke::when_all(several(p)).get(); }},
    {"when_all of a tuple",
     [](prepared_pool& p) {
         yoke::when_all(p.pool.submit([&p] { p.look(); }), p.pool.submit([&p] { p.look(); })).get();
     }},
    {"when_any",
     [](prepared_pool& p) {
         auto first = yoke::when_any(several(p)).get();
         for (auto& each : first.futures) each.wait();
     }},
    {"as_completed",
     [](prepared_pool& p) {
         for (auto& each : yoke::as_completed(several(p))) each.get();
     }},
    {"task_group",
     [](prepared_pool& p) {
         yoke::task_group group(p.pool);
         for (int i = 0; i != 4; ++i)
             group.run([&p, &group] {
                 p.look();
                 group.run([&p] { p.look(); });
             });
         group.wait();
     }},
    {"schedule", [](prepared_pool& p) { goes_there(p).get(); }},
    {"a coroutine", [](prepared_pool& p) { awaits_tasks(p).get(); }},
    {"when_all of coroutines",
     [](prepared_pool& p) { yoke::when_all(goes_there(p), awaits_tasks(p), goes_there(p)).get(); }},
    {"timer::after",
     [](prepared_pool& p) {
         yoke::timer timer;
         timer.after(p.pool, 0ms, [&p] { p.look(); }).then(p.pool, [&p] { p.look(); }).get();
     }},
    {"timer::every",
     [](prepared_pool& p) {
         yoke::timer timer;
         int runs = 0;
         auto series = timer.every(p.pool, 1us, [&p, &runs] {
             p.look();
             if (++runs == 3) throw std::runtime_error("expected");
         });
         series.wait();
     }},
    {"bulk", [](prepared_pool& p) { p.pool.bulk(100, [&p](std::size_t) { p.look(); }).get(); }},
    {"for_each",
     [](prepared_pool& p) { yoke::for_each(p.pool, std::vector<int>(200, 1), [&p](int) { p.look(); }); }},
    {"map",
     [](prepared_pool& p) {
         for (int each : yoke::map(p.pool, std::vector<int>(50, 1), [&p](int i) {
                  p.look();
                  return i;
              }))
             static_cast<void>(each);
     }},
    {"reduce",
     [](prepared_pool& p) {
         static_cast<void>(yoke::reduce(p.pool, std::vector<int>(200, 1), 0, [&p](int a, int b) {
             p.look();
             return a + b;
         }));
     }},
    {"inclusive_scan",
     [](prepared_pool& p) {
         std::vector<int> items(5000, 1);
         yoke::inclusive_scan(p.pool, items, items.begin(), [&p](int a, int b) {
             p.look();
             return a + b;
         });
     }},
    {"sort",
     [](prepared_pool& p) {
         std::vector<int> items(5000);
         for (std::size_t i = 0; i != items.size(); ++i) items[i] = static_cast<int>(i * 7919 % 5000);
         yoke::sort(p.pool, items, [&p](int a, int b) {
             p.look();
             return a < b;
         });
     }},
    {"invoke",
     [](prepared_pool& p) {
         p.pool.invoke([&p] { p.look(); }, [&p] { p.pool.invoke([&p] { p.look(); }, [&p] { p.look(); }); });
     }},
    {"yoke::invoke",
     [](prepared_pool& p) {
         yoke::invoke(
             p.pool, [&p] { p.look(); }, [&p] { p.look(); });
     }},
    {"pipeline",
     [](prepared_pool& p) {
         const auto step = [&p](int i) {
             p.look();
             return i;
         };
         static_cast<void>(yoke::from(std::vector<int>(20, 1)) | yoke::stage(p.pool, step) |
                           yoke::stage(p.pool, step) | yoke::collect());
     }},
    {"consume",
     [](prepared_pool& p) {
         yoke::bounded_queue<int> queue(8);
         for (int i = 0; i != 5; ++i) static_cast<void>(queue.push(i));  // there is room
         queue.close();
         yoke::consume(p.pool, 3, queue, [&p](int) { p.look(); }).get();
     }},
    {"fetch",
     [](prepared_pool& p) {
         for (auto& page : yoke::fetch(p.pool, looking_source{&p}, {.limit = 10})) static_cast<void>(page);
     }},
    {"a task that waits for a task",
     [](prepared_pool& p) {
         p.pool
             .submit([&p] {
                 p.look();
                 p.pool.submit([&p] { p.look(); }).then(p.pool, [&p] { p.look(); }).get();
             })
             .get();
     }},
};

/// Where the waiting thread comes from.
struct origin {
    const char* name;
    void (*run)(prepared_pool&, const std::function<void()>&);
};

const origin all_origins[] = {
    {"a thread outside", [](prepared_pool&, const std::function<void()>& f) { f(); }},
    {"a task of another pool",
     [](prepared_pool&, const std::function<void()>& f) {
         thread_pool other(1);
         other.submit([&f] { f(); }).get();
     }},
    {"a task of another initialized pool",
     [](prepared_pool&, const std::function<void()>& f) {
         prepared_pool other(77, 1);
         other.pool.submit([&f] { f(); }).get();
     }},
    {"an inline task",
     [](prepared_pool&, const std::function<void()>& f) {
         yoke::inline_executor here;
         here.submit([&f] { f(); }).get();
     }},
    {"a task of the same pool",
     [](prepared_pool& p, const std::function<void()>& f) { p.pool.submit([&f] { f(); }).get(); }},
    {"a task in a task of the same pool",
     [](prepared_pool& p, const std::function<void()>& f) {
         p.pool.submit([&] { p.pool.submit([&f] { f(); }).get(); }).get();
     }},
};

/// The task of the pool waits for a task of another pool, which another thread has begun, and which waits for the pool.
void by_a_detour(prepared_pool& p, const std::function<void()>& f) {
    p.pool
        .submit([&] {
            thread_pool other(1);
            std::atomic<bool> begun{false};
            auto there = other.submit([&] {
                begun = true;
                f();
            });
            while (!begun) std::this_thread::yield();
            there.get();
        })
        .get();
}

}  // namespace

TEST_CASE("the only thread that may run a task runs it also if it waits for the task's waiter by a detour",
          "[concurrent]") {
    for (const wait_kind& kind : all_waits) {
        if (kind.name == std::string_view("pipeline")) continue;  // its driver waits for no future
        INFO(kind.name);
        prepared_pool p(1, 1);
        for (int round = 0; round != 3; ++round) by_a_detour(p, [&] { kind.wait(p); });
        CHECK(p.looks != 0);
        CHECK(p.strangers == 0);
    }
    // Through more than one pool.
    prepared_pool p(1, 1);
    for (int round = 0; round != 3; ++round) {
        by_a_detour(p, [&] {
            prepared_pool between(2, 2);
            between.pool.submit([&] { p.pool.submit([&p] { p.look(); }).get(); }).get();
        });
    }
    CHECK(p.looks == 3);
    CHECK(p.strangers == 0);
}

TEST_CASE("tasks of a pool whose threads are initialized run on its threads, whoever waits, and however",
          "[concurrent]") {
    for (const std::size_t threads : {1U, 3U}) {
        for (const origin& from : all_origins) {
            for (const wait_kind& kind : all_waits) {
                INFO(kind.name << ", waited for by " << from.name << ", " << threads << " threads");
                prepared_pool p(1, threads);
                for (int round = 0; round != 3; ++round) from.run(p, [&] { kind.wait(p); });
                CHECK(p.looks != 0);
                CHECK(p.strangers == 0);
            }
        }
    }
}

namespace {

/// Tasks that are taken by nobody: the pool is paused.
template <class Wait>
std::thread::id who_runs(Wait wait) {
    thread_pool pool(2);
    pool.pause();
    std::thread::id ran_by{};
    auto task = pool.submit([&] { ran_by = std::this_thread::get_id(); });
    std::thread opens([&] {
        std::this_thread::sleep_for(20ms);
        pool.resume();
    });
    wait(std::move(task));
    pool.wait();
    opens.join();
    return ran_by;
}

}  // namespace

TEST_CASE("outside of tasks a thread runs what it needs, and nothing while any of several will do",
          "[concurrent]") {
    const auto here = std::this_thread::get_id();
    CHECK(who_runs([](yoke::future<void> task) { task.get(); }) == here);
    CHECK(who_runs([](yoke::future<void> task) { yoke::when_all(std::move(task)).get(); }) == here);
    CHECK(who_runs([](yoke::future<void> task) {
              std::vector<yoke::future<void>> tasks;
              tasks.push_back(std::move(task));
              yoke::when_any(std::move(tasks)).get();
          }) != here);
    CHECK(who_runs([](yoke::future<void> task) {
              std::vector<yoke::future<void>> tasks;
              tasks.push_back(std::move(task));
              for (auto& each : yoke::as_completed(std::move(tasks))) each.get();
          }) != here);
    thread_pool pool(1);
    pool.pause();
    yoke::task_group group(pool);
    std::thread::id ran_by{};
    group.run([&] { ran_by = std::this_thread::get_id(); });
    group.wait();
    CHECK(ran_by == here);
    pool.resume();
}
