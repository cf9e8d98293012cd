// SPDX-License-Identifier: MIT
// labels: concurrent
#include "catch.hpp"

#include <yoke/executor/thread/tasks.hpp>
#include <yoke/executor/thread_pool.hpp>

#include <array>
#include <atomic>
#include <cstdint>
#include <latch>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>

using yoke::detail::fits_slot;
using yoke::detail::nobody;

namespace {

using core = yoke::detail::pool_core<yoke::detail::work_stealing_queues>;

template <std::size_t Size>
struct call_of_size {
    std::array<char, Size> bytes;
    void operator()() const {}
};
struct throws_when_moved {
    throws_when_moved() = default;
    throws_when_moved(throws_when_moved&&) noexcept(false) {}
    void operator()() const {}
};

/// The first copy succeeds, the second throws.
struct copied_once {
    copied_once() = default;
    copied_once(const copied_once& other) : copies(other.copies + 1) {
        if (copies == 1) throw std::runtime_error("no more");
    }
    copied_once(copied_once&&) noexcept = default;
    void operator()() const {}
    int copies = 0;
};

}  // namespace

TEST_CASE("a detached call of up to 40 bytes that can be moved without an exception lies in the queue") {
    STATIC_REQUIRE(fits_slot<core, nobody, call_of_size<1>>);
    STATIC_REQUIRE(fits_slot<core, nobody, call_of_size<40>>);
    STATIC_REQUIRE_FALSE(fits_slot<core, nobody, call_of_size<41>>);
    STATIC_REQUIRE(fits_slot<core, nobody, void (*)(int, double), int, double>);
    STATIC_REQUIRE_FALSE(fits_slot<core, nobody, throws_when_moved>);
}

TEST_CASE("a task whose copy throws leaves its place in the queue without harm", "[concurrent]") {
    yoke::thread_pool pool(1);
    std::atomic<int> ran{0};
    const copied_once call;
    for (int i = 0; i != 3000; ++i) {
        REQUIRE_THROWS_AS(pool.detach(call), std::runtime_error);
        pool.detach([&ran] { ++ran; });
    }
    pool.wait();
    REQUIRE(ran == 3000);
    REQUIRE(pool.statistics().done == 3000);
}

TEST_CASE("a task in the queue is gone from it when it begins", "[concurrent]") {
    // More tasks wait than the queue's ring has slots, behind one that runs all the time.
    std::latch end(1);
    yoke::thread_pool pool(2);
    pool.detach([&end] { end.wait(); });
    std::atomic<int> ran{0};
    for (int i = 0; i != 10'000; ++i) pool.detach([&ran] { ++ran; });
    pool.submit([&ran] {
            for (int now = ran.load(); now != 10'000; now = ran.load()) std::this_thread::yield();
        })
        .get();
    end.count_down();
    pool.wait();
    REQUIRE(ran == 10'000);
}

TEMPLATE_TEST_CASE("tasks of any size and alignment arrive whole", "[concurrent]", yoke::thread_pool,
                   yoke::basic_thread_pool<yoke::fifo>, yoke::basic_thread_pool<yoke::priority<>>) {
    struct alignas(64) wide {
        int value = 5;
    };
    TestType pool(2);
    std::atomic<int> wrong{0};
    std::array<char, 33> odd{};
    odd.fill(7);
    std::array<long, 100> large{};
    large.fill(9);
    for (int i = 0; i != 3000; ++i) {
        pool.detach([&wrong, odd] { wrong += odd[32] != 7; });
        pool.detach([&wrong, large] { wrong += large[99] != 9; });
        pool.detach(
            [&wrong](const wide& w, const std::unique_ptr<int>& p) {
                wrong += w.value != 5 || *p != 3 || reinterpret_cast<std::uintptr_t>(&w) % 64 != 0;
            },
            wide(), std::make_unique<int>(3));
        pool.detach([&wrong](const std::string& text) { wrong += text != "short"; }, std::string("short"));
    }
    pool.wait();
    REQUIRE(wrong == 0);
}
