// SPDX-License-Identifier: MIT
#include <yoke/worker_local.hpp>

#include <yoke/executor/process_pool.hpp>
#include <yoke/executor/thread_pool.hpp>

#include "catch.hpp"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <latch>
#include <memory>
#include <random>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace {

std::atomic<int> alive{0};

/// Cannot be moved; counts how many there are.
struct counted {
    explicit counted(int start) : value(start) { ++alive; }
    counted(const counted&) = delete;
    counted& operator=(const counted&) = delete;
    ~counted() { --alive; }
    int value;
};

/// Has static storage, so the tasks of a process pool see it too. The program's own value is made before the fork server is.
yoke::worker_local<std::string> of_each_process([] { return std::to_string(::getpid()); });
[[maybe_unused]] const std::string made_before_main = of_each_process.local();

}  // namespace

TEST_CASE("a thread has one value, another thread another", "[concurrent]") {
    yoke::worker_local<int> number;
    int& mine = number.local();
    mine = 7;
    int* other = nullptr;
    std::thread([&] {
        other = &number.local();
        *other = 8;
    }).join();
    CHECK(&number.local() == &mine);
    CHECK(other != &mine);
    CHECK(mine == 7);
    CHECK(number.size() == 2);
}

TEST_CASE("values are made as T() without a factory") {
    yoke::worker_local<int> number;
    CHECK(number.local() == 0);
    yoke::worker_local<std::vector<int>> list;
    CHECK(list.local().empty());
}

TEST_CASE("a value is made when its thread first asks, and lives until the object is destroyed",
          "[concurrent]") {
    {
        yoke::worker_local<counted> values([] { return counted(5); });
        CHECK(alive == 0);
        std::thread([&] { values.local().value += 1; }).join();
        CHECK(alive == 1);
        values.local().value += 2;
        CHECK(alive == 2);
        CHECK(values.combine(0, [](int sum, const counted& one) { return sum + one.value; }) == 13);
    }
    CHECK(alive == 0);
}

TEST_CASE("a factory that throws leaves no value behind, and is called again") {
    int calls = 0;
    yoke::worker_local<int> number([&calls] {
        if (++calls == 1) throw std::runtime_error("not yet");
        return 3;
    });
    CHECK_THROWS_AS(number.local(), std::runtime_error);
    CHECK(number.size() == 0);
    CHECK(number.local() == 3);
    CHECK(calls == 2);
}

TEST_CASE("a factory may use the object it makes a value for") {
    yoke::worker_local<int>* self = nullptr;
    int depth = 0;
    yoke::worker_local<int> number([&] {
        if (depth++ == 0) self->local() = 10;
        return depth;
    });
    self = &number;
    int& value = number.local();
    CHECK(value == 10);
    CHECK(&number.local() == &value);
    CHECK(number.size() == 1);
}

TEST_CASE("tasks of several pools find the value of their thread, and all values can be combined",
          "[concurrent]") {
    yoke::worker_local<long> sum;
    {
        yoke::thread_pool a(3);
        yoke::basic_thread_pool<yoke::fifo> b(2);
        for (int i = 1; i <= 3000; ++i) {
            a.detach([&sum, i] { sum.local() += i; });
            b.detach([&sum, i] { sum.local() += i; });
        }
        sum.local() += 1;
    }
    CHECK(sum.combine(0L, [](long so_far, long one) { return so_far + one; }) == 3000L * 3001 + 1);
    CHECK(sum.size() <= 6);
    int visited = 0;
    sum.for_each([&](long& one) {
        ++visited;
        one = 0;
    });
    CHECK(visited == static_cast<int>(sum.size()));
    CHECK(sum.combine(0L, [](long so_far, long one) { return so_far + one; }) == 0);
}

TEST_CASE("more objects than a thread remembers by heart keep their values apart") {
    std::vector<std::unique_ptr<yoke::worker_local<std::size_t>>> many;
    for (std::size_t i = 0; i != 200; ++i) {
        many.push_back(std::make_unique<yoke::worker_local<std::size_t>>([i] { return i; }));
        many.back()->local() += 1000;
    }
    for (int round = 0; round != 3; ++round)
        for (std::size_t i = 0; i != many.size(); ++i) REQUIRE(many[i]->local() == i + 1000);
}

TEST_CASE("an object that takes another's place in memory does not find its values") {
    alignas(yoke::worker_local<int>) unsigned char memory[sizeof(yoke::worker_local<int>)];
    for (int i = 0; i != 100; ++i) {
        auto* const number = new (memory) yoke::worker_local<int>([i] { return i; });
        REQUIRE(number->local() == i);
        number->~worker_local();
    }
}

TEST_CASE("clear destroys the values, and who asks again has a new one made") {
    yoke::worker_local<counted> values([] { return counted(1); });
    values.local().value = 9;
    values.clear();
    CHECK(alive == 0);
    CHECK(values.size() == 0);
    CHECK(values.local().value == 1);
}

TEST_CASE("many threads ask for the first time at once", "[concurrent]") {
    for (int round = 0; round != 50; ++round) {
        yoke::worker_local<int> number;
        std::latch start(8);
        std::vector<std::thread> threads;
        for (int t = 0; t != 8; ++t) {
            threads.emplace_back([&] {
                start.arrive_and_wait();
                for (int i = 0; i != 100; ++i) ++number.local();
            });
        }
        for (auto& thread : threads) thread.join();
        REQUIRE(number.size() == 8);
        number.for_each([](int one) { REQUIRE(one == 100); });
    }
}

TEST_CASE("each worker process makes its own value and keeps it from task to task", "[process]") {
    REQUIRE(made_before_main == std::to_string(::getpid()));
    yoke::process_pool pool(2);
    std::set<std::string> seen;
    for (int i = 0; i != 50; ++i) {
        auto [pid, value] = pool.submit([] {
                                    of_each_process.local() += '+';
                                    return std::pair(std::to_string(::getpid()), of_each_process.local());
                                })
                                .get();
        REQUIRE(value.substr(0, value.find('+')) == pid);
        seen.insert(value);
    }
    CHECK(seen.size() == 50);  // longer by one for each task of a worker
    CHECK(of_each_process.local() == made_before_main);
}

TEST_CASE("a worker that takes another's place makes its own value anew", "[process]") {
    const auto look = [] {
        of_each_process.local() += '+';
        return std::pair(std::to_string(::getpid()), of_each_process.local());
    };
    // After a crash, and after a worker that left because it had run its three tasks.
    yoke::process_pool pool({.workers = 1, .tasks_per_worker = 3});
    std::set<std::string> pids;
    for (int round = 0; round < 4; ++round) {
        for (int i = 1; i <= 3; ++i) {
            const auto [pid, value] = pool.submit(look).get();
            REQUIRE(value == pid + std::string(static_cast<std::size_t>(i), '+'));
            pids.insert(pid);
        }
        REQUIRE_THROWS_AS(pool.submit([] { ::raise(SIGKILL); }).get(), yoke::worker_lost);
    }
    CHECK(pids.size() == 4);
}

TEST_CASE("a forked child has none of its parent's values and destroys none", "[process]") {
    auto values = std::make_unique<yoke::worker_local<counted>>([] { return counted(1); });
    values->local().value = 5;
    const ::pid_t child = ::fork();
    if (child == 0) {
        bool right = values->size() == 0 && values->local().value == 1 && alive == 2 && values->size() == 1;
        values.reset();
        right = right && alive == 1;
        ::_exit(right ? 0 : 1);
    }
    int status = -1;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK(status == 0);
    CHECK(values->local().value == 5);
}
