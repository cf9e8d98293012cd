// SPDX-License-Identifier: MIT
// labels: concurrent
//
// What the user's functions throw out of the loops and sort: at every call, in every algorithm, on every executor of
// this process. No item is lost or doubled, the exception comes out as itself, and nothing is still running.
#include "catch.hpp"
#include "support/failing_memory.hpp"

#include <yoke/algorithm/loop/quicksort.hpp>
#include <yoke/algorithm/map.hpp>
#include <yoke/algorithm/reduce.hpp>
#include <yoke/algorithm/scan.hpp>
#include <yoke/algorithm/sort.hpp>
#include <yoke/executor/inline_executor.hpp>
#include <yoke/executor/thread_pool.hpp>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>
#include <new>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

namespace {

using stealing_pool = yoke::thread_pool;
using fifo_pool = yoke::basic_thread_pool<yoke::fifo>;
using priority_pool = yoke::basic_thread_pool<yoke::priority<>>;

/// What is thrown: at which call.
struct blown {
    long call;
};

/// Counts the calls of what it is put into; the one with the number `at`, from 1 on, throws.
class fuse {
public:
    explicit fuse(long at) : at_(at) {}
    fuse(const fuse&) = delete;
    fuse& operator=(const fuse&) = delete;
    void operator()() {
        const long call = calls.fetch_add(1, std::memory_order_relaxed) + 1;
        if (call == at_) throw blown{call};
    }
    std::atomic<long> calls{0};

private:
    const long at_;
};

/// Some work, so that a loop of a thousand items is worth sharing.
void dawdle() {
    volatile int i = 0;
    while (i < 40) i = i + 1;
}

using item = std::unique_ptr<int>;

/// `n` items, each with a number of its own, in no order.
std::vector<item> items(std::size_t n) {
    std::vector<item> made;
    for (std::size_t i = 0; i != n; ++i)
        made.push_back(std::make_unique<int>(static_cast<int>(i * 7919 % n)));
    return made;
}
/// True if every number is there once. (7919 is prime, and no size here is a multiple of it.)
bool complete(const std::vector<item>& all) {
    std::vector<bool> seen(all.size());
    for (const item& each : all) {
        if (each == nullptr || seen[static_cast<std::size_t>(*each)]) return false;
        seen[static_cast<std::size_t>(*each)] = true;
    }
    return true;
}
bool as_made(const std::vector<item>& all) {
    for (std::size_t i = 0; i != all.size(); ++i) {
        if (all[i] == nullptr || *all[i] != static_cast<int>(i * 7919 % all.size())) return false;
    }
    return true;
}

/// Calls `run(fuse)` with a fuse for the first call, then for one `step` later, and so on, until none is blown.
/// `check(k)` is called after each that was, by number k, and must find everything as it should be.
template <class Run, class Check>
long blow_at_every_call(long step, Run&& run, Check&& check) {
    for (long at = 1;; at += step) {
        fuse here(at);
        try {
            run(here);
        } catch (const blown& thrown) {
            const long calls = here.calls;
            const bool as_documented = thrown.call == at && check(at) && here.calls == calls;
            CAPTURE(at);
            REQUIRE(as_documented);
            continue;
        }
        REQUIRE(here.calls < at);
        return at;
    }
}

template <class E>
void check_sort(E& ex, std::size_t size, long step) {
    std::vector<item> all;
    const auto kept = [&](long) { return complete(all); };
    blow_at_every_call(
        step,
        [&](fuse& here) {
            all = items(size);
            yoke::sort(ex, all, [&](const item& a, const item& b) {
                here();
                return *a < *b;
            });
        },
        kept);
    REQUIRE(std::ranges::is_sorted(all, {}, [](const item& each) { return *each; }));
    blow_at_every_call(
        step,
        [&](fuse& here) {
            all = items(size);
            yoke::sort(ex, all, std::greater<>(), [&](const item& each) {
                here();
                return *each;
            });
        },
        kept);
    REQUIRE(std::ranges::is_sorted(all, std::greater<>(), [](const item& each) { return *each; }));
}

/// An item whose moves are copies, and throw as the fuse says.
struct moved_by_copies {
    static inline fuse* lit = nullptr;
    static void burn() {
        if (lit != nullptr) (*lit)();
    }
    explicit moved_by_copies(int v) : value(v) {}
    moved_by_copies(const moved_by_copies& other) : value((burn(), other.value)) {}
    moved_by_copies& operator=(const moved_by_copies& other) {
        value = -1;  // half done when it fails
        burn();
        value = other.value;
        return *this;
    }
    ~moved_by_copies() = default;
    int value;
};

/// Everything that goes through a range in order, but for sort.
template <class E>
void check_loops(E& ex, std::size_t size, long step, yoke::map_options options) {
    const auto all = items(size);
    std::vector<std::atomic<int>> done(size);
    const auto visit = [&](const item& each) {
        const auto index = static_cast<std::size_t>(&each - all.data());
        ++done[index];
        return *each;
    };
    const auto no_item_twice = [&] {
        bool right = as_made(all);
        for (auto& times : done) right = times.exchange(0) <= 1 && right;
        return right;
    };
    const auto unharmed = [&](long) { return no_item_twice(); };
    const auto all_once = [&] {
        return std::all_of(done.begin(), done.end(), [](auto& times) { return times == 1; }) &&
               no_item_twice();
    };
    const long sum = static_cast<long>(size) * (static_cast<long>(size) - 1) / 2;

    blow_at_every_call(
        step,
        [&](fuse& here) {
            yoke::for_each(
                ex, all,
                [&](const item& each) {
                    dawdle();
                    here();
                    visit(each);
                },
                options);
        },
        unharmed);
    std::vector<long> made;
    blow_at_every_call(
        step,
        [&](fuse& here) {
            for (auto& times : done) times = 0;
            made = yoke::map(
                ex, all,
                [&](const item& each) {
                    dawdle();
                    here();
                    return static_cast<long>(visit(each));
                },
                options);
        },
        unharmed);
    REQUIRE(all_once());
    REQUIRE(std::accumulate(made.begin(), made.end(), 0L) == sum);

    // Totals own memory, so that a sanitizer sees one that is lost or destroyed twice.
    using total = std::unique_ptr<long>;
    const auto add = [](total a, auto&& b) {
        *a += *b;
        return a;
    };
    total result;
    blow_at_every_call(
        step,
        [&](fuse& here) {
            result = yoke::transform_reduce(
                ex, all, std::make_unique<long>(0), add,
                [&](const item& each) {
                    dawdle();
                    here();
                    return std::make_unique<long>(visit(each));
                },
                options);
        },
        unharmed);
    REQUIRE(*result == sum);
    blow_at_every_call(
        step,
        [&](fuse& here) {
            result = yoke::transform_reduce(
                ex, all, std::make_unique<long>(0),
                [&](total a, total b) {
                    dawdle();
                    here();
                    return add(std::move(a), std::move(b));
                },
                [](const item& each) { return std::make_unique<long>(*each); }, options);
        },
        unharmed);
    REQUIRE(*result == sum);
    long folded = -1;
    blow_at_every_call(
        step,
        [&](fuse& here) {
            std::vector<long> numbers(size);
            std::iota(numbers.begin(), numbers.end(), 0L);
            folded = yoke::reduce(
                ex, numbers, 0L,
                [&](long a, long b) {
                    dawdle();
                    here();
                    return a + b;
                },
                options);
        },
        unharmed);
    REQUIRE(folded == sum);
}

/// A total that counts itself, and whose copies may throw as well as its additions.
struct fragile {
    static inline std::atomic<long> alive{0};
    static inline std::atomic<fuse*> lit{nullptr};
    static void burn() {
        if (fuse* const here = lit) (*here)();
    }
    fragile() { ++alive; }
    explicit fragile(const item& each) : value(*each) { ++alive; }
    fragile(const fragile& other) : value((burn(), other.value)) { ++alive; }
    fragile& operator=(const fragile& other) {
        burn();
        value = other.value;
        return *this;
    }
    ~fragile() { --alive; }
    friend fragile operator+(const fragile& a, const fragile& b) {
        dawdle();
        fragile sum;
        sum.value = a.value + b.value;
        return sum;
    }
    friend fragile operator+(const fragile& a, const item& b) { return a + fragile(b); }
    long value = 0;
};

template <class E>
void check_scans(E& ex, std::size_t size, long step) {
    const auto all = items(size);
    std::vector<fragile> out(size);
    const long alive = fragile::alive;
    const auto unharmed = [&](long) {
        fragile::lit = nullptr;
        return as_made(all) && fragile::alive == alive;
    };
    const auto totals_are_right = [&](bool inclusive) {
        long total = 0;
        for (std::size_t i = 0; i != size; ++i) {
            const long before = total;
            total += *all[i];
            if (out[i].value != (inclusive ? total : before)) return false;
        }
        return true;
    };
    for (const bool copies_throw : {false, true}) {
        const auto scan_with = [&](fuse& here, auto&& scan) {
            fragile::lit = copies_throw ? &here : nullptr;
            scan([&](const fragile& a, const auto& b) {
                if (!copies_throw) here();
                return a + b;
            });
            fragile::lit = nullptr;
        };
        blow_at_every_call(
            step,
            [&](fuse& here) {
                scan_with(here, [&](auto op) { yoke::inclusive_scan(ex, all, out.begin(), op); });
            },
            unharmed);
        REQUIRE(totals_are_right(true));
        blow_at_every_call(
            step,
            [&](fuse& here) {
                scan_with(here, [&](auto op) { yoke::exclusive_scan(ex, all, out.begin(), fragile(), op); });
            },
            unharmed);
        REQUIRE(totals_are_right(false));
        // In place: what the range holds is not specified, but it holds that many.
        std::vector<fragile> here_and_there(size);
        blow_at_every_call(
            step,
            [&](fuse& here) {
                scan_with(here, [&](auto op) {
                    yoke::inclusive_scan(ex, here_and_there, here_and_there.begin(), op);
                });
            },
            [&](long) {
                fragile::lit = nullptr;
                return fragile::alive == alive + static_cast<long>(size);
            });
    }
}

template <class E>
void check_all(E& ex) {
    for (const std::size_t size : {2U, 5U, 23U, 24U, 25U, 40U}) {
        check_sort(ex, size, 1);
        check_scans(ex, size, 1);
        for (const yoke::map_options options : {yoke::map_options(), {.chunk = 1}, {.chunk = 7, .window = 2}})
            check_loops(ex, size, 1, options);
    }
    check_sort(ex, 10'000, 30'011);
    check_scans(ex, 2000, 487);
    check_loops(ex, 2000, 487, {});
    check_loops(ex, 2000, 487, {.chunk = 100});
}

}  // namespace

