// SPDX-License-Identifier: MIT
#include <yoke/algorithm/consume.hpp>

#include <yoke/executor/inline_executor.hpp>
#include <yoke/executor/thread_pool.hpp>
#include <yoke/executor/with.hpp>
#include <yoke/queue/bounded_queue.hpp>

#include "catch.hpp"
#include "support/executors.hpp"

#include <atomic>
#include <latch>
#include <memory>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

using yoke_test::manual_executor;
using yoke_test::thread_executor;

namespace {

/// A queue's handle that may be copied: the shape of a queue between processes.
struct shared_handle {
    std::shared_ptr<yoke::bounded_queue<int>> queue;
    std::optional<int> pop() { return queue->pop(); }
    void close() { queue->close(); }
};

static_assert(std::is_same_v<decltype(yoke::consume(std::declval<yoke::inline_executor&>(), 1,
                                                    std::declval<yoke::bounded_queue<int>&>(), [](int) {})),
                             yoke::future<std::uint64_t>>);

/// Shuts down by itself when it has accepted a task.
struct takes_one : manual_executor {
    template <class R, class F, class... Args>
        requires yoke::callable_with<F, Args...>
    void execute(R&& receiver, F&& f, Args&&... args) {
        manual_executor::execute(std::forward<R>(receiver), std::forward<F>(f), std::forward<Args>(args)...);
        shutdown();
    }
};

}  // namespace

TEST_CASE("One close ends a crew of any size, whatever the number of producers", "[concurrent]") {
    for (auto [producers, consumers] : {std::pair{1, 7}, {7, 1}, {4, 4}}) {
        yoke::bounded_queue<int> queue(3);
        std::atomic<long> sum{0};
        thread_executor ex;
        auto crew =
            yoke::consume(ex, static_cast<std::size_t>(consumers), queue, [&sum](int item) { sum += item; });
        {
            auto first = queue.register_producer();  // until all of them are
            std::vector<std::jthread> threads;
            for (int p = 0; p < producers; ++p) {
                threads.emplace_back([mine = queue.register_producer()]() mutable {
                    for (int i = 1; i <= 100; ++i) static_cast<void>(mine.push(i));
                });
            }
        }
        CHECK(crew.get() == static_cast<std::uint64_t>(100 * producers));
        CHECK(sum == 5050L * producers);
        CHECK(queue.is_closed());
    }
}

TEST_CASE("A pill sends one consumer home and the others go on", "[concurrent]") {
    yoke::bounded_queue<int> queue(4);
    thread_executor ex;
    std::atomic<int> taken{0};
    auto one = yoke::consume(ex, 1, queue, [&taken](int) { ++taken; });
    REQUIRE(queue.push(1));
    queue.push(yoke::poison_pill);
    CHECK(one.get() == 1);
    CHECK_FALSE(queue.is_closed());

    auto crew = yoke::consume(ex, 3, queue, [&taken](int) { ++taken; });
    queue.push(yoke::poison_pill);
    queue.push(yoke::poison_pill);
    for (int i = 0; i < 10; ++i) REQUIRE(queue.push(i));
    queue.push(yoke::poison_pill);
    CHECK(crew.get() == 10);
    CHECK(taken == 11);
    CHECK_FALSE(queue.is_closed());  // nobody closed it, nobody failed
}

TEST_CASE("The first error closes the queue: producers wake, the others drain, then it is thrown",
          "[concurrent]") {
    yoke::bounded_queue<int> queue(1);
    thread_executor ex;
    std::atomic<int> good{0};
    auto crew = yoke::consume(ex, 3, queue, [&good](int item) {
        if (item == 5) throw std::domain_error("item 5");
        ++good;
    });
    int pushed = 0;
    while (queue.push(pushed)) ++pushed;  // ends because somebody failed, not because we stop
    CHECK_THROWS_AS(crew.get(), std::domain_error);
    CHECK(pushed >= 6);
    CHECK(good == pushed - 1);  // what was in when it closed was drained
    CHECK(queue.size() == 0);
}

TEST_CASE("When all consumers fail the queue is closed and keeps what is in it", "[concurrent]") {
    yoke::bounded_queue<int> queue(2);
    thread_executor ex;
    auto crew = yoke::consume(ex, 2, queue, [](int item) { throw std::out_of_range(std::to_string(item)); });
    int pushed = 0;
    while (queue.push(pushed)) ++pushed;
    CHECK_THROWS_AS(crew.get(), std::out_of_range);
    CHECK(queue.is_closed());
    CHECK(queue.size() <= 2);
}

TEST_CASE("Closing a full queue whose consumers are dead needs no room", "[concurrent]") {
    yoke::bounded_queue<int> queue(2);
    thread_executor ex;
    REQUIRE(queue.push(1));
    auto crew = yoke::consume(ex, 1, queue, [](int) { throw std::domain_error("dead"); });
    CHECK_THROWS_AS(crew.get(), std::domain_error);
    queue.close();
    for (int i = 0; i < 5; ++i) CHECK_FALSE(queue.push(yoke::poison_pill));
}

TEST_CASE("With go_on a consumer that throws takes the next item", "[concurrent]") {
    yoke::bounded_queue<int> queue(2);
    thread_executor ex;
    std::atomic<int> calls{0};
    auto crew = yoke::consume(ex, 2, queue,
                              [&calls](int item) {
                                  ++calls;
                                  if (item % 10 == 3) throw std::domain_error("3");
                              },
                              {.on_error = yoke::consume_errors::go_on});
    bool accepted = true;
    for (int i = 0; i < 100; ++i) accepted = queue.push(i) && accepted;
    queue.close();
    CHECK_THROWS_AS(crew.get(), std::domain_error);
    CHECK(accepted);
    CHECK(calls == 100);
}

