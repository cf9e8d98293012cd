// SPDX-License-Identifier: MIT
// labels: process
#include <yoke/future/completion.hpp>

#include <yoke/executor/inline_executor.hpp>
#include <yoke/executor/process_pool.hpp>
#include <yoke/executor/thread_pool.hpp>

#include "catch.hpp"
#include "support/executors.hpp"

#include <atomic>
#include <cstddef>
#include <iterator>
#include <latch>
#include <memory>
#include <semaphore>
#include <stdexcept>
#include <string>
#include <utility>
#include <variant>
#include <vector>

using yoke_test::manual_executor;
using yoke_test::thread_executor;

namespace {

static_assert(std::input_iterator<yoke::completion_range<int>::iterator>);
static_assert(
    std::sentinel_for<std::default_sentinel_t, yoke::completion_range<std::unique_ptr<int>>::iterator>);
static_assert(std::is_same_v<decltype(yoke::when_all(std::declval<std::vector<yoke::future<void>>>())),
                             yoke::future<void>>);

/// Tasks that end when the test says so, in the order it likes.
struct gates {
    explicit gates(std::size_t n) : open(n) {}
    std::vector<std::atomic<bool>> open;
    void release(std::size_t i) {
        open[i] = true;
        open[i].notify_all();
    }
    void await(std::size_t i) const { open[i].wait(false); }
};

yoke::future<int> sum_of(std::vector<yoke::future<int>> parts) {
    int sum = 0;
    for (int part : co_await yoke::when_all(std::move(parts))) sum += part;
    co_return sum;
}

}  // namespace

TEST_CASE("as_completed hands futures over in the order in which they complete", "[concurrent]") {
    gates gate(5);
    thread_executor ex;
    std::vector<yoke::future<std::size_t>> futures;
    for (std::size_t i = 0; i < 5; ++i) {
        futures.push_back(yoke::submit(ex, [&gate, i] {
            gate.await(i);
            return i * 10;
        }));
    }
    auto range = yoke::as_completed(std::move(futures));
    for (std::size_t i : {3u, 0u, 4u, 1u, 2u}) {
        gate.release(i);
        auto done = range.next();
        REQUIRE(done);
        CHECK(done->index() == i);
        CHECK(done->ready());
        CHECK(done->get() == i * 10);
    }
    CHECK_FALSE(range.next());
}

TEST_CASE("What completed before anybody looked comes out in the order of completion") {
    manual_executor ex;
    std::vector<yoke::future<int>> futures;
    for (int i = 0; i < 4; ++i) futures.push_back(yoke::submit(ex, [i] { return i; }));
    std::swap(futures[0], futures[2]);
    std::swap(futures[1], futures[3]);
    auto range = yoke::as_completed(std::move(futures));
    while (ex.run_one()) {}
    std::vector<int> values;
    std::vector<std::size_t> places;
    for (auto& done : range) {
        values.push_back(done.get());
        places.push_back(done.index());
    }
    CHECK(values == std::vector<int>{0, 1, 2, 3});
    CHECK(places == std::vector<std::size_t>{2, 3, 0, 1});
}

TEST_CASE("as_completed hands over errors and cancelled futures like values") {
    manual_executor ex;
    std::vector<yoke::future<int>> futures;
    futures.push_back(yoke::submit(ex, [] { return 1; }));
    futures.push_back(yoke::submit(ex, []() -> int { throw std::domain_error("no"); }));
    futures.push_back(yoke::submit(ex, [] { return 3; }));
    futures[2].cancel();
    while (ex.run_one()) {}
    int values = 0;
    int errors = 0;
    int cancelled = 0;
    for (auto& done : yoke::as_completed(std::move(futures))) {
        try {
            done.get();
            ++values;
        } catch (const std::domain_error&) {
            ++errors;
        } catch (const yoke::cancelled&) {
            ++cancelled;
        }
    }
    CHECK(values == 1);
    CHECK(errors == 1);
    CHECK(cancelled == 1);
}

TEST_CASE("as_completed of nothing is empty, of an empty future refused") {
    CHECK_FALSE(yoke::as_completed(std::vector<yoke::future<int>>()).next());
    CHECK_THROWS_AS(yoke::as_completed(std::vector<yoke::future<int>>(1)), yoke::no_state);
    CHECK_THROWS_AS(yoke::when_all(std::vector<yoke::future<int>>(1)), yoke::no_state);
    CHECK_THROWS_AS(yoke::when_all(yoke::future<int>()), yoke::no_state);
    CHECK_THROWS_AS(yoke::when_any(std::vector<yoke::future<int>>(1)), yoke::no_state);
    CHECK_THROWS_AS(yoke::when_any(std::vector<yoke::future<int>>()), std::invalid_argument);
}

