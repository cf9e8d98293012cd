// SPDX-License-Identifier: MIT
#include "catch.hpp"

#include <yoke/executor/thread_pool.hpp>

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <latch>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace {

using stealing_pool = yoke::thread_pool;
using fifo_pool = yoke::basic_thread_pool<yoke::fifo>;
using priority_pool = yoke::basic_thread_pool<yoke::priority<>>;

#define YOKE_ALL_POOLS stealing_pool, fifo_pool, priority_pool

/// Keeps every worker of a pool busy until it is opened.
class occupation {
public:
    template <class Pool>
    explicit occupation(Pool& pool) : threads_(static_cast<std::ptrdiff_t>(pool.concurrency())) {
        for (std::size_t i = 0; i != pool.concurrency(); ++i) {
            pool.detach([shared = shared_] {
                ++shared->arrived;
                shared->arrived.notify_all();
                shared->end.wait(false);
            });
        }
        for (auto now = shared_->arrived.load(); now != threads_; now = shared_->arrived.load())
            shared_->arrived.wait(now);
    }
    occupation(const occupation&) = delete;
    occupation& operator=(const occupation&) = delete;
    ~occupation() { finish(); }

    void finish() {
        shared_->end = true;
        shared_->end.notify_all();
    }

private:
    struct state {
        std::atomic<std::ptrdiff_t> arrived{0};
        std::atomic<bool> end{false};
    };
    const std::shared_ptr<state> shared_ = std::make_shared<state>();
    const std::ptrdiff_t threads_;
};

/// Counts what becomes of tasks.
struct outcomes {
    std::atomic<int> values{0};
    std::atomic<int> errors{0};
    std::atomic<int> stops{0};
};
class counting_receiver {
public:
    explicit counting_receiver(outcomes& to, yoke::task_options options = {})
        : to_(&to), options_(std::move(options)) {}
    counting_receiver(counting_receiver&&) = default;
    counting_receiver& operator=(counting_receiver&&) = default;

    template <class... Values>
    void set_value(Values&&...) noexcept {
        ++to_->values;
    }
    void set_error(std::exception_ptr) noexcept { ++to_->errors; }
    void set_stopped() noexcept { ++to_->stops; }
    [[nodiscard]] const yoke::task_options& options() const noexcept { return options_; }

private:
    outcomes* to_;
    yoke::task_options options_;
};

/// The result of a task that is to run on its pool's own thread, and not in who waits for it.
template <class R>
R from_worker(yoke::future<R> outcome) {
    static_cast<void>(outcome.wait_until(std::chrono::steady_clock::time_point::max()));
    return outcome.get();
}

struct throws_when_copied {
    throws_when_copied() = default;
    throws_when_copied(const throws_when_copied&) { throw std::runtime_error("not to be copied"); }
    void operator()() const {}
};

}  // namespace

// Many tasks at once

TEMPLATE_TEST_CASE("a bulk calls its function once for each number", "[concurrent]", YOKE_ALL_POOLS) {
    TestType pool(2);
    for (const std::size_t count : {0u, 1u, 2u, 1000u}) {
        std::vector<std::atomic<int>> calls(count);
        pool.bulk(count, [&calls](std::size_t i) { ++calls[i]; }).get();
        REQUIRE(std::all_of(calls.begin(), calls.end(), [](const auto& n) { return n == 1; }));
    }
    std::atomic<int> nobody_waits{0};
    static_cast<void>(pool.bulk(100, [&nobody_waits](std::size_t) { ++nobody_waits; }));
    pool.wait();
    REQUIRE(nobody_waits == 100);
    REQUIRE(pool.submit([&pool] {
                    std::atomic<int> inside{0};
                    pool.bulk(100, [&inside](std::size_t) { ++inside; }).get();
                    return inside.load();
                })
                .get() == 100);
}