TEST_CASE("A crew that was sent home with an error closes the queue behind it") {
    yoke::bounded_queue<int> queue(2);
    manual_executor ex;
    auto crew = yoke::consume(ex, 1, queue, [](int) { throw std::domain_error("no"); },
                              {.on_error = yoke::consume_errors::go_on});
    REQUIRE(queue.push(1));
    queue.push(yoke::poison_pill);
    ex.run_one();
    CHECK_THROWS_AS(crew.get(), std::domain_error);
    CHECK_FALSE(queue.push(2));
}

TEST_CASE("The first error in time is thrown, and only when all have ended", "[concurrent]") {
    yoke::bounded_queue<int> queue(2);
    thread_executor ex;
    std::latch both_have_one(2);
    auto crew = yoke::consume(ex, 2, queue, [&](int item) {
        both_have_one.arrive_and_wait();
        if (item == 1) throw std::domain_error("first");
        while (!queue.is_closed()) std::this_thread::yield();
        throw std::out_of_range("second, because the queue was closed");
    });
    REQUIRE(queue.push(0));
    REQUIRE(queue.push(1));
    CHECK_THROWS_AS(crew.get(), std::domain_error);
}

TEST_CASE("A consumer that the executor cancels counts as one that failed") {
    yoke::bounded_queue<int> queue(2);
    manual_executor ex;
    auto crew = yoke::consume(ex, 2, queue, [](int) {});
    ex.shutdown(yoke::cancel_pending);
    CHECK(queue.is_closed());
    CHECK_THROWS_AS(crew.get(), yoke::cancelled);
}

TEST_CASE("A crew that cannot start at all touches nothing, one that can start in part ends") {
    yoke::bounded_queue<int> queue(2);
    manual_executor closed;
    closed.shutdown();
    CHECK_THROWS_AS(yoke::consume(closed, 2, queue, [](int) {}), yoke::pool_closed);
    CHECK_THROWS_AS(yoke::consume(closed, 0, queue, [](int) {}), std::invalid_argument);
    CHECK_FALSE(queue.is_closed());

    takes_one one;
    REQUIRE(queue.push(1));
    auto crew = yoke::consume(one, 2, queue, [](int) {});
    CHECK(queue.is_closed());
    one.run_one();
    CHECK(queue.size() == 0);
    CHECK_THROWS_AS(crew.get(), yoke::pool_closed);
}

TEST_CASE("Items may be move-only, and each consumer has its own copy of the function", "[concurrent]") {
    yoke::bounded_queue<std::unique_ptr<int>> queue(2);
    thread_executor ex;
    std::atomic<int> most{0};
    auto crew = yoke::consume(ex, 3, queue, [&most, mine = 0](std::unique_ptr<int>) mutable {
        ++mine;  // no race: nobody else has this copy
        for (int seen = most; seen < mine && !most.compare_exchange_weak(seen, mine);) {}
    });
    for (int i = 0; i < 300; ++i) REQUIRE(queue.push(std::make_unique<int>(i)));
    queue.close();
    CHECK(crew.get() == 300);
    CHECK(most >= 100);
}

TEST_CASE("A crew may be larger than its pool, and waited for inside a pool of one thread", "[concurrent]") {
    yoke::thread_pool pool(1);
    auto outer = pool.submit([&pool] {
        yoke::bounded_queue<int> queue(100);
        auto crew = yoke::consume(pool, 5, queue, [](int) {});
        for (int i = 0; i < 100; ++i) static_cast<void>(queue.push(i));
        queue.close();
        return crew.get();
    });
    CHECK(outer.get() == 100);

    yoke::bounded_queue<int> queue(2);
    auto crew = yoke::consume(pool, 3, queue, [](int) {});
    for (int i = 0; i < 50; ++i) REQUIRE(queue.push(i));
    queue.close();
    CHECK(crew.get() == 50);
}

TEST_CASE("A handle is copied to each consumer, so its owner may go", "[concurrent]") {
    thread_executor ex;
    auto queue = std::make_shared<yoke::bounded_queue<int>>(2);
    auto crew = yoke::consume(ex, 2, shared_handle{queue}, [](int) {});
    for (int i = 0; i < 20; ++i) REQUIRE(queue->push(i));
    queue->close();
    queue.reset();
    CHECK(crew.get() == 20);
}

TEST_CASE("The queue may be destroyed as soon as the crew has ended", "[concurrent]") {
    yoke::thread_pool pool(2);
    for (int round = 0; round < 100; ++round) {
        auto queue = std::make_unique<yoke::bounded_queue<int>>(1);
        auto crew = yoke::consume(pool, 2, *queue, [](int item) {
            if (item == 3) throw std::domain_error("3");
        });
        for (int i = 0; queue->push(i); ++i) {}
        REQUIRE_THROWS_AS(crew.get(), std::domain_error);
        queue.reset();
    }
}

TEST_CASE("A view of an executor will do") {
    yoke::inline_executor ex;
    yoke::bounded_queue<int> queue(4);
    REQUIRE(queue.push(1));
    queue.close();
    CHECK(yoke::consume(yoke::with(ex, {}), 2, queue, [](int) {}).get() == 1);
}
