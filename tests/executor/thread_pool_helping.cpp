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
        if (looked) looked();
    }

    const int number_;
    std::atomic<int> looks{0};
    std::atomic<int> strangers{0};
    std::function<void()> looked;  // what each task does besides
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

/// Lets the first thread that comes wait until a second one has come, which then calls `f`. So `f` is called by a
/// part of something that two threads do together, while the other one has its part behind it and waits.
class meeting {
public:
    explicit meeting(std::function<void()> f) : f_(std::move(f)) {}

    void come() {
        std::thread::id nobody{};
        const auto here = std::this_thread::get_id();
        if (first_.compare_exchange_strong(nobody, here) || nobody == here) {
            if (nobody == std::thread::id()) until_ = std::chrono::steady_clock::now() + 50ms;
            while (!met_ && std::chrono::steady_clock::now() < until_) std::this_thread::yield();
        } else if (!met_.exchange(true)) {
            f_();
        }
    }

    [[nodiscard]] bool met() const { return met_; }

private:
    const std::function<void()> f_;
    std::chrono::steady_clock::time_point
        until_;  // the first thread looks: a scan may leave nothing for a second one
    std::atomic<std::thread::id> first_{};
    std::atomic<bool> met_{false};
};

/// What a pool of threads does together with who asks for it, if that is admitted.
struct shared_kind {
    const char* name;
    void (*work)(thread_pool&, meeting&);
};

const shared_kind all_shared[] = {
    {"invoke",
     [](thread_pool& pool, meeting& all) { pool.invoke([&] { all.come(); }, [&] { all.come(); }); }},
    {"yoke::invoke",
     [](thread_pool& pool, meeting& all) {
         yoke::invoke(
             pool, [&] { all.come(); },
             [&] {
                 yoke::invoke(
                     pool, [&] { all.come(); }, [&] { all.come(); });
             });
     }},
    {"take_part",
     [](thread_pool& pool, meeting& all) {
         pool.take_part([&] { pool.invoke([&] { all.come(); }, [&] { all.come(); }); });
     }},
    {"for_each",
     [](thread_pool& pool, meeting& all) {
         yoke::for_each(pool, std::vector<int>(8, 1), [&](int) { all.come(); });
     }},
    {"map",
     [](thread_pool& pool, meeting& all) {
         for (int each : yoke::map(pool, std::vector<int>(8, 1), [&](int i) {
                  all.come();
                  return i;
              }))
             static_cast<void>(each);
     }},
    {"reduce",
     [](thread_pool& pool, meeting& all) {
         static_cast<void>(yoke::reduce(pool, std::vector<int>(8, 1), 0, [&](int a, int b) {
             all.come();
             return a + b;
         }));
     }},
    {"inclusive_scan",
     [](thread_pool& pool, meeting& all) {
         std::vector<int> items(5000, 1);
         yoke::inclusive_scan(pool, items, items.begin(), [&](int a, int b) {
             all.come();
             return a + b;
         });
     }},
    {"sort",
     [](thread_pool& pool, meeting& all) {
         std::vector<int> items(20000);
         for (std::size_t i = 0; i != items.size(); ++i) items[i] = static_cast<int>(i * 7919 % 20000);
         std::atomic<std::size_t> calls{0};
         yoke::sort(pool, items, [&](int a, int b) {
             if (++calls > 2 * items.size()) all.come();  // it is split by then
             return a < b;
         });
     }},
    {"bulk", [](thread_pool& pool, meeting& all) { pool.bulk(8, [&](std::size_t) { all.come(); }).get(); }},
    {"pipeline",
     [](thread_pool& pool, meeting& all) {
         const auto step = [&](int i) {
             all.come();
             return i;
         };
         static_cast<void>(yoke::from(std::vector<int>(8, 1)) | yoke::stage(pool, step) | yoke::collect());
     }},
    {"as_completed, the second",
     [](thread_pool& pool, meeting& all) {
         std::vector<yoke::future<void>> tasks;
         for (int i = 0; i != 8; ++i) tasks.push_back(pool.submit([&] { all.come(); }));
         for (auto& each : yoke::as_completed(std::move(tasks))) each.get();
     }},
};

