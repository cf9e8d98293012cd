// SPDX-License-Identifier: MIT
#include <yoke/algorithm/map.hpp>

#include <yoke/algorithm/reduce.hpp>
#include <yoke/concept/archetypes.hpp>
#include <yoke/executor/inline_executor.hpp>
#include <yoke/executor/process_pool.hpp>
#include <yoke/executor/thread_pool.hpp>
#include <yoke/executor/with.hpp>
#include <yoke/wire/bind_values.hpp>

#include "catch.hpp"
#include "support/executors.hpp"

#include <atomic>
#include <chrono>
#include <cmath>
#include <csignal>
#include <cstddef>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <numeric>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <unistd.h>

using yoke_test::manual_executor;
using yoke_test::thread_executor;

namespace {

std::vector<int> upto(int n) {
    std::vector<int> numbers(static_cast<std::size_t>(n));
    std::iota(numbers.begin(), numbers.end(), 0);
    return numbers;
}

/// Numbers its values by counting how far it was read, and may throw on the way.
class reader {
public:
    class iterator {
    public:
        using value_type = int;
        using difference_type = std::ptrdiff_t;
        explicit iterator(reader* from) : from_(from) {}
        int operator*() const { return from_->next_; }
        iterator& operator++() {
            if (++from_->next_ == from_->throws_at_) throw std::domain_error("the input broke");
            if (from_->seen_) from_->seen_(from_->next_);
            return *this;
        }
        void operator++(int) { ++*this; }
        bool operator==(std::default_sentinel_t) const { return from_->next_ == from_->count_; }

    private:
        reader* from_;
    };
    explicit reader(int count, int throws_at = -1, std::function<void(int)> seen = {})
        : count_(count), throws_at_(throws_at), seen_(std::move(seen)) {}
    iterator begin() { return iterator(this); }
    std::default_sentinel_t end() const { return {}; }
    [[nodiscard]] int read() const { return next_; }

private:
    int count_;
    int throws_at_;
    std::function<void(int)> seen_;
    int next_ = 0;
};
static_assert(std::input_iterator<reader::iterator>);

/// Fails the test when copied.
struct no_copies {
    explicit no_copies(int v) : value(v) {}
    no_copies(const no_copies&) = delete;
    no_copies(no_copies&&) = default;
    no_copies& operator=(no_copies&&) = default;
    int value;
};

/// Runs its first task when somebody waits for it, and the others at once.
class first_waits {
public:
    template <class R, class F, class... Args>
        requires yoke::callable_with<F, Args...> && yoke::receiver_of<R, yoke::call_result<F, Args...>>
    void execute(R&& receiver, F&& f, Args&&... args) {
        if (std::exchange(first_, false))
            later_.execute(std::forward<R>(receiver), std::forward<F>(f), std::forward<Args>(args)...);
        else
            now_.execute(std::forward<R>(receiver), std::forward<F>(f), std::forward<Args>(args)...);
    }
    void shutdown() {}
    void shutdown(yoke::cancel_pending_t) {}
    [[nodiscard]] std::size_t concurrency() const { return 1; }

private:
    bool first_ = true;
    manual_executor later_;
    yoke::inline_executor now_;
};

// Compiles with the least an executor can be.
[[maybe_unused]] void minimal(yoke::archetype::minimal_executor& ex) {
    (void)yoke::map(ex, std::vector<int>(), [](int x) { return x; });
    yoke::for_each(ex, std::vector<int>(), [](int) {});
}

template <class E>
void check_map(E& ex) {
    for (yoke::map_options options :
         {yoke::map_options{}, {.chunk = 1}, {.chunk = 7, .window = 1}, {.chunk = 5000}}) {
        const auto doubled = yoke::map(
            ex, upto(1000), [](int x) { return 2 * x; }, options);
        REQUIRE(doubled.size() == 1000);
        bool right = true;
        for (std::size_t i = 0; i < doubled.size(); ++i)
            right = right && doubled[i] == 2 * static_cast<int>(i);
        CHECK(right);
    }
    CHECK(yoke::map(ex, std::vector<int>(), [](int x) { return x; }).empty());
    CHECK(yoke::map(ex, std::list<std::string>{"a", "b"}, [](const std::string& s) { return s + s; }) ==
          std::vector<std::string>{"aa", "bb"});
    const std::vector<bool> odd = yoke::map(ex, upto(5), [](int x) { return x % 2 == 1; });
    CHECK(odd == std::vector<bool>{false, true, false, true, false});
    const std::vector<bool> even = yoke::map(ex, odd, [](bool is_odd) { return !is_odd; });
    CHECK(even == std::vector<bool>{true, false, true, false, true});
    std::istringstream text("1 2 3");
    CHECK(yoke::map(ex, std::istream_iterator<int>(text), std::istream_iterator<int>(),
                    [](int x) { return std::to_string(x); }) == std::vector<std::string>{"1", "2", "3"});
}

template <class E>
void check_errors(E& ex) {
    // Whatever completes first: the error thrown is that of the first item in the order of the input.
    for (yoke::map_options options : {yoke::map_options{}, {.chunk = 1}, {.chunk = 10}}) {
        std::string thrown;
        try {
            (void)yoke::map(
                ex, upto(200),
                [](int x) {
                    if (x >= 57) throw std::out_of_range(std::to_string(x));
                    return x;
                },
                options);
        } catch (const std::out_of_range& e) {
            thrown = e.what();
        }
        CHECK(thrown == "57");
    }
    CHECK_THROWS_AS(yoke::map(ex, reader(100, 30), [](int x) { return x; }), std::domain_error);
}

}  // namespace

