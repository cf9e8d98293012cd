// SPDX-License-Identifier: MIT
// labels: concurrent
#include "catch.hpp"

#include <yoke/algorithm/map.hpp>
#include <yoke/algorithm/reduce.hpp>
#include <yoke/executor/thread_pool.hpp>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <new>
#include <numeric>
#include <ranges>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace {
std::atomic<std::size_t> allocations{0};
}

[[gnu::noinline]] void* operator new(std::size_t size) {
    allocations.fetch_add(1, std::memory_order_relaxed);
    if (void* const memory = std::malloc(size)) return memory;
    throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace {

using yoke::thread_pool;

auto upto(std::size_t n) { return std::views::iota(std::size_t{0}, n); }

/// Some microseconds of work for a large `steps`.
unsigned work(unsigned value, std::size_t steps) {
    std::atomic<unsigned> chain{value};
    for (std::size_t i = 0; i != steps; ++i) chain.store(chain.load() * 1664525U + 1013904223U);
    return chain;
}

class meeting {
public:
    explicit meeting(int of) : of_(of) {}
    void arrive() {
        ++arrived_;
        arrived_.notify_all();
        for (int now = arrived_.load(); now < of_; now = arrived_.load()) arrived_.wait(now);
    }

private:
    const int of_;
    std::atomic<int> arrived_{0};
};

}  // namespace

TEST_CASE("few items are shared at once, from outside and from inside a task", "[concurrent]") {
    // All four meet, so each needs a thread of its own.
    for (int round = 0; round != 100; ++round) {
        thread_pool pool(4);
        meeting outside(4);
        yoke::for_each(pool, upto(4), [&](std::size_t) { outside.arrive(); });
        meeting inside(4);
        pool.submit([&] { yoke::for_each(pool, upto(4), [&](std::size_t) { inside.arrive(); }); }).get();
    }
    SUCCEED();
}

TEST_CASE("while one thread is held up by an item, others do what it has offered before", "[concurrent]") {
    thread_pool pool(2);
    const auto held_up = [&] {
        std::atomic<bool> others{false};
        yoke::for_each(pool, upto(2000), [&](std::size_t i) {
            work(1, 2000);
            if (i == 900) {
                others.wait(false);
            } else if (i >= 1000) {
                others = true;
                others.notify_all();
            }
        });
    };
    for (int round = 0; round != 5; ++round) {
        held_up();
        pool.submit(held_up).get();
    }
    SUCCEED();
}

TEST_CASE("items that differ wildly in cost are each done once", "[concurrent]") {
    for (const std::size_t threads : {1U, 2U, 64U}) {
        thread_pool pool(threads);
        std::vector<std::atomic<unsigned char>> done(20'000);
        yoke::for_each(pool, upto(done.size()), [&](std::size_t i) {
            work(1, i % 1000 == 999 ? 20'000 : i % 7);
            ++done[i];
        });
        REQUIRE(std::all_of(done.begin(), done.end(), [](const auto& times) { return times == 1; }));
    }
}

TEST_CASE("a short loop from outside never leaves its caller and allocates nothing") {
    thread_pool pool(2);
    std::vector<unsigned> numbers(1000);
    std::thread::id id[1000];
    const auto here = std::this_thread::get_id();
    // A caller that is interrupted may take long enough to call for help; most are not.
    bool alone = false;
    for (int attempt = 0; attempt != 1000 && !alone; ++attempt) {
        const std::size_t before = allocations;
        yoke::for_each(pool, upto(numbers.size()), [&](std::size_t i) {
            ++numbers[i];
            id[i] = std::this_thread::get_id();
        });
        alone = allocations == before && std::all_of(id, id + 1000, [&](auto each) { return each == here; });
    }
    REQUIRE(alone);
}

TEST_CASE("no two threads call the body at once on a pool of one thread", "[concurrent]") {
    thread_pool pool(1);
    std::atomic<int> inside{0};
    std::atomic<bool> together{false};
    for (const std::size_t size : {10U, 5000U}) {
        yoke::for_each(pool, upto(size), [&](std::size_t) {
            if (++inside != 1) together = true;
            work(1, 50);
            --inside;
        });
    }
    REQUIRE_FALSE(together);
}

TEST_CASE("the error of the first item in the order of the range is thrown when all has settled",
          "[concurrent]") {
    thread_pool pool(3);
    for (int round = 0; round != 50; ++round) {
        for (const std::size_t size : {200U, 20'000U}) {
            const std::size_t first = size / 3;
            std::atomic<int> inside{0};
            std::atomic<std::size_t> before{0};
            std::size_t thrown = 0;
            try {
                yoke::for_each(pool, upto(size), [&](std::size_t i) {
                    ++inside;
                    work(1, 10);
                    --inside;
                    if (i < first) ++before;
                    if (i == first || i > size / 2) throw i;
                });
            } catch (std::size_t item) {
                thrown = item;
            }
            REQUIRE(thrown == first);
            REQUIRE(inside == 0);
            REQUIRE(before == first);  // what comes before the error is done
        }
    }
}

TEST_CASE("loops nest in tasks and in one another", "[concurrent]") {
    for (const std::size_t threads : {1U, 2U, 5U}) {
        thread_pool pool(threads);
        const auto sums = yoke::map(pool, upto(100), [&](std::size_t x) {
            return yoke::transform_reduce(pool, upto(x), std::size_t{0}, std::plus<>(),
                                          [&](std::size_t y) { return y + work(0, 5) * 0; });
        });
        bool right = true;
        for (std::size_t i = 0; i != sums.size(); ++i) right = right && sums[i] == i * (i - 1) / 2;
        REQUIRE(right);
    }
}

TEST_CASE("a closed pool refuses loops from outside, and goes on with those of its tasks", "[concurrent]") {
    thread_pool pool(2);
    std::atomic<int> calls{0};
    pool.submit([&] {
            pool.shutdown();
            yoke::for_each(pool, upto(1000), [&](std::size_t) {
                work(1, 100);
                ++calls;
            });
        })
        .get();
    REQUIRE(calls == 1000);
    REQUIRE_THROWS_AS(yoke::for_each(pool, upto(1000), [&](std::size_t) { ++calls; }), yoke::pool_closed);
    REQUIRE_THROWS_AS(yoke::for_each(pool, upto(2), [&](std::size_t) { ++calls; }), yoke::pool_closed);
    REQUIRE(calls == 1000);
}

TEST_CASE("many callers from outside share a pool, more than can take part at a time", "[concurrent]") {
    thread_pool pool(2);
    std::vector<std::thread> callers;
    std::atomic<int> wrong{0};
    for (int c = 0; c != 8; ++c) {
        callers.emplace_back([&] {
            for (int round = 0; round != 5; ++round) {
                const auto squares = yoke::map(pool, upto(3000), [](std::size_t i) {
                    work(1, 20);
                    return i * i;
                });
                for (std::size_t i = 0; i != squares.size(); ++i) wrong += squares[i] != i * i;
            }
        });
    }
    for (auto& caller : callers) caller.join();
    REQUIRE(wrong == 0);
}

TEST_CASE("results of every kind are put in place", "[concurrent]") {
    struct no_default {
        explicit no_default(std::size_t v) : value(v) {}
        std::size_t value;
    };
    thread_pool pool(2);
    constexpr std::size_t size = 5000;
    const auto a = yoke::map(pool, upto(size), [](std::size_t i) { return no_default(i); });
    const auto c =
        yoke::map(pool, upto(size), [](std::size_t i) { return std::make_unique<std::size_t>(i); });
    const std::vector<bool> d = yoke::map(pool, upto(size), [](std::size_t i) { return i % 3 == 0; });
    bool right = a.size() == size && c.size() == size && d.size() == size;
    for (std::size_t i = 0; i != size; ++i)
        right = right && a[i].value == i && *c[i] == i && d[i] == (i % 3 == 0);
    REQUIRE(right);
    // A vector of bits is read, but not written at several places of one byte.
    std::vector<bool> bits = d;
    yoke::for_each(pool, bits, [](auto&&) {});
    REQUIRE(yoke::map(pool, bits, [](bool bit) { return bit; }) == d);
}

TEST_CASE("operands keep their order and init is used once", "[concurrent]") {
    thread_pool pool(3);
    for (const std::size_t size : {0U, 1U, 2U, 130U, 20'000U}) {
        std::string expected = "<";
        for (std::size_t i = 0; i != size; ++i) expected += std::to_string(i) + ",";
        REQUIRE(yoke::transform_reduce(pool, upto(size), std::string("<"), std::plus<>(),
                                       [](std::size_t i) { return std::to_string(i) + ","; }) == expected);
    }
    std::vector<double> ones(100'003, 1.0);
    REQUIRE(yoke::reduce(pool, ones, 0.5) == 100'003.5);
    REQUIRE(yoke::reduce(pool, std::vector<double>(1000, 1.0), 3.0, std::multiplies<>()) == 3.0);
    std::vector<float> few{1, 2, 3};
    REQUIRE(yoke::reduce(pool, few, 0.0F) == 6.0F);
    REQUIRE_THROWS_AS(
        yoke::reduce(pool, ones, 0.0, [](double, double) -> double { throw std::domain_error("op"); }),
        std::domain_error);
}