TEST_CASE("A range dropped early leaves the tasks running and nothing behind", "[concurrent]") {
    std::atomic<int> ran{0};
    {
        gates gate(1);
        thread_executor ex;
        std::vector<yoke::future<int>> futures;
        futures.push_back(yoke::submit(ex, [&ran] { return ++ran; }));
        for (int i = 0; i < 9; ++i) {
            futures.push_back(yoke::submit(ex, [&] {
                gate.await(0);
                return ++ran;
            }));
        }
        {
            auto range = yoke::as_completed(std::move(futures));
            CHECK(range.next());
        }
        gate.release(0);
    }
    CHECK(ran == 10);
}

TEST_CASE("Inside a task as_completed runs what nobody has begun, and no more than it must") {
    manual_executor ex;
    auto outer = yoke::submit(ex, [&ex] {
        std::vector<yoke::future<int>> futures;
        for (int i = 0; i < 3; ++i) futures.push_back(yoke::submit(ex, [i] { return i; }));
        auto range = yoke::as_completed(std::move(futures));
        int first = range.next()->get();
        const bool others_wait = ex.pending() == 3;
        int sum = first;
        for (auto& done : range) sum += done.get();
        return others_wait ? sum : -1;
    });
    REQUIRE(ex.run_one());
    REQUIRE(outer.ready());
    CHECK(outer.get() == 3);
}

TEST_CASE("Nothing is lost while many futures complete from many threads", "[concurrent]") {
    yoke::thread_pool pool(4);
    for (int round = 0; round < 20; ++round) {
        std::vector<yoke::future<std::size_t>> futures;
        for (std::size_t i = 0; i < 200; ++i) futures.push_back(pool.submit([i] { return i; }));
        std::vector<int> seen(futures.size());
        for (auto& done : yoke::as_completed(std::move(futures))) {
            const auto index = done.index();
            if (done.get() == index) ++seen[index];
        }
        REQUIRE(seen == std::vector<int>(200, 1));
    }
}

TEST_CASE("as_completed nested in a pool of one thread", "[concurrent]") {
    yoke::thread_pool pool(1);
    auto outer = pool.submit([&pool] {
        int sum = 0;
        std::vector<yoke::future<int>> futures;
        for (int i = 0; i < 10; ++i) {
            futures.push_back(pool.submit([&pool, i] {
                int inner = 0;
                std::vector<yoke::future<int>> more;
                for (int k = 0; k < 3; ++k) more.push_back(pool.submit([i] { return i; }));
                for (auto& done : yoke::as_completed(std::move(more))) inner += done.get();
                return inner;
            }));
        }
        for (auto& done : yoke::as_completed(std::move(futures))) sum += done.get();
        return sum;
    });
    CHECK(outer.get() == 135);
}

TEST_CASE("when_all yields all results in the order of the arguments") {
    manual_executor ex;
    std::vector<yoke::future<std::unique_ptr<int>>> futures;
    for (int i = 0; i < 3; ++i) futures.push_back(yoke::submit(ex, [i] { return std::make_unique<int>(i); }));
    std::swap(futures[0], futures[2]);
    auto all = yoke::when_all(std::move(futures));
    for (int i = 0; i < 3; ++i) {
        CHECK_FALSE(all.ready());
        ex.run_one();
    }
    REQUIRE(all.ready());
    const auto values = all.get();
    REQUIRE(values.size() == 3);
    CHECK(*values[0] == 2);
    CHECK(*values[1] == 1);
    CHECK(*values[2] == 0);
}

TEST_CASE("when_all of no futures, of void futures and of bools") {
    CHECK(yoke::when_all(std::vector<yoke::future<int>>()).get().empty());
    yoke::when_all(std::vector<yoke::future<void>>()).get();
    yoke::inline_executor ex;
    std::vector<yoke::future<bool>> bools;
    for (int i = 0; i < 3; ++i) bools.push_back(ex.submit([i] { return i == 1; }));
    CHECK(yoke::when_all(std::move(bools)).get() == std::vector<bool>{false, true, false});
    std::vector<yoke::future<void>> nothings;
    nothings.push_back(ex.submit([] {}));
    nothings.push_back(ex.submit([] { throw std::domain_error("no"); }));
    CHECK_THROWS_AS(yoke::when_all(std::move(nothings)).get(), std::domain_error);
}

TEST_CASE("when_all completes after all, with the first error in the order of the arguments") {
    manual_executor ex;
    std::vector<yoke::future<int>> futures;
    futures.push_back(yoke::submit(ex, [] { return 1; }));
    auto late = yoke::submit(ex, []() -> int { throw std::out_of_range("second argument"); });
    auto early = yoke::submit(ex, []() -> int { throw std::domain_error("third argument"); });
    ex.run_one();
    static_cast<void>(early.wait_for(std::chrono::seconds(0)));
    futures.push_back(std::move(late));
    futures.push_back(std::move(early));
    auto all = yoke::when_all(std::move(futures));
    ex.run_one();
    CHECK_FALSE(all.ready());
    ex.run_one();
    CHECK_THROWS_AS(all.get(), std::out_of_range);
}