/// A task of an initialized pool's only thread waits, in one way, for work on another thread, which waits, in another
/// way, for tasks of the pool.
struct detour {
    const char* name;
    void (*go)(prepared_pool&, const wait_kind& how, const std::function<void()>& f);
};

void in_its_task(prepared_pool& p, const std::function<void()>& f) {
    p.pool.submit([&f] { f(); }).get();
}

const detour all_detours[] = {
    {"another initialized pool",
     [](prepared_pool& p, const wait_kind& how, const std::function<void()>& f) {
         in_its_task(p, [&] {
             prepared_pool other(2, 1);
             std::atomic_flag once;
             other.looked = [&] {
                 if (!once.test_and_set()) f();
             };
             how.wait(other);
         });
     }},
    {"three pools in a row",
     [](prepared_pool& p, const wait_kind& how, const std::function<void()>& f) {
         in_its_task(p, [&] {
             prepared_pool second(2, 1);
             prepared_pool third(3, 1);
             std::atomic_flag once;
             std::atomic_flag once_there;
             second.looked = [&] {
                 if (!once.test_and_set()) how.wait(third);
             };
             third.looked = [&] {
                 if (!once_there.test_and_set()) f();
             };
             how.wait(second);
         });
     }},
};

}  // namespace

TEST_CASE("the only thread that may run a task runs it also if it waits for the task's waiter by a detour",
          "[concurrent]") {
    for (const detour& way : all_detours) {
        for (const wait_kind& outer : all_waits) {
            for (const wait_kind& inner : all_waits) {
                INFO(outer.name << " by way of " << way.name << ", where one waits by " << inner.name);
                prepared_pool p(1, 1);
                way.go(p, outer, [&] { inner.wait(p); });
                CHECK(p.looks != 0);
                CHECK(p.strangers == 0);
            }
        }
    }
}

TEST_CASE("it does so also if it, or somebody on the way, waits for a part that another thread has taken",
          "[concurrent]") {
    for (const shared_kind& kind : all_shared) {
        std::atomic<int> met{0};
        for (const wait_kind& inner : all_waits) {
            INFO(kind.name << ", a part of which waits by " << inner.name);
            prepared_pool p(1, 1);
            const auto f = [&] { inner.wait(p); };
            in_its_task(p, [&] {
                thread_pool other(2);
                meeting all(f);
                kind.work(other, all);
                met += all.met();
            });
            in_its_task(p, [&] {
                prepared_pool other(2, 2);
                meeting all(f);
                in_its_task(other, [&] { kind.work(other.pool, all); });
                met += all.met();
            });
            CHECK(p.strangers == 0);
        }
        CHECK(met != 0);
    }
}

TEST_CASE("of all that somebody on the way waits for it runs what may be run", "[concurrent]") {
    prepared_pool p(1, 1);
    std::vector<int> order;
    in_its_task(p, [&] {
        prepared_pool second(2, 1);
        prepared_pool third(3, 12);
        in_its_task(second, [&] {
            std::latch last_done(1);
            std::vector<yoke::future<int>> tasks;
            for (int i = 0; i != 11; ++i) {
                tasks.push_back(third.pool.submit([&, i] {
                    last_done.wait();
                    return i;
                }));
            }
            tasks.push_back(third.pool.submit([&] {
                in_its_task(p, [&] { p.look(); });
                return 11;
            }));
            for (auto& each : yoke::as_completed(std::move(tasks))) {
                order.push_back(each.get());
                if (order.size() == 1) last_done.count_down();
            }
        });
    });
    CHECK(order.front() == 11);
    CHECK(p.looks == 1);
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