TEST_CASE("a bulk is cancelled, stopped and refused like a task", "[concurrent]") {
    yoke::thread_pool pool(1);
    std::atomic<int> calls{0};
    {
        occupation busy(pool);
        auto cancelled = pool.bulk(10, [&calls](std::size_t) { ++calls; });
        REQUIRE(cancelled.cancel());
        REQUIRE_THROWS_AS(cancelled.get(), yoke::cancelled);
        auto stopped = pool.bulk(10, [&calls](std::size_t) { ++calls; });
        pool.shutdown(yoke::cancel_pending);
        REQUIRE_THROWS_AS(stopped.get(), yoke::cancelled);
    }
    REQUIRE(calls == 0);
    REQUIRE_THROWS_AS(pool.bulk(10, [](std::size_t) {}), yoke::pool_closed);
}

TEMPLATE_TEST_CASE("a range of items becomes a task for each", "[concurrent]", YOKE_ALL_POOLS) {
    TestType pool(2);
    const std::vector<int> items{1, 2, 3};
    auto futures = pool.submit_range(items, [](int x) { return 10 * x; });
    REQUIRE(futures.size() == 3);
    for (std::size_t i = 0; i != 3; ++i) REQUIRE(futures[i].get() == 10 * items[i]);
}

// Outcomes

TEMPLATE_TEST_CASE("a thread pool returns a task's result through its future", "[concurrent]",
                   YOKE_ALL_POOLS) {
    TestType pool(2);
    REQUIRE(pool.submit([](int x) { return x + 1; }, 41).get() == 42);
    REQUIRE(
        pool.submit([](std::unique_ptr<int> p) { return p; }, std::make_unique<int>(7)).get().operator*() ==
        7);
    bool ran = false;
    pool.submit([&ran] { ran = true; }).get();
    REQUIRE(ran);
}

TEST_CASE("a task's exception reaches get() as the same object", "[concurrent]") {
    yoke::thread_pool pool(1);
    const std::exception* thrown = nullptr;
    auto future = pool.submit([&thrown] {
        try {
            throw std::out_of_range("the text");
        } catch (const std::exception& e) {
            thrown = &e;
            throw;
        }
    });
    try {
        future.get();
        FAIL("nothing was thrown");
    } catch (const std::out_of_range& e) {
        REQUIRE(&e == thrown);
    }
    REQUIRE_THROWS_AS(pool.submit([] { throw 42; }).get(), int);
}

TEST_CASE("the call of a task is destroyed before its future is ready", "[concurrent]") {
    yoke::thread_pool pool(1);
    const auto held = std::make_shared<int>(1);
    for (int i = 0; i != 100; ++i) {
        pool.submit([held] {}).wait();
        REQUIRE(held.use_count() == 1);
    }
}

TEST_CASE("the call of a task is destroyed before its receiver is told", "[concurrent]") {
    struct look {
        const std::shared_ptr<int>* held;
        std::atomic<long>* seen;
        look(const std::shared_ptr<int>& h, std::atomic<long>& s) : held(&h), seen(&s) {}
        look(look&&) = default;
        look& operator=(look&&) = default;
        void set_value() noexcept { *seen = held->use_count(); }
        void set_error(std::exception_ptr) noexcept { *seen = held->use_count(); }
        void set_stopped() noexcept { *seen = held->use_count(); }
    };
    yoke::thread_pool pool(1);
    const auto held = std::make_shared<int>(1);
    std::atomic<long> seen{0};
    pool.execute(look(held, seen), [h = held] {});
    pool.wait();
    REQUIRE(seen == 1);
    pool.execute(look(held, seen), [h = held] { throw 1; });
    pool.wait();
    REQUIRE(seen == 1);
    {
        occupation busy(pool);
        pool.execute(look(held, seen), [h = held] {});
        pool.shutdown(yoke::cancel_pending);
        REQUIRE(seen == 1);
    }
}

