// SPDX-License-Identifier: MIT
// labels: process
// own-main
//
// Producers and consumers of a queue between processes, killed a hundred times between any two of their steps, with the
// queue's lock (row A8 of the list of faults; no other lock is shared with a worker) or without it: what they had not
// finished has not happened, what they had stays, and nobody sleeps on.
#define YOKE_TEST_POINTS
#include "support/kill_points.hpp"

#include <yoke/executor/process_pool.hpp>
#include <yoke/queue/shared_queue.hpp>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

using yoke_test::kill_points;
using yoke_test::require;

namespace {

using numbers = yoke::shared_queue_handle<int>;

struct shared_board {
    std::atomic<int> popping{0};
};
shared_board& board = yoke_test::make_shared_object<shared_board>();

std::vector<int> take_all(numbers queue) {
    ++board.popping;
    std::vector<int> taken;
    while (const auto next = queue.pop()) taken.push_back(*next);
    return taken;
}
void push_one(numbers queue, int item) { static_cast<void>(queue.push(item)); }
int take_one(numbers queue) { return queue.pop().value_or(-1); }

/// Runs `call`, which is killed at `name`.
template <class F, class... Args>
void lose(yoke::process_pool& pool, const char* name, F f, Args... args) {
    kill_points::arm(name);
    try {
        static_cast<void>(pool.submit(f, args...).get());
        require(false, "a worker was killed at", name);
    } catch (const yoke::worker_lost&) {
        kill_points::await_death();
    }
}

void sleep_of(int consumers) {
    while (board.popping < consumers) std::this_thread::yield();
}

}  // namespace

int main() {
    kill_points::install();
    yoke::runtime rt;
    const yoke_test::watchdog dog("users of a queue killed at every step", std::chrono::seconds(30));
    yoke::process_pool pool({.workers = 2, .crash_limit = 1000});

    for (int round = 0; round < 100; ++round) {
        yoke::shared_queue<int> queue(2);

        // A producer that dies holding the lock, before its item is in.
        lose(pool, "item written", push_one, queue.handle(), 1);
        require(queue.size() == 0, "an item half in is not in");
        require(queue.push(2), "the lock of the dead is free again");

        // A consumer that dies holding the lock, before it has the item.
        lose(pool, "item read", take_one, queue.handle());
        require(queue.size() == 1, "an item half taken is still there");

        // One that has it takes it along.
        lose(pool, "item taken", take_one, queue.handle());
        require(queue.size() == 0, "an item taken is gone with its taker");

        // A producer that dies when its item is in, and whoever sleeps has not been woken.
        board.popping = 0;
        auto consumer = pool.submit(take_all, queue.handle());
        sleep_of(1);
        lose(pool, "queue left", push_one, queue.handle(), 3);
        // Another one that waits for room in the same way.
        while (queue.size() != 0) std::this_thread::yield();
        queue.close();
        require(consumer.get() == std::vector<int>{3}, "the item of a producer that died is delivered");
    }

    for (int round = 0; round < 100; ++round) {
        yoke::shared_queue<int> queue(1);
        require(queue.push(1), "the first goes in");
        std::atomic<bool> in{false};
        std::thread producer([&] {
            static_cast<void>(queue.push(2));  // waits for room
            in = true;
        });
        lose(pool, "queue left", take_one, queue.handle());
        producer.join();
        require(in, "who waited for room was woken for the consumer that died");
        require(queue.pop() == 2, "and its item is there");
    }
    // The first three die holding the queue's lock, the last just after.
    for (const char* const name : {"item written", "item read", "item taken"})
        require(kill_points::deaths(name) == 100, "a hundred workers have died at", name);
    require(kill_points::deaths("queue left") == 200, "two hundred workers have died at queue left");
    std::puts("whole after every death, and nobody left asleep");
    return 0;
}
