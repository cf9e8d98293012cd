// SPDX-License-Identifier: MIT
// labels: process
//
// Crews of worker processes that pull from one shared queue and end, cleanly or not. Rows A1, G9, G12, G13 and G17 of
// the list of faults.
#include "catch.hpp"

#include "support/process_watch.hpp"

#include <yoke/algorithm/consume.hpp>
#include <yoke/executor/process_pool.hpp>
#include <yoke/executor/thread_pool.hpp>
#include <yoke/queue/shared_queue.hpp>
#include <yoke/wire/bind_values.hpp>

#include <atomic>
#include <csignal>
#include <stdexcept>
#include <string>

namespace {

using yoke_test::watchdog;

struct shared_board {
    std::atomic<int> sum{0};
};
shared_board& board = yoke_test::make_shared_object<shared_board>();

void add(int item) { board.sum += item; }
void die_at_5(int item) {
    if (item == 5) std::raise(SIGKILL);
    board.sum += item;
}
void throw_at_5(int item) {
    if (item == 5) throw std::domain_error("item 5");
    board.sum += item;
}

}  // namespace

TEST_CASE("one close ends a crew of worker processes, whatever its size") {
    const watchdog guard("one close");
    yoke::process_pool pool(3);
    for (const std::size_t consumers : {1U, 3U, 7U}) {  // more than there are workers, too
        board.sum = 0;
        yoke::shared_queue<int> queue(4);
        auto crew = yoke::consume(pool, consumers, queue, add);
        for (int i = 1; i <= 100; ++i) REQUIRE(queue.push(i));
        queue.close();
        CHECK(crew.get() == 100);
        CHECK(board.sum == 5050);
    }
}

TEST_CASE("a pill sends one worker process home") {
    const watchdog guard("a pill");
    yoke::process_pool pool(2);
    board.sum = 0;
    yoke::shared_queue<int> queue(4);
    auto one = yoke::consume(pool, 1, queue, add);
    static_cast<void>(queue.push(1));
    static_cast<void>(queue.push(yoke::poison_pill));
    CHECK(one.get() == 1);
    CHECK_FALSE(queue.is_closed());
    auto crew =
        yoke::consume(pool, 2, queue.handle(), yoke::bind_values([](int by, int x) { add(by * x); }, 10));
    static_cast<void>(queue.push(2));
    static_cast<void>(queue.push(yoke::poison_pill));
    static_cast<void>(queue.push(yoke::poison_pill));
    CHECK(crew.get() == 1);
    CHECK(board.sum == 21);
}

TEST_CASE("threads and worker processes may pull from the same queue") {
    const watchdog guard("mixed crew");
    yoke::process_pool processes(2);
    yoke::thread_pool threads(2);
    board.sum = 0;
    yoke::shared_queue<int> queue(4);
    auto crew = yoke::consume(processes, 2, queue, add);
    auto others = yoke::consume(threads, 2, queue, add);
    for (int i = 1; i <= 200; ++i) static_cast<void>(queue.push(i));
    queue.close();
    CHECK(crew.get() + others.get() == 200);
    CHECK(board.sum == 20'100);
}

TEST_CASE("a worker that is killed closes the queue: producers wake, the others drain it") {
    const watchdog guard("killed");
    yoke::process_pool pool(2);
    yoke::shared_queue<int> queue(1);
    auto crew = yoke::consume(pool, 2, queue, die_at_5);
    int pushed = 0;
    while (queue.push(pushed)) ++pushed;  // ends because a worker died, not because we stop
    CHECK_THROWS_AS(crew.get(), yoke::worker_lost);
    CHECK(pushed >= 6);
    CHECK(queue.size() == 0);
    CHECK(pool.submit([] { return 1; }).get() == 1);
}

TEST_CASE("when all workers of a crew are killed nobody waits for them") {
    const watchdog guard("all killed");
    yoke::process_pool pool(1);
    yoke::shared_queue<int> queue(1);
    auto crew = yoke::consume(pool, 1, queue, die_at_5, {.on_error = yoke::consume_errors::go_on});
    int pushed = 5;
    while (queue.push(pushed)) ++pushed;
    CHECK_THROWS_AS(crew.get(), yoke::worker_lost);
    queue.close();
    CHECK_FALSE(queue.push(yoke::poison_pill));
}

TEST_CASE("what a consumer throws in a worker process is thrown from the crew") {
    const watchdog guard("throws");
    yoke::process_pool pool(2);
    yoke::shared_queue<int> queue(2);
    auto crew = yoke::consume(pool, 2, queue, throw_at_5);
    int pushed = 0;
    while (queue.push(pushed)) ++pushed;
    CHECK_THROWS_AS(crew.get(), std::domain_error);

    board.sum = 0;
    yoke::shared_queue<int> other(2);
    auto patient = yoke::consume(pool, 2, other, throw_at_5, {.on_error = yoke::consume_errors::go_on});
    for (int i = 0; i < 10; ++i) REQUIRE(other.push(i));
    other.close();
    CHECK_THROWS_AS(patient.get(), std::domain_error);
    CHECK(board.sum == 40);
}