TEMPLATE_TEST_CASE("an executed task completes its receiver exactly once", "[concurrent]", YOKE_ALL_POOLS) {
    outcomes seen;
    {
        TestType pool(2);
        for (int i = 0; i != 300; ++i) {
            pool.execute(counting_receiver(seen), [i] {
                if (i % 3 == 0) throw i;
            });
        }
    }
    REQUIRE(seen.values == 200);
    REQUIRE(seen.errors == 100);
    REQUIRE(seen.stops == 0);
}

TEST_CASE("errors that nobody can receive are counted", "[concurrent]") {
    yoke::thread_pool pool(1);
    pool.detach([] { throw std::runtime_error("lost"); });
    pool.detach([] { throw 42; });
    pool.wait();
    REQUIRE(pool.dropped_errors() == 2);
    {
        occupation busy(pool);
        static_cast<void>(pool.submit([] { throw 42; }));  // the future is dropped before the task begins
    }
    pool.wait();
    REQUIRE(pool.dropped_errors() == 3);
    REQUIRE_THROWS_AS(pool.submit([] { throw 42; }).get(), int);
    pool.wait();
    REQUIRE(pool.dropped_errors() == 3);
}

// Order

TEST_CASE("a fifo pool begins tasks in the order of their submission", "[concurrent]") {
    fifo_pool pool(1);
    std::vector<int> order;
    {
        occupation busy(pool);
        for (int i = 0; i != 100; ++i) pool.detach([&order, i] { order.push_back(i); });
    }
    pool.wait();
    REQUIRE(order.size() == 100);
    REQUIRE(std::is_sorted(order.begin(), order.end()));
}

TEST_CASE("a priority pool begins the greatest priority first and equals in order", "[concurrent]") {
    priority_pool pool(1);
    std::vector<std::pair<int, int>> order;
    outcomes ignored;
    {
        occupation busy(pool);
        for (int i = 0; i != 100; ++i) {
            const int priority = i * 7 % 5;
            const auto note = [&order, priority, i] { order.emplace_back(-priority, i); };
            if (i % 2 == 0) {
                pool.execute(counting_receiver(ignored, {.priority = priority}), note);
            } else {
                static_cast<void>(pool.submit({.priority = priority}, note));
            }
        }
    }
    pool.wait();
    REQUIRE(order.size() == 100);
    REQUIRE(std::is_sorted(order.begin(), order.end()));
}

TEST_CASE("the order of a priority pool can be turned round", "[concurrent]") {
    yoke::basic_thread_pool<yoke::priority<std::greater<>>> pool(1);
    std::vector<int> order;
    {
        occupation busy(pool);
        for (int i = 0; i != 20; ++i)
            static_cast<void>(
                pool.submit({.priority = i * 7 % 20}, [&order, p = i * 7 % 20] { order.push_back(p); }));
    }
    pool.wait();
    REQUIRE(order.size() == 20);
    REQUIRE(std::is_sorted(order.begin(), order.end()));
}

TEST_CASE("tasks that keep submitting do not keep older tasks from running", "[concurrent]") {
    yoke::thread_pool pool(1);
    std::atomic<bool> stop{false};
    struct again {
        yoke::thread_pool& pool;
        std::atomic<bool>& stop;
        void operator()() const {
            if (!stop) pool.detach(*this);
        }
    };
    pool.detach(again{pool, stop});
    pool.submit([&stop] { stop = true; }).get();  // from outside: the shared queue
    stop = false;
    pool.detach([&] {
        pool.detach([&stop] { stop = true; });  // from inside: the far end of the worker's own queue
        pool.detach(again{pool, stop});
    });
    pool.wait();
    REQUIRE(stop);
}

// Waiting inside tasks