TEST_CASE("when_all of different types is a tuple") {
    yoke::inline_executor ex;
    auto [number, nothing, text] =
        yoke::when_all(ex.submit([] { return 7; }), ex.submit([] {}), ex.submit([] {
            return std::string("x");
        })).get();
    CHECK(number == 7);
    CHECK(text == "x");
    STATIC_REQUIRE(std::is_same_v<decltype(nothing), std::monostate>);

    auto failing =
        yoke::when_all(ex.submit([] { return 7; }), ex.submit([] { throw std::out_of_range("b"); }),
                       ex.submit([]() -> int { throw std::domain_error("c"); }));
    CHECK_THROWS_AS(failing.get(), std::out_of_range);
}

TEST_CASE("A waiter inside a task helps with all parts of a when_all") {
    manual_executor ex;
    auto outer = yoke::submit(ex, [&ex] {
        std::vector<yoke::future<int>> parts;
        for (int i = 0; i < 4; ++i) parts.push_back(yoke::submit(ex, [i] { return i; }));
        auto all = yoke::when_all(std::move(parts));
        auto pair = yoke::when_all(yoke::submit(ex, [] { return 10; }), yoke::submit(ex, [] { return 20; }));
        auto [a, b] = pair.get();
        int sum = a + b;
        for (int part : all.get()) sum += part;
        return sum;
    });
    REQUIRE(ex.run_one());
    REQUIRE(outer.ready());
    CHECK(outer.get() == 36);
}

TEST_CASE("A when_all can be awaited, also by a task on a pool of one thread", "[concurrent]") {
    yoke::thread_pool pool(1);
    for (int round = 0; round < 50; ++round) {
        auto outer = pool.submit([&pool] {
            std::vector<yoke::future<int>> parts;
            for (int i = 0; i < 4; ++i) parts.push_back(pool.submit([i] { return i; }));
            return sum_of(std::move(parts)).get();
        });
        REQUIRE(outer.get() == 6);
    }
}

TEST_CASE("when_any completes with the first and hands all of them back", "[concurrent]") {
    gates gate(3);
    thread_executor ex;
    std::vector<yoke::future<std::size_t>> futures;
    for (std::size_t i = 0; i < 3; ++i) {
        futures.push_back(yoke::submit(ex, [&gate, i] {
            gate.await(i);
            return i;
        }));
    }
    auto any = yoke::when_any(std::move(futures));
    CHECK_FALSE(any.ready());
    gate.release(1);
    auto first = any.get();
    CHECK(first.index == 1);
    REQUIRE(first.futures.size() == 3);
    CHECK(first.futures[1].get() == 1);
    gate.release(0);
    gate.release(2);
    CHECK(first.futures[0].get() == 0);
    CHECK(first.futures[2].get() == 2);
}

TEST_CASE("when_any of a ready future is ready, and one that failed counts") {
    yoke::inline_executor ex;
    manual_executor never;
    std::vector<yoke::future<int>> futures;
    futures.push_back(yoke::submit(never, [] { return 0; }));
    futures.push_back(ex.submit([]() -> int { throw std::domain_error("no"); }));
    auto any = yoke::when_any(std::move(futures));
    REQUIRE(any.ready());
    auto first = any.get();
    CHECK(first.index == 1);
    CHECK_THROWS_AS(first.futures[1].get(), std::domain_error);
}

TEST_CASE("A waiter inside a task helps a when_any until one part is done, not further") {
    manual_executor ex;
    int ran = 0;
    auto outer = yoke::submit(ex, [&] {
        std::vector<yoke::future<int>> parts;
        for (int i = 0; i < 3; ++i) parts.push_back(yoke::submit(ex, [&ran, i] { return ++ran, i; }));
        auto first = yoke::when_any(std::move(parts)).get();
        return first.futures[first.index].get();
    });
    REQUIRE(ex.run_one());
    REQUIRE(outer.ready());
    CHECK(outer.get() == 0);
    CHECK(ran == 1);
}

TEST_CASE("when_any dropped before its parts complete", "[concurrent]") {
    yoke::thread_pool pool(2);
    std::atomic<int> ran{0};
    for (int round = 0; round < 100; ++round) {
        std::vector<yoke::future<int>> parts;
        for (int i = 0; i < 5; ++i) parts.push_back(pool.submit([&ran] { return ++ran; }));
        if (round % 2 == 0) {
            (void)yoke::when_any(std::move(parts));
        } else {
            (void)yoke::when_any(std::move(parts)).get();
        }
    }
    pool.wait();
    CHECK(ran == 500);
}

