// SPDX-License-Identifier: MIT
//
// What a process pool holds of memory: rooms for results, calls that wait, blocks of tasks.
#define YOKE_TEST_POINTS
#include "catch.hpp"

#include "support/process_watch.hpp"

#include <yoke/executor/inline_executor.hpp>
#include <yoke/executor/process_pool.hpp>
#include <yoke/executor/shared_memory_resource.hpp>
#include <yoke/queue/shared_queue.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstring>
#include <memory_resource>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

using namespace std::chrono_literals;

namespace {

struct shared_counts {
    std::atomic<int> rooms_wanted{0};  ///< how often a worker asked for room
    std::atomic<int> recalls{0};       ///< how often the tasks that were sent were looked through
    std::atomic<int> started{0};
    std::atomic<int> gate{0};
};
shared_counts& counts = yoke_test::make_shared_object<shared_counts>();

void count(const char* name) {
    if (std::strcmp(name, "room wanted") == 0) ++counts.rooms_wanted;
    if (std::strcmp(name, "sent tasks recalled") == 0) ++counts.recalls;
}
/// Before the fork server starts, so that the workers have it.
[[maybe_unused]] const bool counting = [] {
    yoke::detail::test_point_hook = &count;
    return true;
}();

// Different types, so that each test learns for itself.
template <int>
struct text {
    std::string operator()(std::size_t size) const { return std::string(size, 't'); }
};
template <int>
struct gated_text {
    std::string operator()(std::size_t size) const {
        ++counts.started;
        while (counts.gate == 0) std::this_thread::yield();
        return std::string(size, 't');
    }
};

std::size_t length(const std::string& value) { return value.size(); }
std::size_t gated_length(const std::string& value) {
    ++counts.started;
    while (counts.gate == 0) std::this_thread::yield();
    return value.size();
}
std::size_t arena_bytes() { return yoke::detail::process_host::instance().arena().used(); }

}  // namespace