TEMPLATE_TEST_CASE("tasks may wait for tasks they submit, on a pool of any size", "[concurrent]",
                   YOKE_ALL_POOLS) {
    struct fibonacci {
        TestType& pool;
        int operator()(int n) const {
            if (n < 2) return n;
            auto left = pool.submit(*this, n - 1);
            const int right = (*this)(n - 2);
            return left.get() + right;
        }
    };
    for (const std::size_t threads : {1u, 2u, 8u}) {
        TestType pool(threads);
        REQUIRE(from_worker(pool.submit(fibonacci{pool}, 13)) == 233);
    }
}

TEMPLATE_TEST_CASE("a waiting task runs the awaited task and nothing else", "[concurrent]", YOKE_ALL_POOLS) {
    TestType pool(1);
    bool inside = false;
    std::atomic<bool> on_top{false};
    from_worker(pool.submit([&] {
        for (int i = 0; i != 10; ++i) {
            pool.detach([&] { on_top = on_top || inside; });
        }
        auto awaited = pool.submit([] { return 1; });
        for (int i = 0; i != 10; ++i) {
            pool.detach([&] { on_top = on_top || inside; });
        }
        inside = true;
        awaited.get();
        inside = false;
    }));
    pool.wait();
    REQUIRE_FALSE(on_top);
}

TEST_CASE("a task may wait for a task of another pool, which it then runs itself", "[concurrent]") {
    yoke::thread_pool here(1);
    yoke::thread_pool there(1);
    occupation busy(there);
    REQUIRE(here.submit([&there] {
                    auto awaited = there.submit([] { return std::this_thread::get_id(); });
                    return awaited.get() == std::this_thread::get_id();
                })
                .get());
}

TEST_CASE("a coroutine that goes on on a worker may wait there too", "[concurrent]") {
    yoke::thread_pool pool(1);
    struct program {
        static yoke::future<int> run(yoke::thread_pool& pool) {
            const int first = co_await pool.submit([] { return 20; });
            const int second = pool.submit([] { return 22; }).get();  // on the only worker
            co_return first + second;
        }
    };
    REQUIRE(program::run(pool).get() == 42);
}

TEST_CASE("waiting for the whole pool inside one of its tasks is refused", "[concurrent]") {
    yoke::thread_pool pool(1);
    REQUIRE_THROWS_AS(pool.submit([&pool] { pool.wait(); }).get(), yoke::deadlock_error);

    // Also where another pool's worker runs the task because it waits for it.
    yoke::thread_pool other(1);
    occupation busy(pool);
    REQUIRE_THROWS_AS(other.submit([&pool] { pool.submit([&pool] { pool.wait(); }).get(); }).get(),
                      yoke::deadlock_error);
    // Another pool may be waited for.
    other.wait();
}

// Cancelling

TEST_CASE("a task that has not begun can be cancelled", "[concurrent]") {
    yoke::thread_pool pool(1);
    occupation busy(pool);
    bool ran = false;
    auto future = pool.submit([&ran] { ran = true; });
    REQUIRE(future.cancel());
    REQUIRE_THROWS_AS(future.get(), yoke::cancelled);
    busy.finish();
    pool.wait();
    REQUIRE_FALSE(ran);
    auto done = pool.submit([] {});
    done.wait();
    REQUIRE_FALSE(done.cancel());
}

TEST_CASE("a stop request keeps a waiting task from running", "[concurrent]") {
    yoke::thread_pool pool(1);
    std::stop_source source;
    outcomes seen;
    bool ran = false;
    auto busy = std::make_unique<occupation>(pool);
    auto future = pool.submit({.stop = source.get_token()}, [&ran] { ran = true; });
    pool.execute(counting_receiver(seen, {.stop = source.get_token()}), [&ran] { ran = true; });
    source.request_stop();
    busy.reset();
    REQUIRE_THROWS_AS(future.get(), yoke::cancelled);
    pool.wait();
    REQUIRE(seen.stops == 1);
    REQUIRE(seen.values == 0);
    REQUIRE_FALSE(ran);
}

// The bound

