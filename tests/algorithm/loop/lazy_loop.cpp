// SPDX-License-Identifier: MIT
// labels: concurrent
#include "catch.hpp"
#include "support/counting.hpp"

#include <yoke/algorithm/map.hpp>
#include <yoke/algorithm/reduce.hpp>
#include <yoke/executor/thread_pool.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <new>
#include <numeric>
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
// Catch2 asks for memory in this way too, and an address sanitizer sees whether it is given back to where it came from.
[[gnu::noinline]] void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
    return std::malloc(size);
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace {

using yoke::thread_pool;

yoke_test::counting upto(std::size_t n) { return yoke_test::counting(n); }

/// Some microseconds of work for a large `steps`.
unsigned work(unsigned value, std::size_t steps) {
    volatile unsigned chain = value;  // or the compiler may see that nobody needs the steps
    for (std::size_t i = 0; i != steps; ++i) chain = chain * 1664525U + 1013904223U;
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
    std::atomic<int> met{0};
    for (int round = 0; round != 100; ++round) {
        thread_pool pool(4);
        meeting outside(4);
        const auto arrive_at = [&](meeting& place) {
            place.arrive();
            ++met;
        };
        yoke::for_each(pool, upto(4), [&](std::size_t) { arrive_at(outside); });
        meeting inside(4);
        pool.submit([&] { yoke::for_each(pool, upto(4), [&](std::size_t) { arrive_at(inside); }); }).get();
    }
    REQUIRE(met == 100 * 2 * 4);
}

TEST_CASE("while one thread is held up by an item, others do what it has offered before", "[concurrent]") {
    thread_pool pool(2);
    std::atomic<int> calls{0};
    const auto held_up = [&] {
        std::atomic<bool> others{false};
        yoke::for_each(pool, upto(2000), [&](std::size_t i) {
            ++calls;
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
    REQUIRE(calls == 5 * 2 * 2000);
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

// What the loop decides, by a clock that the items themselves move, and an executor that writes down what is asked of
// it.

namespace {

struct manual_clock {
    using duration = std::chrono::nanoseconds;
    using rep = duration::rep;
    using period = duration::period;
    using time_point = std::chrono::time_point<manual_clock>;
    static inline thread_local rep ns = 0;
    static inline thread_local int looks = 0;
    static time_point now() noexcept {
        ++looks;
        return time_point(duration(ns));
    }
};

/// Calls everything in order, here.
struct recorder {
    std::size_t threads = 2;
    bool inside = false;  // called by a worker
    bool closed_to_callers = false;
    bool full = false;     // no room for one more who takes part
    bool thieves = false;  // what is forked is run by another thread
    bool wanted = false;   // somebody is idle
    int visits = 0;        // take_part
    int handed = 0;        // invoke of one function
    int forks = 0;         // invoke of two
    std::size_t done = 0;  // items
    std::size_t done_alone = 0;

    [[nodiscard]] std::size_t concurrency() const { return threads; }
    [[nodiscard]] bool forks_here() const { return inside; }
    [[nodiscard]] bool wants_forks() const { return wanted; }
    [[nodiscard]] bool admits_callers() const { return !closed_to_callers; }
    void require_open() const {}
    template <class F>
    void take_part(F f) {
        if (inside) return f();
        ++visits;
        enter(!full, f);
    }
    template <class F>
    void invoke(F f) {
        ++handed;
        enter(true, f);
    }
    template <class F, class G>
    void invoke(F f, G g) {
        ++forks;
        f();
        if (!thieves) return g();
        std::thread(std::ref(g)).join();
    }

private:
    template <class F>
    void enter(bool as_worker, F& f) {
        const bool before = std::exchange(inside, inside || as_worker);
        if (done_alone == 0) done_alone = done;
        f();
        inside = before;
    }
};

/// A loop whose items take `cost` ns, and which must be done in order, as the recorder has but one thread.
struct costly_items {
    struct value {};
    recorder& ex;
    long cost;
    long interruption;  // of the first
    bool in_order = true;
    void run(value&, std::size_t& from, std::size_t to) {
        in_order = in_order && from == ex.done;
        ex.done = to;
        manual_clock::ns += cost * static_cast<long>(to - from) + (from == 0 ? interruption : 0);
        from = to;
    }
    void join(value&, value&&) noexcept {}
};

recorder done_by(recorder ex, std::size_t items, long cost, long interruption = 0) {
    costly_items body{ex, cost, interruption};
    yoke::detail::lazy_loop<recorder, costly_items, manual_clock>(ex, body).run(items);
    REQUIRE(body.in_order);
    REQUIRE(ex.done == items);
    return ex;
}

}  // namespace

TEST_CASE("a caller from outside keeps what is not worth waking a worker") {
    for (const bool wanted : {false, true}) {
        for (const long cost : {0L, 1L, 5L, 19L}) {
            const recorder seen = done_by({.wanted = wanted}, 1000, cost);
            REQUIRE(seen.visits == 0);
            REQUIRE(seen.handed == 0);
            REQUIRE(seen.forks == 0);
        }
    }
}

TEST_CASE("a caller from outside takes part as soon as it is known that it is worth while") {
    // Whatever an item costs: a microsecond is measured, and then it is known.
    for (const long cost : {25L, 100L, 500L, 900L, 1000L, 5000L}) {
        const recorder seen = done_by({}, 10'000, cost);
        REQUIRE(seen.visits == 1);
        REQUIRE(seen.handed == 0);
        REQUIRE(static_cast<long>(seen.done_alone) * cost <= std::max(3000L, cost));
    }
}

TEST_CASE("a worker begins a loop alone, and shares it once it is known to be worth a theft") {
    REQUIRE(done_by({.inside = true, .wanted = true}, 1000, 1).forks == 0);
    REQUIRE(done_by({.inside = true, .wanted = true}, 1000, 100).forks > 0);
}

TEST_CASE("a part is split only while somebody wants some, and into no less than is worth a theft") {
    REQUIRE(done_by({.wanted = false}, 10'000, 100).forks == 0);
    // 1 ms is halved into parts of 7.8 us, which are not halved again: at most 10 us are worth no theft.
    const int forks = done_by({.wanted = true}, 10'000, 100).forks;
    REQUIRE(forks >= 100);
    REQUIRE(forks <= 127);
}

TEST_CASE("up to four items a thread are offered before the first is done, in halves") {
    for (const bool inside : {false, true}) {
        for (const long cost : {1L, 500L}) {
            const recorder seen = done_by({.inside = inside}, 8, cost);
            REQUIRE(seen.visits == (inside ? 0 : 1));
            REQUIRE(seen.done_alone == 0);
            REQUIRE(seen.forks == 3);  // the upper 4, 2 and 1
        }
        REQUIRE(done_by({.inside = inside}, 8, 20'000).forks == 7);  // long ones one by one
    }
    REQUIRE(done_by({.threads = 16}, 64, 1).forks == 6);
    REQUIRE(done_by({}, 9, 1).forks == 0);
}

TEST_CASE("a loop of cheap items, of any size, is split log2(n) times at most, and more than four a thread "
          "not at all") {
    for (const std::size_t threads : {1U, 2U, 8U, 64U}) {
        for (const bool inside : {false, true}) {
            for (const std::size_t items :
                 {1U,  2U,   3U,   4U,   7U,   8U,   9U,   16U,  32U,  33U,   63U,  64U,
                  65U, 127U, 128U, 129U, 255U, 256U, 257U, 512U, 513U, 4096U, 4097U}) {
                const recorder seen =
                    done_by({.threads = threads, .inside = inside, .wanted = true}, items, 1);
                int halvings = 0;
                for (std::size_t left = items; left > 1; left -= left / 2) ++halvings;
                const bool few = threads != 1 && items > 1 && items <= 4 * threads;
                CAPTURE(threads, inside, items);
                REQUIRE(seen.forks <= (few ? halvings : 0));
                REQUIRE(seen.visits == (few && !inside ? 1 : 0));
                REQUIRE(seen.handed == 0);
            }
        }
    }
}

TEST_CASE("nobody looks at the clock after the last item of a loop") {
    const auto looks = [](std::size_t items) {
        const int before = manual_clock::looks;
        done_by({}, items, 1);
        return manual_clock::looks - before;
    };
    REQUIRE(looks(1) == 1);   // when it begins
    REQUIRE(looks(9) == 3);   // and after the items 0 and 4; the blocks are of 1, 4 and 4
    REQUIRE(looks(10) == 3);  // the blocks are of 1, 4 and 5
    // Offered before, in blocks of 1, 1, 2 and 4: when the four lower and the three upper parts begin, and after the
    // items 0, 1 and 3.
    REQUIRE(looks(8) == 7 + 3);
}

TEST_CASE("a thief of items that nobody has tried offers them before it does the first, too") {
    // The upper half of eight is stolen: each half is split twice more.
    REQUIRE(done_by({.thieves = true}, 8, 1).forks == 7);
    // What a thief has learned elsewhere does not keep it from that, and what it learns others do not know.
    REQUIRE(done_by({.threads = 4, .thieves = true}, 16, 1).forks == 15);
}

TEST_CASE("few items that are known to be long are split down to single ones, whoever wants them") {
    // Up to 64 per thread are few.
    const recorder long_ones = done_by({}, 200, 20'000);
    REQUIRE(long_ones.done_alone == 1);
    REQUIRE(long_ones.forks == 127);
    REQUIRE(done_by({.wanted = true}, 200, 20'000).forks == 198);
}

TEST_CASE("an interruption does not make many cheap items be split down to single ones") {
    for (const bool inside : {false, true}) {
        REQUIRE(done_by({.inside = inside, .wanted = false}, 100'000, 10, 10'000'000).forks == 0);
    }
}

TEST_CASE("a pool of one thread is handed what is left") {
    const recorder seen = done_by({.threads = 1}, 10'000, 100);
    REQUIRE(seen.visits == 0);
    REQUIRE(seen.handed == 1);
    REQUIRE(done_by({.threads = 1}, 1000, 1).handed == 0);
}

TEST_CASE("an executor that admits no callers is handed everything") {
    for (const std::size_t items : {1U, 8U, 10'000U}) {
        const recorder seen = done_by({.closed_to_callers = true}, items, 1);
        REQUIRE(seen.visits == 0);
        REQUIRE(seen.handed >= 1);
        REQUIRE(seen.done_alone == 0);
    }
}

TEST_CASE("who finds no room to take part does all in order") {
    for (const std::size_t items : {8U, 10'000U}) {
        const recorder seen = done_by({.full = true, .wanted = true}, items, 20'000);
        REQUIRE(seen.visits == 1);
        REQUIRE(seen.forks == 0);
    }
}

TEST_CASE("a short loop from outside never leaves its caller and allocates nothing", "[concurrent]") {
    struct body {
        struct value {};
        std::thread::id* id;
        void run(value&, std::size_t& from, std::size_t to) {
            for (; from != to; ++from, ++manual_clock::ns) id[from] = std::this_thread::get_id();
        }
        void join(value&, value&&) noexcept {}
    };
    thread_pool pool(2);
    std::thread::id id[1000];
    body items{id};
    const std::size_t before = allocations;
    yoke::detail::lazy_loop<thread_pool, body, manual_clock>(pool, items).run(1000);
    const bool allocated = allocations != before;
    REQUIRE_FALSE(allocated);
    REQUIRE(std::all_of(id, id + 1000, [](auto each) { return each == std::this_thread::get_id(); }));
    REQUIRE(pool.statistics().threads == 0);
}

TEST_CASE("forks allocate nothing", "[concurrent]") {
    thread_pool pool(2);
    struct tree {
        thread_pool& pool;
        long operator()(int height) const {
            if (height == 0) return 1;
            const auto [a, b] =
                pool.invoke([&] { return (*this)(height - 1); }, [&] { return (*this)(height - 1); });
            return a + b;
        }
    };
    std::size_t allocated = 1;
    const long leaves = pool.invoke([&] {
        // Both workers have begun, and what they keep has been made.
        meeting both(2);
        pool.invoke([&] { both.arrive(); }, [&] { both.arrive(); });
        const std::size_t before = allocations;
        const long sum = tree{pool}(14);
        allocated = allocations - before;
        return sum;
    });
    REQUIRE(leaves == 1 << 14);
    REQUIRE(allocated == 0);
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

TEST_CASE("a fifth caller from outside does its loop alone", "[concurrent]") {
    thread_pool pool(2);
    std::atomic<int> inside{0};
    std::atomic<bool> over{false};
    std::vector<std::thread> callers;
    for (int c = 0; c != 4; ++c) {
        callers.emplace_back([&] {
            pool.take_part([&] {
                ++inside;
                inside.notify_all();
                over.wait(false);
            });
        });
    }
    for (int now = inside; now != 4; now = inside) inside.wait(now);
    const auto here = std::this_thread::get_id();
    std::atomic<int> elsewhere{0};
    std::vector<int> done(10'000);
    pool.take_part([&] { REQUIRE_FALSE(pool.forks_here()); });
    yoke::for_each(pool, upto(done.size()), [&](std::size_t i) {
        ++done[i];
        if (std::this_thread::get_id() != here) ++elsewhere;
        work(1, 20);
    });
    over = true;
    over.notify_all();
    for (auto& caller : callers) caller.join();
    REQUIRE(elsewhere == 0);
    REQUIRE(done == std::vector<int>(10'000, 1));
}

TEST_CASE("a loop at the bottom of a chain of forks that fills the worker's deque goes on in order",
          "[concurrent]") {
    for (const std::size_t threads : {1U, 2U}) {
        thread_pool pool(threads);
        std::vector<std::atomic<unsigned char>> done(20'000);
        struct chain {
            thread_pool& pool;
            std::vector<std::atomic<unsigned char>>& done;
            void operator()(int length) const {
                if (length != 0) return pool.invoke([&] { (*this)(length - 1); }, [] {});
                yoke::for_each(pool, upto(done.size()), [&](std::size_t i) {
                    work(1, 5);
                    ++done[i];
                });
            }
        };
        pool.invoke([&] { chain{pool, done}(400); });
        REQUIRE(std::all_of(done.begin(), done.end(), [](const auto& times) { return times == 1; }));
    }
}

TEST_CASE("who takes part is a task that runs", "[concurrent]") {
    thread_pool pool(2);
    const bool counted = pool.take_part([&] {
        const auto now = pool.statistics();
        return now.running == 1 && now.queued == 0 && now.done == 0;
    });
    REQUIRE(counted);
    REQUIRE(pool.statistics().running == 0);
    REQUIRE(pool.statistics().done == 1);
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