TEST_CASE("map returns the results in the order of the range, inline") {
    yoke::inline_executor ex;
    check_map(ex);
    check_errors(ex);
}

TEST_CASE("map returns the results in the order of the range, on threads", "[concurrent]") {
    yoke::thread_pool pool(3);
    check_map(pool);
    check_errors(pool);
    thread_executor threads;
    check_map(threads);
}

TEST_CASE("map returns the results in the order of the range, on processes", "[process]") {
    yoke::process_pool pool(2);
    check_map(pool);
    check_errors(pool);
}

TEST_CASE("On threads items and function are used where they are", "[concurrent]") {
    yoke::thread_pool pool(2);
    std::vector<no_copies> items;
    for (int i = 0; i < 100; ++i) items.emplace_back(i);
    const auto addresses = yoke::map(pool, items, [](const no_copies& item) { return &item; });
    bool same = true;
    for (std::size_t i = 0; i < items.size(); ++i) same = same && addresses[i] == &items[i];
    CHECK(same);

    yoke::for_each(pool, items, [](no_copies& item) { item.value += 1; });
    bool changed = true;
    for (std::size_t i = 0; i < items.size(); ++i)
        changed = changed && items[i].value == static_cast<int>(i) + 1;
    CHECK(changed);

    const auto moved =
        yoke::map(pool, items, [](no_copies& item) { return std::make_unique<int>(item.value); });
    CHECK(*moved.back() == 100);

    std::atomic<int> calls{0};
    yoke::for_each(pool, upto(500), [&calls, shared = std::make_shared<int>(1)](int) { calls += *shared; });
    CHECK(calls == 500);
}

TEST_CASE("A range that can be read only once is read a window ahead, not more") {
    manual_executor ex;
    reader numbers(1000);
    int read_at_first = -1;
    auto outer = yoke::submit(ex, [&] {
        return yoke::map(ex, numbers,
                         [&](int x) {
                             if (read_at_first < 0) read_at_first = numbers.read();
                             return x;
                         },
                         {.chunk = 3, .window = 4});
    });
    REQUIRE(ex.run_one());
    CHECK(outer.get() == upto(1000));
    CHECK(read_at_first == 12);
}