TEST_CASE("with all places taken try_submit fails and touches nothing", "[concurrent]") {
    yoke::thread_pool pool({.threads = 1, .max_pending = 2});
    occupation busy(pool);
    auto first = pool.submit([] {});
    auto second = pool.try_submit([] {});
    REQUIRE(second.has_value());
    auto argument = std::make_unique<int>(7);
    REQUIRE_FALSE(pool.try_submit([](std::unique_ptr<int>) {}, std::move(argument)).has_value());
    REQUIRE(argument != nullptr);

    SECTION("a cancelled task gives its place back at once") {
        REQUIRE(first.cancel());
        REQUIRE(pool.try_submit([] {}).has_value());
        REQUIRE_FALSE(pool.try_submit([] {}).has_value());
    }
    SECTION("the running tasks do not count") {
        busy.finish();
        second->get();
        REQUIRE(pool.try_submit([] {}).has_value());
    }
    SECTION("a closed pool says that it is closed, not that it is full") {
        pool.shutdown();
        REQUIRE_THROWS_AS(pool.try_submit([] {}), yoke::pool_closed);
    }
}

TEMPLATE_TEST_CASE("with all places taken submit waits for one", "[concurrent]", YOKE_ALL_POOLS) {
    TestType pool({.threads = 2, .max_pending = 1});
    std::atomic<int> ran{0};
    std::vector<std::thread> producers;
    for (int p = 0; p != 3; ++p) {
        producers.emplace_back([&] {
            for (int i = 0; i != 500; ++i) {
                pool.detach([&ran] { ++ran; });
                static_cast<void>(pool.submit([&ran] { ++ran; }));
            }
        });
    }
    for (auto& producer : producers) producer.join();
    pool.wait();
    REQUIRE(ran == 3000);
}

TEST_CASE("inside a task, a task for which there is no place runs at once", "[concurrent]") {
    yoke::thread_pool pool({.threads = 1, .max_pending = 1});
    std::latch begun(1);  // by the worker, which then cannot run what is queued
    auto right = pool.submit([&pool, &begun] {
        begun.count_down();
        bool queued_ran = false;
        auto queued = pool.submit([&] { queued_ran = true; });
        bool ran = false;
        auto here = pool.submit([&ran] {
            ran = true;
            return std::this_thread::get_id();
        });
        const bool at_once = ran && here.ready() && !queued_ran;
        bool detached = false;
        pool.detach([&detached] { detached = true; });
        queued.get();
        return at_once && detached && here.get() == std::this_thread::get_id();
    });
    begun.wait();
    REQUIRE(right.get());
    pool.wait();
    REQUIRE(pool.try_submit([] {}).has_value());
}

TEST_CASE("shutdown wakes who waits for a place, with the arguments untouched", "[concurrent]") {
    yoke::thread_pool pool({.threads = 1, .max_pending = 1});
    occupation busy(pool);
    static_cast<void>(pool.submit([] {}));
    std::atomic<int> refused{0};
    std::vector<std::thread> waiting;
    for (int i = 0; i != 3; ++i) {
        waiting.emplace_back([&] {
            auto argument = std::make_unique<int>(7);
            try {
                static_cast<void>(pool.submit([](std::unique_ptr<int>) {}, std::move(argument)));
            } catch (const yoke::pool_closed&) {
                if (argument != nullptr) ++refused;
            }
        });
    }
    pool.shutdown();
    for (auto& thread : waiting) thread.join();
    REQUIRE(refused == 3);
}

TEST_CASE("a bound of no tasks at all is refused") {
    REQUIRE_THROWS_AS(yoke::thread_pool({.threads = 1, .max_pending = 0}), std::invalid_argument);
}

// Nothing is queued if the arguments cannot be taken