TEST_CASE("whichever call throws, no item is lost or doubled and its exception comes out, inline") {
    yoke::inline_executor ex;
    check_all(ex);
}

TEMPLATE_TEST_CASE(
    "whichever call throws, no item is lost or doubled and its exception comes out, on threads",
    "[concurrent]", stealing_pool, fifo_pool, priority_pool) {
    for (const std::size_t threads : {1U, 3U}) {
        TestType pool(threads);
        check_all(pool);
        REQUIRE(pool.submit([] { return 1; }).get() == 1);
    }
}

TEMPLATE_TEST_CASE("whichever call throws inside a task, no item is lost or doubled", "[concurrent]",
                   stealing_pool, fifo_pool, priority_pool) {
    TestType pool(2);
    pool.submit([&] {
            check_sort(pool, 10'000, 60'013);
            check_scans(pool, 2000, 997);
            check_loops(pool, 2000, 997, {});
        })
        .get();
}

TEMPLATE_TEST_CASE("a pool whose threads are initialized gives back exceptions like any other",
                   "[concurrent]", stealing_pool, fifo_pool, priority_pool) {
    TestType pool({.threads = 2}, [](std::size_t) {});
    check_sort(pool, 10'000, 60'013);
    check_scans(pool, 40, 7);
    check_loops(pool, 40, 7, {});
}