TEST_CASE("only the first result of a kind asks for room, until there is a larger one", "[process]") {
    const yoke_test::watchdog dog("rooms for results");
    yoke::process_pool pool(2);
    counts.rooms_wanted = 0;
    REQUIRE(pool.submit(text<1>{}, std::size_t{4'096}).get().size() == 4'096);
    REQUIRE(counts.rooms_wanted == 1);
    for (int i = 0; i < 50; ++i) REQUIRE(pool.submit(text<1>{}, std::size_t{4'096}).get().size() == 4'096);
    REQUIRE(counts.rooms_wanted == 1);
    // Those that wait in slots, too, and with attempts left, which keeps the result out of the call's own place.
    std::vector<yoke::future<std::string>> many;
    for (std::size_t i = 0; i < 100; ++i) many.push_back(pool.submit({.attempts = 2}, text<1>{}, 4'000 + i));
    for (auto& one : many) REQUIRE(one.get().size() >= 4'000);
    REQUIRE(counts.rooms_wanted == 1);
    REQUIRE(pool.submit(text<1>{}, std::size_t{64} << 10).get().size() == 64 << 10);
    REQUIRE(counts.rooms_wanted == 2);
    REQUIRE(pool.submit(text<1>{}, std::size_t{64} << 10).get().size() == 64 << 10);
    REQUIRE(counts.rooms_wanted == 2);
}

TEST_CASE("small results after large ones cost no room for long", "[process]") {
    yoke::detail::expected_size results;
    results.learn(1'000'000);
    REQUIRE(results.bytes() >= 1'000'000);
    int looks = 0;
    for (; results.bytes() != 0 && looks < 1'000; ++looks) results.learn(100);
    REQUIRE(looks < 500);
    // One size again and again settles, whatever came before.
    for (const std::size_t before : {std::size_t{1}, std::size_t{5'000}, std::size_t{70'000}}) {
        yoke::detail::expected_size again;
        again.learn(before);
        for (int i = 0; i < 500; ++i) again.learn(5'000);
        REQUIRE(again.bytes() >= 5'000);
        REQUIRE(again.bytes() < 6'000);
    }
}

TEST_CASE("rooms that were given ahead are bounded, and come back whatever becomes of the task",
          "[process]") {
    const yoke_test::watchdog dog("rooms that come back");
    constexpr std::size_t size = 512 << 10;
    yoke::process_pool pool({.workers = 2});
    REQUIRE(pool.submit(text<2>{}, size).get().size() == size);  // and its memory is at hand from now on
    pool.wait();
    const std::size_t before = arena_bytes();
    counts.started = counts.gate = 0;
    auto hold = pool.submit(gated_length, std::string());
    auto hold_more = pool.submit(gated_length, std::string());
    while (counts.started != 2) std::this_thread::yield();
    std::vector<yoke::future<std::string>> sent;
    for (int i = 0; i < 200; ++i) sent.push_back(pool.submit(text<2>{}, size));
    REQUIRE(arena_bytes() - before <= 16 << 20);
    for (std::size_t i = 0; i < 200; i += 2) REQUIRE(sent[i].cancel());
    // What has a greater priority has them sent again.
    auto urgent = pool.submit({.priority = 1}, text<2>{}, size);
    counts.gate = 1;
    REQUIRE(urgent.get().size() == size);
    for (std::size_t i = 1; i < 200; i += 2) REQUIRE(sent[i].get().size() == size);
    hold.get();
    hold_more.get();
    pool.wait();
    REQUIRE(arena_bytes() == before);
    REQUIRE_THROWS_AS(pool.submit([](const std::string&) -> std::string { throw std::runtime_error("no"); },
                                  std::string(10'000, 'x'))
                          .get(),
                      std::runtime_error);
    pool.wait();
    REQUIRE(arena_bytes() == before);
}

TEST_CASE("a task that makes way for a higher priority gives back the room that it was given ahead",
          "[process]") {
    const yoke_test::watchdog dog("rooms of tasks that made way");
    constexpr std::size_t size = 512 << 10;
    yoke::process_pool pool(1);
    REQUIRE(pool.submit(text<6>{}, size).get().size() == size);  // the pool has learned the size
    const int wanted = counts.rooms_wanted;
    // Rooms that were not given back would use up what may be given ahead, 16 MiB, and then workers had to ask.
    for (int round = 0; round < 80; ++round) {
        counts.started = counts.gate = 0;
        auto hold = pool.submit(gated_length, std::string());
        while (counts.started == 0) std::this_thread::yield();
        auto waiting = pool.submit(text<6>{}, size);
        auto urgent = pool.submit({.priority = 1}, text<6>{}, size);
        counts.gate = 1;
        REQUIRE(urgent.get().size() == size);
        REQUIRE(waiting.get().size() == size);
        hold.get();
    }
    REQUIRE(counts.rooms_wanted == wanted);
}

TEST_CASE("calls that wait are bounded in bytes: submit waits, try_submit fails", "[process]") {
    const yoke_test::watchdog dog("max_pending_bytes");
    yoke::process_pool pool({.workers = 1, .max_pending_bytes = 100'000});
    counts.started = counts.gate = 0;
    auto first = pool.submit(gated_length, std::string(60'000, 'x'));
    while (counts.started == 0) std::this_thread::yield();
    std::string argument(60'000, 'y');
    REQUIRE_FALSE(pool.try_submit(length, argument));
    REQUIRE(argument.size() == 60'000);
    REQUIRE(pool.try_submit(length, std::string(30'000, 'z')));
    std::atomic<bool> in{false};
    std::thread other([&] {
        auto second = pool.submit(length, argument);
        in = true;
        second.get();
    });
    REQUIRE_FALSE(pool.try_submit(length, argument));
    REQUIRE_FALSE(in);
    counts.gate = 1;
    REQUIRE(first.get() == 60'000);
    other.join();
    pool.wait();
    REQUIRE(pool.try_submit(length, argument).value().get() == 60'000);
}

TEST_CASE("a call or a result that is larger than the whole bound is refused by name", "[process]") {
    const yoke_test::watchdog dog("larger than the bound");
    yoke::process_pool pool({.workers = 1, .max_pending_bytes = 100'000});
    const auto text_of = [](auto&& call) -> std::string {
        try {
            call();
        } catch (const yoke::message_too_large& error) {
            return error.what();
        }
        return {};
    };
    const std::string call =
        text_of([&] { static_cast<void>(pool.submit(length, std::string(200'000, 'x'))); });
    CAPTURE(call);
    REQUIRE(call.find("max_pending_bytes") != std::string::npos);
    REQUIRE(call.find("100000") != std::string::npos);
    REQUIRE(call.find("2000") != std::string::npos);
    const std::string result = text_of([&] { pool.submit(text<3>{}, 200'000).get(); });
    CAPTURE(result);
    REQUIRE(result.find("max_pending_bytes") != std::string::npos);
    REQUIRE(result.find("100000") != std::string::npos);
    REQUIRE(pool.submit(text<3>{}, 90'000).get().size() == 90'000);
    REQUIRE(pool.submit(length, std::string(90'000, 'x')).get() == 90'000);
}

TEST_CASE("a worker that waits for room is answered as soon as a thread has read another result",
          "[process]") {
    const yoke_test::watchdog dog("results beyond the bound, read by threads");
    yoke::detail::test_heals = false;
    {
        yoke::process_pool pool({.workers = 2, .max_pending_bytes = 1 << 20});
        for (int round = 0; round < 50; ++round) {
            auto one = pool.submit(text<5>{}, 600'000);
            auto two = pool.submit(text<5>{}, 600'000);
            REQUIRE(one.get().size() == 600'000);
            REQUIRE(two.get().size() == 600'000);
        }
    }
    yoke::detail::test_heals = true;
}

TEST_CASE("results that are not read are bounded in bytes: workers wait, and all of them come", "[process]") {
    const yoke_test::watchdog dog("results beyond the bound");
    yoke::process_pool pool({.workers = 4, .max_pending_bytes = 1 << 20});
    const std::size_t before = arena_bytes();
    std::vector<yoke::future<std::string>> results;
    for (int i = 0; i < 60; ++i) results.push_back(pool.submit(text<4>{}, 600'000));
    std::size_t most = 0;
    std::thread watch([&] {
        for (auto& result : results) {
            while (!result.wait_for(0ms)) {
                most = std::max(most, arena_bytes() - before);
                std::this_thread::yield();
            }
        }
    });
    watch.join();
    for (auto& result : results) REQUIRE(result.get().size() == 600'000);
    REQUIRE(most <= (1 << 20) + 64 * 60);
}

TEST_CASE("what was sent is looked through for lower priorities only if there may be one", "[process]") {
    const yoke_test::watchdog dog("recalls");
    yoke::process_pool pool(1);
    counts.started = counts.gate = counts.recalls = 0;
    auto hold = pool.submit(gated_length, std::string());
    while (counts.started == 0) std::this_thread::yield();
    std::vector<yoke::future<std::size_t>> tasks;
    for (int i = 0; i < 200; ++i) tasks.push_back(pool.submit({.priority = 5}, length, std::string("x")));
    REQUIRE(counts.recalls <= 1);  // for the one that is at work
    for (int i = 0; i < 200; ++i)
        tasks.push_back(pool.submit({.priority = 5 - i % 3}, length, std::string("x")));
    REQUIRE(counts.recalls <= 1);
    // Those of priority 5 that were sent make room for this one, and come back after it.
    tasks.push_back(pool.submit({.priority = 6}, length, std::string("x")));
    REQUIRE(counts.recalls <= 2);
    counts.gate = 1;
    for (auto& task : tasks) REQUIRE(task.get() == 1);
    hold.get();
}

TEST_CASE("calls, results, resources and queues keep within the limit of shared memory", "[process]") {
    const yoke_test::watchdog dog("the limit of shared memory");
    yoke::process_pool pool({.workers = 1, .max_pending_bytes = std::size_t{1} << 30});
    yoke::detail::shared_arena& arena = yoke::detail::process_host::instance().arena();
    arena.set_limit(arena.used() + (4 << 20));
    const auto refused = [](auto&& call) {
        try {
            call();
        } catch (const std::system_error& error) {
            return error.code() == std::errc::not_enough_memory &&
                   std::string(error.what()).find("runtime_options::shared_memory") != std::string::npos;
        }
        return false;
    };
    std::string large(5 << 20, 'x');
    CHECK(refused([&] { static_cast<void>(pool.submit(length, large)); }));
    CHECK(large.size() == 5 << 20);
    yoke::shared_memory_resource shared;
    CHECK(refused([&] { std::pmr::vector<char>(5 << 20, &shared); }));
    CHECK(refused([] { yoke::shared_queue<std::array<char, 1024>> queue(5 << 10); }));
    try {
        static_cast<void>(pool.submit(text<6>{}, 5 << 20).get());
        FAIL_CHECK("it was refused");
    } catch (const yoke::message_too_large& error) {
        CHECK(std::string(error.what()).find("runtime_options::shared_memory") != std::string::npos);
    }
    // What fits still works.
    CHECK(pool.submit(length, std::string(2 << 20, 'x')).get() == 2 << 20);
    CHECK(pool.submit(text<6>{}, 2 << 20).get().size() == 2 << 20);
    arena.set_limit(0);
    CHECK(pool.submit(length, large).get() == 5 << 20);
}

TEST_CASE("the tasks of common calls live in memory that the pool keeps") {
    using call = yoke::remote_call_of<std::string (*)(const std::string&, int), std::string, int>;
    STATIC_REQUIRE(yoke::detail::fits_kept_block<yoke::detail::submitted_task<call>>);
    using long_call = yoke::remote_call_of<std::vector<std::array<double, 8>> (*)(int), int>;
    STATIC_REQUIRE(yoke::detail::fits_kept_block<yoke::detail::submitted_task<long_call>>);
}

TEST_CASE("a receiver goes beyond the bound rather than wait for itself", "[process]") {
    const yoke_test::watchdog dog("a receiver beyond the bound");
    yoke::process_pool pool({.workers = 1, .max_pending_bytes = 100'000});
    yoke::inline_executor here;
    for (const bool waits : {true, false}) {
        auto first = pool.submit(length, std::string(60'000, 'x'));
        auto then = std::move(first).then(
            here, [&](std::size_t) { return pool.submit(length, std::string(60'000, 'y')).get(); });
        if (!waits) REQUIRE(then.wait_for(60s));
        REQUIRE(then.get() == 60'000);
    }
}