TEST_CASE("if copying an argument throws, nothing is queued", "[concurrent]") {
    yoke::thread_pool pool({.threads = 1, .max_pending = 1});
    const throws_when_copied bad;
    outcomes seen;
    for (int i = 0; i != 3; ++i) {
        REQUIRE_THROWS_AS(pool.submit(bad), std::runtime_error);
        REQUIRE_THROWS_AS(pool.try_submit([](const throws_when_copied&) {}, bad), std::runtime_error);
        REQUIRE_THROWS_AS(pool.detach(bad), std::runtime_error);
        REQUIRE_THROWS_AS(pool.execute(counting_receiver(seen), bad), std::runtime_error);
    }
    pool.wait();
    REQUIRE(seen.values + seen.errors + seen.stops == 0);
    REQUIRE(pool.submit([] { return 1; }).get() == 1);
}

// Life cycle

TEST_CASE("after shutdown everything is refused and no argument is touched", "[concurrent]") {
    yoke::thread_pool pool(1);
    pool.shutdown();
    outcomes seen;
    auto argument = std::make_unique<int>(7);
    const auto call = [](std::unique_ptr<int>) {};
    REQUIRE_THROWS_AS(pool.submit(call, std::move(argument)), yoke::pool_closed);
    REQUIRE_THROWS_AS(pool.submit({.stop = {}}, call, std::move(argument)), yoke::pool_closed);
    REQUIRE_THROWS_AS(pool.try_submit(call, std::move(argument)), yoke::pool_closed);
    REQUIRE_THROWS_AS(pool.detach(call, std::move(argument)), yoke::pool_closed);
    REQUIRE_THROWS_AS(pool.execute(counting_receiver(seen), call, std::move(argument)), yoke::pool_closed);
    REQUIRE(argument != nullptr);
    pool.wait();
    REQUIRE(seen.values + seen.errors + seen.stops == 0);
}

TEST_CASE("shutdown lets accepted tasks finish", "[concurrent]") {
    yoke::thread_pool pool(2);
    std::atomic<int> ran{0};
    {
        occupation busy(pool);
        for (int i = 0; i != 1000; ++i) pool.detach([&ran] { ++ran; });
        pool.shutdown();
        pool.shutdown();
        std::thread([&pool] { pool.shutdown(); }).join();
    }
    pool.wait();
    REQUIRE(ran == 1000);
}

