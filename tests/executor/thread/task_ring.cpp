// SPDX-License-Identifier: MIT
// labels: concurrent
#include "catch.hpp"

#include <yoke/executor/thread/task_ring.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <thread>
#include <vector>

using yoke::detail::taken_tasks;
using yoke::detail::task;
using yoke::detail::task_ring;

namespace {

/// Counts, and lets its slot go first, as tasks in a ring do.
class counting_task final : public task {
public:
    counting_task(std::atomic<int>& count, int number) : count_(&count), number_(number) {}
    void run() noexcept override {
        std::atomic<int>& count = *count_;
        this->~counting_task();
        task_ring::vacate(this);
        ++count;
    }
    void stop() noexcept override { run(); }
    [[nodiscard]] int number() const noexcept { return number_; }

private:
    friend class task_ring;
    ~counting_task() = default;

    std::atomic<int>* count_;
    int number_;
};

bool push(task_ring& ring, std::atomic<int>& count, int number = 0) {
    task_ring::slot* const place = ring.claim();
    if (place == nullptr) return false;
    ::new (place->room()) counting_task(count, number);
    place->publish();
    return true;
}

int number_at(task_ring& ring, std::uint64_t position) {
    return static_cast<counting_task&>(ring.at(position)).number();
}

}  // namespace

TEST_CASE("a ring gives tasks out in order, singly and in batches") {
    std::atomic<int> ran{0};
    task_ring ring;
    ring.open();
    REQUIRE_FALSE(ring.any_ready());
    REQUIRE(ring.take(8).size == 0);
    REQUIRE_FALSE(task_ring().any_ready());
    REQUIRE(task_ring().take(1).size == 0);
    for (int i = 0; i != 5; ++i) REQUIRE(push(ring, ran, i));
    REQUIRE(ring.any_ready());
    REQUIRE(ring.size() == 5);
    const auto one = ring.take(1);
    REQUIRE(one.size == 1);
    REQUIRE(number_at(ring, one.first) == 0);
    const auto rest = ring.take(100);
    REQUIRE(rest.size == 4);
    for (std::size_t i = 0; i != 4; ++i) REQUIRE(number_at(ring, rest.first + i) == static_cast<int>(i) + 1);
    REQUIRE_FALSE(ring.any_ready());
    ring.at(one.first).run();
    for (std::size_t i = 0; i != 4; ++i) ring.at(rest.first + i).run();
    REQUIRE(ran == 5);
}

TEST_CASE("every slot of a ring is one cache line") {
    std::atomic<int> ran{0};
    // Several, as memory for one may happen to be aligned.
    for (int rings = 0; rings != 5; ++rings) {
        const auto ring = std::make_unique<task_ring>();
        const auto between = std::make_unique<char[]>(static_cast<std::size_t>(24 + 16 * rings));
        ring->open();
        for (std::size_t i = 0; i != task_ring::capacity; ++i) {
            task_ring::slot* const place = ring->claim();
            REQUIRE(reinterpret_cast<std::uintptr_t>(place) % 64 == 0);
            ::new (place->room()) counting_task(ran, 0);
            place->publish();
        }
        for (auto next = ring->take(1); next.size != 0; next = ring->take(1)) ring->at(next.first).run();
    }
    REQUIRE(ran == 5 * static_cast<int>(task_ring::capacity));
}

TEST_CASE("a full ring says so, and has room again as soon as a task has left its slot") {
    std::atomic<int> ran{0};
    task_ring ring;
    ring.open();
    for (int lap = 0; lap != 3; ++lap) {
        for (std::size_t i = 0; i != task_ring::capacity; ++i) REQUIRE(push(ring, ran));
        REQUIRE_FALSE(push(ring, ran));
        const auto first = ring.take(1);
        REQUIRE_FALSE(push(ring, ran));
        ring.at(first.first).run();
        REQUIRE(push(ring, ran));
        REQUIRE_FALSE(push(ring, ran));
        std::size_t taken = 0;
        for (auto more = ring.take(100); more.size != 0; more = ring.take(100)) {
            for (std::size_t i = 0; i != more.size; ++i) ring.at(more.first + i).run();
            taken += more.size;
        }
        REQUIRE(taken == task_ring::capacity);
    }
    REQUIRE(ran == 3 * (static_cast<int>(task_ring::capacity) + 1));
}

TEST_CASE("nothing behind a task that is not published yet is given out") {
    std::atomic<int> ran{0};
    task_ring ring;
    ring.open();
    task_ring::slot* const slow = ring.claim();
    REQUIRE(push(ring, ran, 1));
    REQUIRE_FALSE(ring.any_ready());
    REQUIRE(ring.size() == 2);
    REQUIRE(ring.take(2).size == 0);
    ::new (slow->room()) counting_task(ran, 0);
    slow->publish();
    const auto both = ring.take(2);
    REQUIRE(both.size == 2);
    REQUIRE(number_at(ring, both.first) == 0);
}

TEST_CASE("of a taken batch the owner has the front and thieves the back") {
    taken_tasks tasks;
    std::uint64_t position = 0;
    REQUIRE(tasks.empty());
    REQUIRE_FALSE(tasks.take_front(position));
    REQUIRE(tasks.steal_half().size == 0);
    tasks.put({1000, 5});
    REQUIRE(tasks.take_front(position));
    REQUIRE(position == 1000);
    const auto stolen = tasks.steal_half();
    REQUIRE(stolen.first == 1003);
    REQUIRE(stolen.size == 2);
    REQUIRE(tasks.take_front(position));
    REQUIRE(position == 1001);
    REQUIRE(tasks.steal_half().size == 1);
    REQUIRE(tasks.empty());
}

TEST_CASE("producers, consumers and thieves of a ring lose nothing and double nothing", "[concurrent]") {
    constexpr int producers = 3;
    constexpr int each = 20'000;
    std::atomic<int> ran{0};
    task_ring ring;
    ring.open();
    taken_tasks taken[2];
    std::vector<std::thread> threads;
    for (int p = 0; p != producers; ++p) {
        threads.emplace_back([&] {
            for (int i = 0; i != each; ++i) {
                while (!push(ring, ran)) std::this_thread::yield();
            }
        });
    }
    for (std::size_t c = 0; c != 2; ++c) {
        threads.emplace_back([&, c] {
            while (ran != producers * each) {
                std::uint64_t position = 0;
                if (taken[c].take_front(position)) {
                    ring.at(position).run();
                    continue;
                }
                auto batch = ring.take(7);
                if (batch.size == 0) batch = taken[1 - c].steal_half();
                if (batch.size == 0) {
                    std::this_thread::yield();
                    continue;
                }
                taken[c].put({batch.first + 1, batch.size - 1});
                ring.at(batch.first).run();
            }
        });
    }
    for (auto& thread : threads) thread.join();
    REQUIRE(ran == producers * each);
    REQUIRE(ring.size() == 0);
}
