// SPDX-License-Identifier: MIT
// labels: concurrent
#define YOKE_TEST_POINTS
#include "catch.hpp"

#include <yoke/executor/thread_pool.hpp>

#include <atomic>
#include <cstddef>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <tuple>
#include <vector>

namespace {

using yoke::thread_pool;

template <class Pool>
long fib(Pool& pool, long n) {
    if (n < 2) return n;
    const auto [a, b] = pool.invoke([&] { return fib(pool, n - 1); }, [&] { return fib(pool, n - 2); });
    return a + b;
}

/// Waits until `flag` is what is wanted, without a processor of its own.
void await(const std::atomic<int>& flag, int wanted) {
    for (int now = flag.load(); now < wanted; now = flag.load()) flag.wait(now);
}
/// Long enough for another thread to fall asleep, most often.
void dawdle() {
    std::atomic<int> i{0};
    while (i.fetch_add(1, std::memory_order_relaxed) < 100'000) {}
}
void raise(std::atomic<int>& flag) {
    ++flag;
    flag.notify_all();
}

/// What is called at the test points. (Threads of a pool that its own task has destroyed may come there at any time.)
std::atomic<void (*)(const char*)> at_test_point{nullptr};
[[maybe_unused]] const bool hooked = [] {
    yoke::detail::test_point_hook = [](const char* name) {
        if (auto* const call = at_test_point.load()) call(name);
    };
    return true;
}();

class hook {
public:
    explicit hook(void (*call)(const char*)) { at_test_point = call; }
    hook(const hook&) = delete;
    hook& operator=(const hook&) = delete;
    ~hook() { at_test_point = nullptr; }
};

std::atomic<int> heavy_barriers{0};
void count_barriers(const char* name) {
    if (std::string_view(name) == "heavy_barrier") ++heavy_barriers;
}

}  // namespace

TEMPLATE_TEST_CASE("forked calls nest to any depth on pools of every size and order", "[concurrent]",
                   thread_pool, yoke::basic_thread_pool<yoke::fifo>,
                   yoke::basic_thread_pool<yoke::priority<>>) {
    for (const std::size_t threads : {1U, 2U, 3U, 64U}) {
        TestType pool(threads);
        REQUIRE(pool.invoke([&] { return fib(pool, 18); }) == 2584);
        REQUIRE(pool.submit([&] { return fib(pool, 15); }).get() == 610);
    }
}

TEST_CASE("results come back in the order of the functions", "[concurrent]") {
    thread_pool pool(2);
    for (int round = 0; round != 100; ++round) {
        const auto [a, b, c, d] = pool.invoke([] { return 1; }, [] { return std::string("two"); },
                                              [] { return std::make_unique<int>(3); }, [] { return 4.0; });
        REQUIRE(a == 1);
        REQUIRE(b == "two");
        REQUIRE(*c == 3);
        REQUIRE(d == 4.0);
        std::atomic<int> calls{0};
        pool.invoke([&] { ++calls; }, [&] { ++calls; }, [&] { ++calls; });
        REQUIRE(calls == 3);
        REQUIRE(pool.invoke([] { return 5; }) == 5);
    }
}

TEST_CASE("a forked call is run by an idle worker while the forker is busy", "[concurrent]") {
    thread_pool pool(2);
    for (int round = 0; round != 200; ++round) {
        std::atomic<int> met{0};
        const auto meet = [&] {
            raise(met);
            await(met, 2);
            return std::this_thread::get_id();
        };
        const auto [here, there] = pool.invoke(meet, meet);
        REQUIRE(here != there);
    }
}

TEST_CASE("the outside caller runs nothing itself", "[concurrent]") {
    thread_pool pool(2);
    const auto [a, b] =
        pool.invoke([] { return std::this_thread::get_id(); }, [] { return std::this_thread::get_id(); });
    REQUIRE(a != std::this_thread::get_id());
    REQUIRE(b != std::this_thread::get_id());
}

TEST_CASE("one exception is thrown as itself, several as task_errors, and all calls have ended by then",
          "[concurrent]") {
    thread_pool pool(2);
    for (int round = 0; round != 200; ++round) {
        // Whichever thread runs what: the first throws only when the second has begun elsewhere.
        std::atomic<int> begun{0};
        std::atomic<int> ended{0};
        const auto begin_and_wait = [&] {
            raise(begun);
            await(begun, 2);
            ++ended;
        };
        REQUIRE_THROWS_AS(pool.invoke(
                              [&] {
                                  begin_and_wait();
                                  throw std::domain_error("first");
                              },
                              [&] { begin_and_wait(); }),
                          std::domain_error);
        REQUIRE(ended == 2);
        begun = ended = 0;
        REQUIRE_THROWS_AS(pool.invoke([&] { begin_and_wait(); },
                                      [&] {
                                          begin_and_wait();
                                          throw std::out_of_range("second");
                                      }),
                          std::out_of_range);
        REQUIRE(ended == 2);
        begun = ended = 0;
        std::string text;
        std::size_t errors = 0;
        try {
            pool.invoke(
                [&] {
                    begin_and_wait();
                    throw std::domain_error("first");
                },
                [&] {
                    begin_and_wait();
                    throw 42;
                });
        } catch (const yoke::task_errors& both) {
            text = both.what();
            errors = both.errors().size();
        }
        REQUIRE(text == "2 calls have thrown; the first: first");
        REQUIRE(errors == 2);
        REQUIRE(ended == 2);
    }
}

TEST_CASE("errors of errors are one list in the order of the functions", "[concurrent]") {
    thread_pool pool(3);
    std::atomic<int> begun{0};
    const auto fail = [&](int number) {
        return [&begun, number] {
            raise(begun);
            await(begun, 3);
            throw number;
        };
    };
    std::vector<int> numbers;
    try {
        pool.invoke(fail(1), fail(2), fail(3));
    } catch (const yoke::task_errors& all) {
        for (const auto& error : all.errors()) {
            try {
                std::rethrow_exception(error);
            } catch (int number) {
                numbers.push_back(number);
            }
        }
    }
    REQUIRE(numbers == std::vector<int>{1, 2, 3});
}

TEST_CASE("a failure leaves out what has not begun", "[concurrent]") {
    thread_pool pool(1);
    bool called = false;
    REQUIRE_THROWS_AS(pool.invoke([] { throw 1; }, [&] { called = true; }), int);
    REQUIRE_FALSE(called);
}

TEST_CASE("results that nobody gets because of an exception are destroyed", "[concurrent]") {
    thread_pool pool(2);
    const auto counted = std::make_shared<int>(0);
    for (int round = 0; round != 100; ++round) {
        std::atomic<int> begun{0};
        const auto meet = [&] {
            raise(begun);
            await(begun, 2);
        };
        REQUIRE_THROWS_AS(pool.invoke(
                              [&]() -> int {
                                  meet();
                                  throw 1;
                              },
                              [&] {
                                  meet();
                                  return counted;
                              }),
                          int);
        begun = 0;
        REQUIRE_THROWS_AS(pool.invoke(
                              [&] {
                                  meet();
                                  return counted;
                              },
                              [&]() -> int {
                                  meet();
                                  throw 1;
                              }),
                          int);
    }
    REQUIRE(counted.use_count() == 1);
}

TEST_CASE("fork and join are a part of the task: they work after shutdown and in a full pool",
          "[concurrent]") {
    std::atomic<int> shut{0};
    auto pool = std::make_unique<thread_pool>(yoke::thread_pool_options{.threads = 2, .max_pending = 1});
    auto result = pool->submit([&] {
        await(shut, 1);
        return fib(*pool, 15);
    });
    pool->shutdown();
    raise(shut);
    REQUIRE(result.get() == 610);
    REQUIRE_THROWS_AS(pool->invoke([] {}, [] {}), yoke::pool_closed);
    REQUIRE_THROWS_AS(pool->require_open(), yoke::pool_closed);
}

TEST_CASE("a call handed to a pool that cancels is cancelled, or refused if it comes too late",
          "[concurrent]") {
    for (int round = 0; round != 50; ++round) {
        std::atomic<int> stage{0};
        thread_pool pool(1);
        pool.detach([&] {
            raise(stage);
            await(stage, 2);
        });
        await(stage, 1);
        std::atomic<int> settled{0};
        std::thread outside([&] {
            try {
                pool.invoke([] {}, [] {});
            } catch (const yoke::cancelled&) {
                ++settled;
            } catch (const yoke::pool_closed&) {
                ++settled;
            }
        });
        std::this_thread::yield();
        pool.shutdown(yoke::cancel_pending);
        raise(stage);
        outside.join();
        REQUIRE(settled == 1);
    }
}

TEST_CASE(
    "a waiting forker runs parts of what it waits for and nothing else, so that it may hold a lock (D11)",
    "[concurrent]") {
    // Every task locks a mutex and forks under it. If a waiter ran another task on top of the lock, that one would lock
    // the mutex that its own thread holds.
    for (const std::size_t threads : {1U, 2U, 4U}) {
        thread_pool pool(threads);
        std::mutex mutex;
        long sum = 0;
        std::vector<yoke::future<void>> tasks;
        for (int i = 0; i != 300; ++i) {
            tasks.push_back(pool.submit([&] {
                const std::lock_guard lock(mutex);
                sum += fib(pool, 10);
            }));
        }
        for (auto& task : tasks) task.get();
        REQUIRE(sum == 300 * 55);
    }
}

TEST_CASE("a forker helps the thief of its job with the parts that it forks later", "[concurrent]") {
    // The thief forks two calls that meet each other: with two workers the second can only be run by the forker, which
    // by then may be asleep, waiting for the thief.
    thread_pool pool(2);
    for (int round = 0; round != 200; ++round) {
        std::atomic<int> stolen{0};
        std::atomic<int> met{0};
        const auto meet = [&] {
            raise(met);
            await(met, 2);
            return std::this_thread::get_id();
        };
        std::thread::id forker;
        std::pair<std::thread::id, std::thread::id> meeting;
        pool.invoke(
            [&] {
                forker = std::this_thread::get_id();
                await(stolen, 1);
            },
            [&] {
                raise(stolen);
                if (round % 2 == 0) dawdle();
                const auto [here, there] = pool.invoke(meet, meet);
                meeting = {here, there};
            });
        REQUIRE(meeting.second == forker);
    }
}

TEST_CASE("a task of one pool forks on another, in a circle, without a deadlock", "[concurrent]") {
    thread_pool first(1);
    thread_pool second(1);
    for (int round = 0; round != 50; ++round) {
        const long sum = first.invoke([&] {
            const auto [a, b] = second.invoke(
                [&] {
                    const auto [c, d] = first.invoke([] { return 1L; }, [] { return 2L; });
                    return c + d;
                },
                [] { return 4L; });
            return a + b;
        });
        REQUIRE(sum == 7);
    }
}

TEST_CASE("a task that is run by who waits for it forks in order, on its own thread", "[concurrent]") {
    std::atomic<int> release{0};
    std::atomic<int> busy{0};
    thread_pool outer(1);
    thread_pool inner(1);
    inner.detach([&] {
        raise(busy);
        await(release, 1);
    });
    await(busy, 1);
    const bool same = outer
                          .submit([&] {
                              const auto here = std::this_thread::get_id();
                              return inner
                                  .submit([&] {
                                      const auto [a, b] =
                                          inner.invoke([] { return std::this_thread::get_id(); },
                                                       [] { return std::this_thread::get_id(); });
                                      return a == here && b == here;
                                  })
                                  .get();
                          })
                          .get();
    raise(release);
    REQUIRE(same);
}

TEST_CASE("a chain of more forks than a deque holds goes on in order", "[concurrent]") {
    struct chain {
        thread_pool& pool;
        long operator()(int length) const {
            if (length == 0) return 0;
            const auto [a, b] = pool.invoke([&] { return (*this)(length - 1); }, [] { return 1L; });
            return a + b;
        }
    };
    for (const std::size_t threads : {1U, 2U}) {
        thread_pool pool(threads);
        REQUIRE(pool.invoke([&] { return chain{pool}(1000); }) == 1000);
    }
}

TEST_CASE("a pool of its own task's forks may be destroyed by that task", "[concurrent]") {
    auto owned = std::make_unique<thread_pool>(2);
    thread_pool& pool = *owned;
    std::atomic<long> result{0};
    pool.detach([&result, &pool, owned = std::move(owned)]() mutable {
        const long n = fib(pool, 10);
        owned.reset();
        result = n;
        result.notify_all();
    });
    result.wait(0);
    REQUIRE(result == 55);
}

TEST_CASE("a worker that goes to sleep issues a heavy barrier only if somebody has forked since the last one",
          "[concurrent]") {
    if (!yoke::detail::enable_asymmetric_barrier()) return;
    const hook counting(count_barriers);
    thread_pool pool(4);
    pool.invoke([] {}, [] {});
    const auto run_lonely_tasks = [&](int count) {
        const auto slept = [&] { return pool.statistics().slept; };
        for (int i = 0; i != count; ++i) {
            const auto before = slept();
            pool.detach([] {});
            while (slept() == before) std::this_thread::yield();
        }
    };
    run_lonely_tasks(10);  // by now everybody sleeps who was woken by the forks
    heavy_barriers = 0;
    run_lonely_tasks(200);
    // A worker that was started late may find that somebody has forked.
    REQUIRE(heavy_barriers <= 4);
    for (int i = 0; i != 50; ++i) {
        pool.invoke([] {}, [] {});
        heavy_barriers = 0;
        run_lonely_tasks(3);
        REQUIRE(heavy_barriers <= 10);
    }
}

namespace {
std::atomic<int> at_the_end{0};
std::atomic<int> forked{0};
/// A worker has found nothing and is about to say that it sleeps: it waits until another one has forked.
void wait_for_a_fork(const char* name) {
    if (std::string_view(name) != "pool_core: nothing found" || at_the_end.exchange(1) != 0) return;
    at_the_end.notify_all();
    await(forked, 1);
}
}  // namespace

TEST_CASE("a fork that finds somebody searching is seen by that one before it sleeps", "[concurrent]") {
    at_the_end = 1;  // not yet
    const hook waiting(wait_for_a_fork);
    thread_pool pool(2);
    for (int round = 0; round != 20; ++round) {
        std::atomic<int> met{0};
        const auto meet = [&] {
            raise(met);
            await(met, 2);
        };
        pool.invoke([&] {
            const auto slept = pool.statistics().slept;
            pool.invoke(meet, meet);
            while (round % 2 == 0 && pool.statistics().slept == slept) std::this_thread::yield();
            met = forked = at_the_end = 0;
            pool.detach([] {});  // after which it looks for more
            await(at_the_end, 1);
            pool.invoke(
                [&] {
                    raise(forked);
                    meet();
                },
                meet);
        });
        REQUIRE(met == 2);
    }
}

TEST_CASE("no fork is overlooked by workers that are about to sleep", "[concurrent]") {
    // Each fork needs a thief, or its two calls wait for one another for ever.
    thread_pool pool(3);
    for (int round = 0; round != 1000; ++round) {
        std::atomic<int> met{0};
        const auto meet = [&] {
            raise(met);
            await(met, 2);
        };
        pool.invoke([&] {
            pool.invoke(meet, meet);
            met = 0;
            std::atomic<int> i{0};
            while (i.fetch_add(1, std::memory_order_relaxed) < round * 7 % 4000) {}
            pool.invoke(meet, meet);
        });
        REQUIRE(met == 2);
    }
}

TEST_CASE("of two forkers that wait for one thief neither sleeps through what that forks", "[concurrent]") {
    // Three workers: A has forked a, which T runs. T forks y, which B runs. B forks z, which T runs while it waits for
    // y: now both A and B wait for T. When z and y have ended, B is held up elsewhere, and T forks what only A can run.
    for (int round = 0; round != 20; ++round) {
        thread_pool pool(3);
        std::atomic<int> stolen_a{0};
        std::atomic<int> stolen_y{0};
        std::atomic<int> stolen_z{0};
        std::atomic<int> held{0};
        std::atomic<int> met{0};
        std::atomic<int> over{0};
        const auto meet = [&] {
            raise(met);
            await(met, 2);
        };
        const auto z = [&] {
            raise(stolen_z);
            dawdle();  // B falls asleep
        };
        const auto y = [&] {
            raise(stolen_y);
            dawdle();  // A and T fall asleep
            pool.invoke([&] { await(stolen_z, 1); }, z);
        };
        const auto a = [&] {
            raise(stolen_a);
            pool.invoke([&] { await(stolen_y, 1); }, y);
            pool.detach([&] {
                raise(held);
                await(over, 1);
            });
            await(held, 1);
            dawdle();
            pool.invoke(meet, meet);
            raise(over);
        };
        pool.invoke(
            [&] {
                await(stolen_a, 1);
                await(stolen_y, 1);
            },
            a);
        REQUIRE(met == 2);
        pool.wait();
    }
}