TEST_CASE("the destructor waits for everything accepted", "[concurrent]") {
    std::atomic<int> ran{0};
    {
        yoke::thread_pool pool(2);
        for (int i = 0; i != 10'000; ++i) pool.detach([&ran] { ++ran; });
    }
    REQUIRE(ran == 10'000);
}

TEMPLATE_TEST_CASE("shutdown(cancel_pending) stops what has not begun", "[concurrent]", YOKE_ALL_POOLS) {
    TestType pool(2);
    outcomes seen;
    std::atomic<int> ran{0};
    std::vector<yoke::future<void>> futures;
    {
        occupation busy(pool);
        for (int i = 0; i != 100; ++i) {
            futures.push_back(pool.submit([&ran] { ++ran; }));
            pool.execute(counting_receiver(seen), [&ran] { ++ran; });
        }
        pool.shutdown(yoke::cancel_pending);
        REQUIRE(seen.stops == 100);  // while the workers are still busy
        for (auto& future : futures) REQUIRE_THROWS_AS(future.get(), yoke::cancelled);
        REQUIRE_THROWS_AS(pool.submit([] {}), yoke::pool_closed);
        pool.shutdown(yoke::cancel_pending);
    }
    pool.wait();
    REQUIRE(ran == 0);
    REQUIRE(seen.values + seen.errors == 0);
}

TEST_CASE("shutdown may be called inside a task, which still finishes", "[concurrent]") {
    yoke::thread_pool pool(1);
    const bool refused = from_worker(pool.submit([&pool] {
        pool.shutdown();
        try {
            pool.detach([] {});
        } catch (const yoke::pool_closed&) {
            return true;
        }
        return false;
    }));
    REQUIRE(refused);

    yoke::thread_pool second(1);
    outcomes seen;
    from_worker(second.submit([&] {
        for (int i = 0; i != 10; ++i) second.execute(counting_receiver(seen), [] {});
        second.shutdown(yoke::cancel_pending);
    }));
    REQUIRE(seen.stops == 10);
}

TEST_CASE("wait returns when all is done, continuations included, and the pool goes on", "[concurrent]") {
    yoke::thread_pool pool(2);
    pool.wait();
    std::atomic<int> ran{0};
    const auto chain = [](yoke::thread_pool& on, std::atomic<int>& count) -> yoke::future<void> {
        for (int i = 0; i != 10; ++i) co_await on.submit([&count] { ++count; });
        ++count;
    };
    for (int round = 0; round != 50; ++round) {
        ran = 0;
        static_cast<void>(chain(pool, ran));
        for (int i = 0; i != 10; ++i) pool.detach([&ran] { ++ran; });
        pool.wait();
        REQUIRE(ran == 21);
    }
}

TEST_CASE("several threads may wait for the pool at once", "[concurrent]") {
    yoke::thread_pool pool(2);
    for (int round = 0; round != 100; ++round) {
        std::atomic<int> ran{0};
        for (int i = 0; i != 20; ++i) pool.detach([&ran] { ++ran; });
        std::atomic<int> right{0};
        std::vector<std::thread> waiting;
        for (int i = 0; i != 3; ++i) {
            waiting.emplace_back([&] {
                pool.wait();
                if (ran == 20) ++right;
            });
        }
        for (auto& thread : waiting) thread.join();
        REQUIRE(right == 3);
    }
}

TEMPLATE_TEST_CASE("a pool destroyed by one of its own tasks finishes what it accepted", "[concurrent]",
                   YOKE_ALL_POOLS) {
    struct shared_by_tasks {
        std::atomic<int> ran{0};
        std::latch all{11};
        std::latch go{1};
    };
    for (int round = 0; round != 50; ++round) {
        // Shared, because nobody waits for the threads of such a pool.
        const auto shared = std::make_shared<shared_by_tasks>();
        {
            auto pool = std::make_shared<TestType>(2);
            pool->detach([shared, last = pool]() mutable {
                shared->go.wait();
                last.reset();
                shared->all.count_down();
            });
            for (int i = 0; i != 10; ++i) {
                pool->detach([shared] {
                    ++shared->ran;
                    shared->all.count_down();
                });
            }
        }
        shared->go.count_down();
        shared->all.wait();
        REQUIRE(shared->ran == 10);
    }
}

TEST_CASE("a pool may be destroyed by its task where another pool's worker runs it", "[concurrent]") {
    for (int round = 0; round != 50; ++round) {
        yoke::thread_pool other(1);
        auto pool = std::make_unique<yoke::thread_pool>(1);
        const occupation busy(*pool);
        other.submit([&] { pool->submit([&] { pool.reset(); }).get(); }).get();
        REQUIRE(pool == nullptr);
    }
}

// Threads

TEST_CASE("a pool has as many threads as asked for, or as many as the process may use") {
    REQUIRE(yoke::thread_pool(3).concurrency() == 3);
    REQUIRE(yoke::thread_pool().concurrency() == yoke::detail::default_concurrency());
    REQUIRE(yoke::thread_pool(0).concurrency() == yoke::detail::default_concurrency());
}

TEST_CASE("every thread is initialized once, before its first task", "[concurrent]") {
    static thread_local int initialized = 0;
    std::mutex mutex;
    std::vector<std::size_t> indexes;
    yoke::thread_pool pool({.threads = 4}, [&](std::size_t index) {
        ++initialized;
        const std::lock_guard lock(mutex);
        indexes.push_back(index);
    });
    std::sort(indexes.begin(), indexes.end());
    REQUIRE(indexes == std::vector<std::size_t>{0, 1, 2, 3});
    std::atomic<int> bad{0};
    for (int i = 0; i != 100; ++i) {
        pool.detach([&bad] {
            if (initialized != 1) ++bad;
        });
    }
    pool.wait();
    REQUIRE(bad == 0);

    std::atomic<int> prepared{0};
    {
        const yoke::thread_pool quick({.threads = 2}, [&prepared](std::size_t) noexcept { ++prepared; });
    }
    REQUIRE(prepared == 2);
}

TEST_CASE("an exception of a thread's initialization comes out of the constructor", "[concurrent]") {
    std::atomic<int> called{0};
    const auto fail = [&called](std::size_t index) {
        ++called;
        if (index == 1) throw std::runtime_error("no connection");
    };
    REQUIRE_THROWS_WITH(yoke::thread_pool({.threads = 3}, fail), "no connection");
    REQUIRE(called == 3);
}

#if defined(__linux__)
TEST_CASE("threads have names with their number", "[concurrent]") {
    const auto name = [] {
        char text[16] = {};
        ::pthread_getname_np(::pthread_self(), text, sizeof text);
        return std::string(text);
    };
    const auto name_in = [&name](yoke::thread_pool& pool) { return from_worker(pool.submit(name)); };
    yoke::thread_pool plain(1);
    REQUIRE(name_in(plain) == "yoke-0");
    yoke::thread_pool long_named({.threads = 1, .name = "a-rather-long-name"});
    REQUIRE(name_in(long_named) == "a-rather-long-0");
}
#endif

TEST_CASE("in a forked child the pool throws, and its destructor does nothing", "[process]") {
    auto pool = std::make_unique<yoke::thread_pool>(2);
    std::atomic<bool> stop{false};
    std::thread load([&] {
        while (!stop) static_cast<void>(pool->submit([] {}));
    });
    for (int round = 0; round != 20; ++round) {
        const pid_t child = ::fork();
        if (child == 0) {
            int refused = 0;
            const auto expect = [&refused](auto&& use) {
                try {
                    use();
                } catch (const yoke::forked&) {
                    ++refused;
                }
            };
            expect([&] { static_cast<void>(pool->submit([] {})); });
            expect([&] { static_cast<void>(pool->try_submit([] {})); });
            expect([&] { pool->detach([] {}); });
            expect([&] { pool->wait(); });
            pool->shutdown();
            pool->shutdown(yoke::cancel_pending);
            pool.reset();
            ::_exit(refused == 4 ? 0 : 1);
        }
        REQUIRE(child > 0);
        int status = 0;
        REQUIRE(::waitpid(child, &status, 0) == child);
        REQUIRE(WIFEXITED(status));
        REQUIRE(WEXITSTATUS(status) == 0);
    }
    stop = true;
    load.join();
    REQUIRE(pool->submit([] { return 1; }).get() == 1);
}

TEST_CASE("in a forked child a new pool works", "[process]") {
    const yoke::thread_pool before(1);
    const pid_t child = ::fork();
    if (child == 0) {
        bool works = false;
        {
            yoke::thread_pool pool(2);
            works = pool.submit([] { return 42; }).get() == 42;
        }
        ::_exit(works ? 0 : 1);
    }
    REQUIRE(child > 0);
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    REQUIRE(WIFEXITED(status));
    REQUIRE(WEXITSTATUS(status) == 0);
}

// What can be run

namespace {

struct not_callable {};

template <class Pool>
constexpr bool accepts_only_calls =
    yoke::executor<Pool>&& yoke::local_executor<Pool>&& yoke::executor_of<Pool, int (*)(int), int> &&
    !yoke::executor_of<Pool, not_callable> && !yoke::executor_of<Pool, int (*)(int), std::string> &&
    !std::is_copy_constructible_v<Pool>;

static_assert(accepts_only_calls<stealing_pool>);
static_assert(accepts_only_calls<fifo_pool>);
static_assert(accepts_only_calls<priority_pool>);

}  // namespace