TEST_CASE("Only so many chunks run ahead of one that takes long") {
    for (const auto& [options, most] : {std::pair(yoke::map_options{.chunk = 1, .window = 2}, 2),
                                        {{.chunk = 3, .window = 4}, 12},
                                        {{.chunk = 1}, 1'024},
                                        {{.chunk = 2}, 2'048}}) {
        manual_executor outside;
        first_waits ex;
        reader numbers(10'000);
        int read_at_first = -1;
        auto outer = yoke::submit(outside, [&, options = options] {
            yoke::for_each(
                ex, numbers,
                [&](int x) {
                    if (x == 0) read_at_first = numbers.read();
                },
                options);
        });
        REQUIRE(outside.run_one());
        outer.get();
        CHECK(numbers.read() == 10'000);
        CHECK(read_at_first == most);
    }
}

TEST_CASE("Of a range of known size 65,536 chunks run ahead of one that takes long") {
    manual_executor outside;
    first_waits ex;
    const auto numbers = upto(100'000);
    int calls = 0;
    int before_first = -1;
    auto outer = yoke::submit(outside, [&] {
        yoke::for_each(ex, numbers,
                       [&](int x) {
                           if (x == 0) before_first = calls;
                           ++calls;
                       },
                       {.chunk = 1});
    });
    REQUIRE(outside.run_one());
    outer.get();
    CHECK(calls == 100'000);
    CHECK(before_first == 65'535);
}

TEST_CASE("While map runs, no more than a window is read ahead of what is done", "[concurrent]") {
    yoke::thread_pool pool(3);
    for (const std::size_t window : {1U, 2U, 5U}) {
        for (const std::size_t chunk : {1U, 4U}) {
            std::atomic<int> done{0};
            std::atomic<int> most_ahead{0};
            reader numbers(2'000, -1, [&](int read) {
                const int ahead = read - done;
                for (int seen = most_ahead; seen < ahead && !most_ahead.compare_exchange_weak(seen, ahead);) {
                }
            });
            CHECK(yoke::map(pool, numbers,
                            [&](int x) {
                                if (x % 97 == 0) std::this_thread::yield();
                                ++done;
                                return x;
                            },
                            {.chunk = chunk, .window = window}) == upto(2'000));
            CHECK(most_ahead <= static_cast<int>(window * chunk));
        }
    }
}

namespace {

int fails_on_sevens(int x) {
    if (x % 7 == 3) throw std::domain_error(std::to_string(x));
    return x;
}

/// What fails_on_sevens throws of the items 0 to 99, in order.
void check_sevens(const std::vector<yoke::failed_items>& failed) {
    REQUIRE(failed.size() == 14);
    for (std::size_t i = 0; i != failed.size(); ++i) {
        CHECK(failed[i].index == 7 * i + 3);
        CHECK(failed[i].count == 1);
        try {
            std::rethrow_exception(failed[i].error);
        } catch (const std::domain_error& error) {
            CHECK(error.what() == std::to_string(failed[i].index));
        }
    }
}

template <class E>
void check_blame(E& ex) {
    const auto numbers = upto(100);
    std::vector<yoke::failed_items> failed;
    const yoke::map_options aside{.failed = &failed, .on_error = yoke::error_policy::set_aside};
    std::vector<int> good;
    for (const int x : numbers)
        if (x % 7 != 3) good.push_back(x);

    CHECK(yoke::map(ex, numbers, fails_on_sevens, aside) == good);
    check_sevens(failed);
    failed.clear();
    yoke::for_each(
        ex, numbers, [](int x) { static_cast<void>(fails_on_sevens(x)); }, aside);
    check_sevens(failed);
    failed.clear();
    CHECK(yoke::transform_reduce(
              ex, numbers, 0, [](int a, int b) { return a + b; }, fails_on_sevens, aside) ==
          std::accumulate(good.begin(), good.end(), 0));
    check_sevens(failed);

    // Stopped by the first in the order of the input, which is thrown as itself and named.
    failed.clear();
    CHECK_THROWS_AS(yoke::map(ex, numbers, fails_on_sevens, {.failed = &failed}), std::domain_error);
    REQUIRE(failed.size() == 1);
    CHECK(failed[0].index == 3);
    CHECK_THROWS_AS(std::rethrow_exception(failed[0].error), std::domain_error);

    failed.clear();
    CHECK_THROWS_AS(yoke::for_each(ex, numbers, [](int x) { static_cast<void>(fails_on_sevens(x)); },
                                   {.failed = &failed}),
                    std::domain_error);
    CHECK_THROWS_AS(yoke::transform_reduce(ex, numbers, 0, [](int a, int b) { return a + b; },
                                           fails_on_sevens, {.failed = &failed}),
                    std::domain_error);
    REQUIRE(failed.size() == 2);
    CHECK(failed[0].index == 3);
    CHECK(failed[1].index == 3);
    CHECK(failed[1].count == 1);

    // Of a chunk that was asked for, all.
    failed.clear();
    CHECK(yoke::map(ex, numbers, fails_on_sevens,
                    {.chunk = 50, .failed = &failed, .on_error = yoke::error_policy::set_aside})
              .empty());
    REQUIRE(failed.size() == 2);
    CHECK(failed[1].index == 50);
    CHECK(failed[1].count == 50);
}

}  // namespace

TEST_CASE("Failed items are named and can be set aside, inline") {
    yoke::inline_executor ex;
    check_blame(ex);
}

TEST_CASE("Failed items are named and can be set aside, on threads", "[concurrent]") {
    yoke::thread_pool pool(3);
    check_blame(pool);
    auto view = yoke::with(pool, {});
    check_blame(view);
    thread_executor ex;
    check_blame(ex);
}

TEST_CASE("Failed items are named and can be set aside, on processes, dead workers' too", "[process]") {
    yoke::process_pool pool(2);
    check_blame(pool);
    std::vector<yoke::failed_items> failed;
    CHECK(yoke::map(pool, upto(20),
                    [](int x) {
                        if (x == 7) std::raise(SIGKILL);
                        return x;
                    },
                    {.failed = &failed, .on_error = yoke::error_policy::set_aside})
              .size() == 19);
    REQUIRE(failed.size() == 1);
    CHECK(failed[0].index == 7);
    CHECK(failed[0].count == 1);
    CHECK_THROWS_AS(std::rethrow_exception(failed[0].error), yoke::worker_lost);
}

TEST_CASE("Whichever item fails, it is named by its number, whatever is done to the others", "[concurrent]") {
    yoke::thread_pool pool(2);
    for (const std::size_t size : {std::size_t{1}, std::size_t{5}, std::size_t{40}, std::size_t{3'000}}) {
        for (std::size_t bad = 0; bad < size; bad += size < 50 ? 1 : 211) {
            std::vector<double> numbers(size, 1.0);
            numbers[bad] = -1.0;
            const auto root = [](double x) {
                if (x < 0) throw std::domain_error("negative");
                return std::sqrt(x);
            };
            std::vector<yoke::failed_items> failed;
            CHECK_THROWS_AS(yoke::map(pool, numbers, root, {.failed = &failed}), std::domain_error);
            CHECK_THROWS_AS(
                yoke::for_each(pool, numbers, [&](double& x) { x = root(x); }, {.failed = &failed}),
                std::domain_error);
            CHECK_THROWS_AS(
                yoke::transform_reduce(pool, numbers, 0.0, std::plus<>(), root, {.failed = &failed}),
                std::domain_error);  // eight at a time
            CHECK_THROWS_AS(yoke::transform_reduce(pool, numbers, 0.0,
                                                   [](double a, double b) { return a + b; }, root,
                                                   {.failed = &failed}),
                            std::domain_error);
            REQUIRE(failed.size() == 4);
            for (const yoke::failed_items& each : failed) {
                REQUIRE(each.index == bad);
                REQUIRE(each.count == 1);
            }
        }
    }
}

TEST_CASE("An error about a task that was lost or too slow names the items that it had", "[process]") {
    yoke::process_pool pool(2);
    const auto dies = [](int x) {
        if (x == 7) std::raise(SIGKILL);
        return x;
    };
    const auto lost = [](auto&& call) {
        try {
            call();
        } catch (const yoke::worker_lost& error) {
            REQUIRE(error.items());
            CHECK(std::string(error.what()).starts_with(error.items()->text() + ": "));
            return *error.items();
        }
        return yoke::item_range{};
    };
    CHECK(lost([&] { static_cast<void>(yoke::map(pool, upto(20), dies, {.chunk = 1})); }) ==
          yoke::item_range{7, 1});
    CHECK(lost([&] { static_cast<void>(yoke::map(pool, upto(20), dies, {.chunk = 4})); }) ==
          yoke::item_range{4, 4});
    const yoke::item_range of_any_size = lost([&] { static_cast<void>(yoke::map(pool, upto(20), dies)); });
    CHECK(of_any_size.index <= 7);
    CHECK(of_any_size.index + of_any_size.count > 7);
    CHECK(lost([&] {
              static_cast<void>(yoke::transform_reduce(pool, upto(20), 0, [](int a, int b) { return a + b; },
                                                       dies, {.chunk = 5}));
          }) == yoke::item_range{5, 5});
    try {
        yoke::for_each(yoke::with(pool, {.timeout = std::chrono::milliseconds(50)}), upto(10),
                       [](int x) {
                           if (x == 3) ::pause();
                       },
                       {.chunk = 1});
        FAIL("nothing was thrown");
    } catch (const yoke::task_timeout& error) {
        CHECK(error.items() == yoke::item_range{3, 1});
        CHECK(std::string(error.what()).starts_with("item 3: "));
    }
    yoke::process_pool one(1);
    try {
        yoke::for_each(yoke::with(one, {.queue_timeout = std::chrono::milliseconds(20)}), upto(2),
                       [](int) { std::this_thread::sleep_for(std::chrono::milliseconds(300)); },
                       {.chunk = 1});
        FAIL("nothing was thrown");
    } catch (const yoke::task_timeout& error) {
        CHECK_FALSE(error.began());
        CHECK(error.items() == yoke::item_range{1, 1});
    }
}

TEST_CASE(
    "What is no item's error stops map although items are set aside, and errors are not lost silently") {
    std::vector<yoke::failed_items> failed;
    const yoke::map_options aside{.failed = &failed, .on_error = yoke::error_policy::set_aside};
    yoke::inline_executor here;
    CHECK_THROWS_AS(yoke::map(here, reader(100, 50), fails_on_sevens, aside), std::domain_error);
    REQUIRE(failed.size() == 8);
    CHECK(failed.back().count == 0);
    CHECK(failed.back().index == 49);  // the step behind it threw
    manual_executor closed;
    closed.shutdown();
    CHECK_THROWS_AS(yoke::map(closed, upto(3), fails_on_sevens, aside), yoke::pool_closed);
    CHECK_THROWS_WITH(yoke::map(here, upto(3), fails_on_sevens, {.on_error = yoke::error_policy::set_aside}),
                      Catch::Matchers::ContainsSubstring("failed is null"));
}

TEST_CASE("At most a window of chunks is under way", "[concurrent]") {
    yoke::thread_pool pool(4);
    std::atomic<int> running{0};
    std::atomic<int> most{0};
    yoke::for_each(pool, upto(200),
                   [&](int) {
                       const int now = ++running;
                       for (int seen = most; seen < now && !most.compare_exchange_weak(seen, now);) {}
                       std::this_thread::yield();
                       --running;
                   },
                   {.chunk = 1, .window = 2});
    CHECK(most <= 2);
}

TEST_CASE("After an error nothing more is begun") {
    manual_executor ex;
    std::vector<int> called;
    auto outer = yoke::submit(ex, [&] {
        yoke::for_each(ex, upto(100),
                       [&](int x) {
                           called.push_back(x);
                           if (x == 20) throw std::domain_error("20");
                       },
                       {.chunk = 1, .window = 4});
    });
    REQUIRE(ex.run_one());
    CHECK_THROWS_AS(outer.get(), std::domain_error);
    CHECK(called == upto(21));  // 21, 22 and 23 were under way, and were cancelled
}

TEST_CASE("Nothing still runs when map has thrown", "[concurrent]") {
    yoke::thread_pool pool(2);
    for (int round = 0; round < 50; ++round) {
        std::atomic<int> running{0};
        const auto numbers = upto(10'000);
        REQUIRE_THROWS_AS(yoke::for_each(pool, numbers,
                                         [&](int x) {
                                             ++running;
                                             std::this_thread::yield();
                                             --running;
                                             if (x == 20) throw std::domain_error("20");
                                         },
                                         {.chunk = 1, .window = 4}),
                          std::domain_error);
        REQUIRE(running == 0);
    }
}

TEST_CASE("A closed executor is reported after what was accepted has settled") {
    manual_executor closed;
    closed.shutdown();
    CHECK_THROWS_AS(yoke::map(closed, upto(3), [](int x) { return x; }), yoke::pool_closed);

    yoke::thread_pool pool(2);
    std::atomic<int> calls{0};
    CHECK_THROWS_AS(yoke::for_each(pool, upto(1000),
                                   [&](int x) {
                                       if (x == 5) pool.shutdown();
                                       ++calls;
                                   },
                                   {.chunk = 1}),
                    yoke::pool_closed);
    CHECK(calls >= 6);
    CHECK(calls < 1000);
}

TEST_CASE("A stop request ends map with cancelled", "[concurrent]") {
    yoke::thread_pool pool(1);
    std::stop_source stop;
    auto stoppable = yoke::with(pool, {.stop = stop.get_token()});
    CHECK_THROWS_AS(yoke::for_each(stoppable, upto(1000),
                                   [&](int x) {
                                       if (x == 3) stop.request_stop();
                                   },
                                   {.chunk = 1}),
                    yoke::cancelled);
}

TEST_CASE("map nested in tasks of a pool of one thread", "[concurrent]") {
    yoke::thread_pool pool(1);
    const auto sums = yoke::map(pool, upto(20), [&pool](int x) {
        const auto parts = yoke::map(pool, upto(x), [](int y) { return y; });
        return std::accumulate(parts.begin(), parts.end(), 0);
    });
    bool right = true;
    for (std::size_t i = 0; i < sums.size(); ++i)
        right = right && sums[i] == static_cast<int>(i * (i - 1) / 2);
    CHECK(right);
}

TEST_CASE("Nothing of the caller's crosses to a process but values, and they come back", "[process]") {
    yoke::process_pool pool(2);
    const int factor = 3;
    CHECK(yoke::map(pool, upto(4), yoke::bind_values([](int f, int x) { return f * x; }, factor)) ==
          std::vector<int>{0, 3, 6, 9});
    std::vector<int> numbers = upto(10);
    yoke::for_each(pool, numbers, [](int&& x) { x += 1; });
    CHECK(numbers == upto(10));
    const auto nested = yoke::map(pool, std::vector<std::string>{"a", "bb"}, [](const std::string& s) {
        return std::map<std::string, std::vector<std::size_t>>{{s, {s.size()}}};
    });
    CHECK(nested[1].at("bb") == std::vector<std::size_t>{2});
}

TEST_CASE("A worker that dies fails map with worker_lost, or costs nothing where tasks may be repeated",
          "[process]") {
    yoke::process_pool pool(2);
    CHECK_THROWS_AS(yoke::map(pool, upto(20),
                              [](int x) {
                                  if (x == 7) std::raise(SIGKILL);
                                  return x;
                              },
                              {.chunk = 1}),
                    yoke::worker_lost);
    CHECK(yoke::map(pool, upto(5), [](int x) { return x; }) == upto(5));
}

TEST_CASE("a pool whose threads are initialized makes all calls itself", "[concurrent]") {
    static thread_local bool prepared = false;
    yoke::thread_pool pool({.threads = 2}, [](std::size_t) { prepared = true; });
    std::atomic<int> unprepared{0};
    for (const std::size_t size : {1U, 3U, 1000U}) {
        std::vector<int> items(size);
        yoke::for_each(pool, items, [&](int&) { unprepared += !prepared; });
        static_cast<void>(yoke::map(pool, items, [&](int) { return unprepared += !prepared; }));
    }
    REQUIRE_FALSE(prepared);
    REQUIRE(unprepared == 0);
}