TEST_CASE("when_any can cancel what has not begun of the others", "[concurrent]") {
    manual_executor ex;
    std::vector<yoke::future<int>> futures;
    int ran = 0;
    for (int i = 0; i != 4; ++i) futures.push_back(yoke::submit(ex, [&ran, i] { return ++ran, i; }));
    auto any = yoke::when_any(std::move(futures));
    REQUIRE(ex.run_one());
    REQUIRE(ex.run_one());
    auto first = any.get();
    CHECK(first.index == 0);
    CHECK(first.cancel_others() == 2);  // one has run, too
    while (ex.run_one()) {}
    CHECK(ran == 2);
    CHECK(first.futures[0].get() == 0);
    CHECK(first.futures[1].get() == 1);
    CHECK_THROWS_AS(first.futures[3].get(), yoke::cancelled);
    CHECK(first.cancel_others() == 1);  // what was taken away is no matter
}

TEST_CASE("Futures of threads, processes and the caller are one crowd", "[process][concurrent]") {
    yoke::thread_pool threads(2);
    yoke::process_pool processes(2);
    yoke::inline_executor here;
    const auto square = [](int x) { return x * x; };
    for (int round = 0; round != 20; ++round) {
        const auto all = [&] {
            std::vector<yoke::future<int>> futures;
            for (int i = 0; i != 10; ++i) {
                futures.push_back(threads.submit(square, 3 * i));
                futures.push_back(processes.submit(square, 3 * i + 1));
                futures.push_back(here.submit(square, 3 * i + 2));
            }
            return futures;
        };
        std::vector<int> seen(30);
        for (auto& done : yoke::as_completed(all())) {
            const int index = static_cast<int>(done.index());
            REQUIRE(done.ready());
            REQUIRE(done.get() == index * index);
            ++seen[done.index()];
        }
        REQUIRE(seen == std::vector<int>(30, 1));

        const auto values = yoke::when_all(all()).get();
        for (int i = 0; i != 30; ++i) REQUIRE(values[static_cast<std::size_t>(i)] == i * i);

        auto [a, b, c] = yoke::when_all(threads.submit([] { return std::string("t"); }),
                                        processes.submit([] {}), here.submit(square, 5))
                             .get();
        REQUIRE(a == "t");
        REQUIRE(c == 25);
        static_cast<void>(b);

        auto first = yoke::when_any(all()).get();
        REQUIRE(first.futures[first.index].ready());
        first.cancel_others();
    }
}

TEST_CASE("Inside a task on the only thread, mixed futures are waited for", "[process][concurrent]") {
    yoke::thread_pool threads(1);
    yoke::process_pool processes(1);
    for (int round = 0; round != 50; ++round) {
        auto sum = threads.submit([&] {
            std::vector<yoke::future<int>> futures;
            for (int i = 0; i != 4; ++i) {
                futures.push_back(processes.submit([] { return 1; }));
                futures.push_back(threads.submit([] { return 10; }));
            }
            auto more =
                yoke::when_all(processes.submit([] { return 100; }), threads.submit([] { return 1000; }));
            int total = 0;
            for (auto& done : yoke::as_completed(std::move(futures))) total += done.get();
            auto [a, b] = more.get();
            return total + a + b;
        });
        REQUIRE(sum.get() == 1144);
    }
}

TEST_CASE("An error of a worker process arrives through when_all as itself", "[process]") {
    yoke::thread_pool threads(1);
    yoke::process_pool processes(1);
    auto both = yoke::when_all(threads.submit([] { return 1; }),
                               processes.submit([]() -> int { throw std::out_of_range("there"); }));
    CHECK_THROWS_AS(both.get(), std::out_of_range);
}

TEST_CASE("Dropping many futures, alone or together, blocks nobody", "[concurrent]") {
    std::latch hold(1);
    yoke::thread_pool pool(1);
    std::latch begun(1);
    std::atomic<int> ran{0};
    pool.detach([&] {
        begun.count_down();
        hold.wait();
    });
    begun.wait();
    for (int i = 0; i != 1000; ++i) {
        std::vector<yoke::future<int>> some;
        for (int k = 0; k != 100; ++k) some.push_back(pool.submit([&ran] { return ++ran; }));
        if (i % 4 == 1) (void)yoke::when_all(std::move(some));
        if (i % 4 == 2) (void)yoke::when_any(std::move(some));
        if (i % 4 == 3) (void)yoke::as_completed(std::move(some));
    }
    CHECK(ran == 0);
    hold.count_down();
    pool.wait();
    CHECK(ran == 100'000);
}