TEMPLATE_TEST_CASE("of several items that fail the first in the order of the range is told", "[concurrent]",
                   stealing_pool, fifo_pool, priority_pool) {
    TestType pool(3);
    for (const std::size_t size : {5U, 40U, 2000U}) {
        for (std::size_t first = 0; first < size; first += 1 + size / 20) {
            for (const yoke::map_options options : {yoke::map_options(), {.chunk = 7}}) {
                std::vector<std::size_t> numbers(size);
                std::iota(numbers.begin(), numbers.end(), std::size_t{0});
                const auto fail = [&](std::size_t number) {
                    dawdle();
                    if (number >= first) throw blown{static_cast<long>(number)};
                    return 1;
                };
                const auto told = [&](auto&& run) {
                    try {
                        run();
                    } catch (const blown& thrown) {
                        return thrown.call == static_cast<long>(first);
                    }
                    return false;
                };
                REQUIRE(told([&] { yoke::for_each(pool, numbers, fail, options); }));
                REQUIRE(told([&] { static_cast<void>(yoke::map(pool, numbers, fail, options)); }));
                REQUIRE(told([&] {
                    static_cast<void>(yoke::transform_reduce(pool, numbers, 0, std::plus<>(), fail, options));
                }));
            }
        }
    }
}

TEST_CASE("a move that throws leaves all items in the range, as sort promises") {
    yoke::inline_executor ex;
    for (const std::size_t size : {2U, 3U, 24U, 100U}) {
        std::vector<moved_by_copies> all;
        const auto fill = [&] {
            all.clear();
            for (std::size_t i = 0; i != size; ++i) all.emplace_back(static_cast<int>(i * 7919 % size));
        };
        const auto kept = [&](long) {
            moved_by_copies::lit = nullptr;
            std::vector<bool> seen(size);
            for (const auto& each : all) {
                if (each.value < 0 || seen[static_cast<std::size_t>(each.value)]) return false;
                seen[static_cast<std::size_t>(each.value)] = true;
            }
            return true;
        };
        blow_at_every_call(
            1,
            [&](fuse& here) {
                fill();
                moved_by_copies::lit = &here;
                yoke::sort(ex, all, {}, &moved_by_copies::value);
                moved_by_copies::lit = nullptr;
            },
            kept);
        REQUIRE(std::ranges::is_sorted(all, {}, &moved_by_copies::value));
    }
}

TEST_CASE("where pivots are bad, too, a comparison or a move that throws loses no item") {
    std::vector<item> all;
    blow_at_every_call(
        1,
        [&](fuse& here) {
            all = items(100);
            auto less = [&](const item& a, const item& b) {
                here();
                return *a < *b;
            };
            std::identity proj;
            yoke::detail::quicksort<std::vector<item>::iterator, decltype(less), std::identity>(less, proj)
                .sort(all.begin(), all.end(), 1);
        },
        [&](long) { return complete(all); });
    REQUIRE(std::ranges::is_sorted(all, {}, [](const item& each) { return *each; }));
}

TEST_CASE("a comparison that is no order gives some order of the same items", "[concurrent]") {
    yoke::inline_executor here;
    yoke::thread_pool pool(2);
    const auto check = [](auto& ex, std::size_t size) {
        unsigned kind = 0;
        for (; kind != 5; ++kind) {
            auto all = items(size);
            std::atomic<unsigned> random{1};
            yoke::sort(ex, all, [&](const item& a, const item& b) {
                if (kind == 0) return true;
                if (kind == 1) return false;
                if (kind == 2) return *a <= *b;
                if (kind == 3) return (*a ^ *b) % 3 == 0;
                const unsigned now = random * 1664525U + 1013904223U;
                random = now;
                return now % 2 == 0;
            });
            REQUIRE(complete(all));
        }
    };
    for (const std::size_t size : {2U, 3U, 24U, 25U, 300U, 20'000U}) {
        check(here, size);
        check(pool, size);
    }
}

TEMPLATE_TEST_CASE("when memory runs out in a loop or a sort, the items are there and the pool goes on",
                   "[concurrent]", stealing_pool, fifo_pool, priority_pool) {
    for (const bool initialized : {false, true}) {
        for (const std::size_t size : {40U, 10'000U}) {
            std::unique_ptr<TestType> pool;
            auto all = items(size);
            const auto fresh = [&] {
                const long budget = std::exchange(yoke_test::until_failure, -1);
                pool = initialized ? std::make_unique<TestType>(yoke::thread_pool_options{.threads = 2},
                                                                [](std::size_t) {})
                                   : std::make_unique<TestType>(2);
                yoke_test::until_failure = budget;
            };
            const auto number = [](const item& each) { return *each; };
            yoke_test::fail_every_allocation_once([&] {
                fresh();
                yoke::sort(*pool, all, {}, number);
            });
            REQUIRE(complete(all));
            all = items(size);
            std::vector<int> out(size);
            const auto add = [](int a, const auto& b) {
                if constexpr (std::is_same_v<decltype(b), const item&>) {
                    return a + *b;
                } else {
                    return a + b;
                }
            };
            yoke_test::fail_every_allocation_once([&] {
                fresh();
                static_cast<void>(yoke::map(*pool, all, number));
            });
            yoke_test::fail_every_allocation_once([&] {
                fresh();
                static_cast<void>(yoke::transform_reduce(*pool, all, 0, std::plus<>(), number));
            });
            yoke_test::fail_every_allocation_once([&] {
                fresh();
                yoke::for_each(*pool, all, [](const item& each) { dawdle(), static_cast<void>(each); });
            });
            REQUIRE(as_made(all));
            std::vector<int> numbers(size, 1);
            yoke_test::fail_every_allocation_once([&] {
                fresh();
                yoke::exclusive_scan(*pool, numbers, out.begin(), 0, add);
            });
            REQUIRE(numbers == std::vector<int>(size, 1));
            REQUIRE(pool->submit([] { return 1; }).get() == 1);
        }
    }
}
