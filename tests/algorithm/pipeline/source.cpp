// SPDX-License-Identifier: MIT
#include <yoke/algorithm/pipeline/source.hpp>

#include "catch.hpp"

#include <yoke/algorithm/fetch.hpp>
#include <yoke/algorithm/pipeline.hpp>
#include <yoke/executor/inline_executor.hpp>
#include <yoke/executor/thread_pool.hpp>
#include <yoke/queue/bounded_queue.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <deque>
#include <iterator>
#include <list>
#include <memory>
#include <numeric>
#include <optional>
#include <set>
#include <span>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

TEST_CASE("an lvalue range is used by reference and its elements are copied") {
    std::vector<std::string> words{"one", std::string(100, 'x')};
    const auto plan = yoke::from(words);
    words.push_back("added later");
    CHECK((plan | yoke::collect()) == words);
    CHECK(words[1].size() == 100);

    const std::list<int> constant{1, 2};
    CHECK((yoke::from(constant) | yoke::collect()) == std::vector{1, 2});
    const int array[] = {1, 2, 3};
    CHECK((yoke::from(array) | yoke::collect()) == std::vector{1, 2, 3});
    std::vector<bool> bits{true, false};
    CHECK((yoke::from(bits) | yoke::collect()) == bits);
}

TEST_CASE("an rvalue range is moved in and its elements are moved out") {
    std::vector<std::unique_ptr<int>> pointers;
    pointers.push_back(std::make_unique<int>(1));
    CHECK(*(yoke::from(std::move(pointers)) | yoke::collect()).at(0) == 1);

    std::vector<std::string> words{std::string(100, 'x')};
    const char* const text = words[0].data();
    const auto moved = yoke::from(std::move(words)) | yoke::collect();
    CHECK(moved.at(0).data() == text);
    // Elements that cannot be moved out, because the range has them const, are copied.
    CHECK((yoke::from(std::set<std::string>{"b", "a"}) | yoke::collect()) ==
          std::vector<std::string>{"a", "b"});
}

TEST_CASE("the elements of a view belong to somebody else and are copied") {
    std::vector<std::string> words{std::string(100, 'x')};
    CHECK((yoke::from(std::span(words)) | yoke::collect()) == words);
    CHECK(words[0].size() == 100);
}

TEST_CASE("an input range is read no further than the pipeline asks for") {
    // Walks over a number that somebody else counts: how far it has been read is seen from outside.
    struct counting {
        int* read;
        struct sentinel {};
        struct iterator {
            using value_type = int;
            using difference_type = std::ptrdiff_t;
            int* read;
            int operator*() const { return *read; }
            iterator& operator++() {
                ++*read;
                return *this;
            }
            void operator++(int) { ++*read; }
            bool operator==(sentinel) const { return *read == 1'000; }
        };
        iterator begin() const { return {read}; }
        sentinel end() const { return {}; }
    };
    STATIC_REQUIRE(std::ranges::input_range<counting>);
    int read = 0;
    int out = 0;
    yoke::inline_executor here;
    yoke::from(counting{&read}) | yoke::stage(here, [](int x) { return x; }) |
        yoke::for_each_result(
            [&](int x) {
                CHECK(x == out++);
                CHECK(read < out + 4);
            },
            {.items = 4});
    CHECK(out == 1'000);
}

TEST_CASE("a function that returns an optional is a source until it returns nothing") {
    int calls = 0;
    CHECK((yoke::from([&, n = 3]() mutable -> std::optional<int> {
               ++calls;
               if (n == 0) return std::nullopt;
               return n--;
           }) |
           yoke::collect()) == std::vector{3, 2, 1});
    CHECK(calls == 4);
    std::optional<std::unique_ptr<int>> once = std::make_unique<int>(5);
    CHECK((yoke::from([&] { return std::exchange(once, std::nullopt); }) | yoke::collect()).size() == 1);
}

TEST_CASE("a source is asked only while there is room, so it may be endless", "[concurrent]") {
    yoke::thread_pool pool(2);
    int asked = 0;
    int out = 0;
    int most = 0;
    struct enough {};
    CHECK_THROWS_AS(yoke::from([&] { return std::optional(asked++); }) |
                        yoke::stage(pool, [](int x) { return x; }) |
                        yoke::for_each_result(
                            [&](int) {
                                most = std::max(most, asked - out);
                                if (++out == 10'000) throw enough{};
                            },
                            {.items = 8}),
                    yoke::stage_error);
    CHECK(most <= 8);
}

TEST_CASE("a queue is a source until it is closed and drained", "[concurrent]") {
    yoke::thread_pool pool(2);
    yoke::bounded_queue<std::unique_ptr<int>> queue(4);
    std::jthread producer([&] {
        for (int i = 0; i != 1'000; ++i) static_cast<void>(queue.push(std::make_unique<int>(i)));
        queue.close();
    });
    const auto results =
        yoke::from(queue) | yoke::stage(pool, [](std::unique_ptr<int> x) { return *x; }) | yoke::collect();
    REQUIRE(results.size() == 1'000);
    CHECK(std::is_sorted(results.begin(), results.end()));
}

TEST_CASE("a poison pill in a queue ends the pipeline that takes it and no other") {
    yoke::bounded_queue<int> queue(8);
    static_cast<void>(queue.push(1));
    static_cast<void>(queue.push(yoke::poison_pill));
    static_cast<void>(queue.push(2));
    CHECK((yoke::from(queue) | yoke::collect()) == std::vector{1});
    queue.close();
    CHECK((yoke::from(queue) | yoke::collect()) == std::vector{2});
}

namespace {

int same(int x) { return x; }

/// A run that ends early although its source blocks, in each way.
enum class ending { error, stop, drain };

/// Runs `plan` until it is ended while its source blocks: once `blocked`, one item having been given.
template <class Source>
void end_while_blocked(ending how, yoke::thread_pool& pool, Source&& source,
                       const std::atomic<bool>& blocked) {
    std::stop_source stop;
    std::jthread stopper([&] {
        blocked.wait(false);
        if (how != ending::error) stop.request_stop();
    });
    std::vector<int> out;
    const auto run = [&] {
        yoke::from(std::forward<Source>(source)) |
            yoke::stage(pool,
                        [&](int x) {
                            blocked.wait(false);
                            if (how == ending::error) throw std::runtime_error("bad item");
                            return x;
                        }) |
            yoke::for_each_result(
                [&](int x) { out.push_back(x); },
                {.stop = stop.get_token(),
                 .on_stop = how == ending::drain ? yoke::stop_policy::drain : yoke::stop_policy::now});
    };
    if (how == ending::error) {
        CHECK_THROWS_AS(run(), yoke::stage_error);
    } else if (how == ending::stop) {
        CHECK_THROWS_AS(run(), yoke::cancelled);
    } else {
        run();
        CHECK(out == std::vector{1});
    }
}

}  // namespace

TEST_CASE("a run that ends early does not wait for a queue that nobody fills", "[concurrent]") {
    yoke::thread_pool pool(2);
    for (const auto how : {ending::error, ending::stop, ending::drain}) {
        CAPTURE(how);
        yoke::bounded_queue<int> queue(4);
        REQUIRE(queue.push(1));
        std::atomic<bool> blocked{false};
        std::jthread watcher([&] {
            while (queue.size() != 0) std::this_thread::yield();  // the item was taken; the next pop blocks
            blocked = true;
            blocked.notify_all();
        });
        end_while_blocked(how, pool, queue, blocked);
        // Whoever ends by an error takes no more: its producers must not wait for it.
        CHECK(queue.is_closed() == (how != ending::drain));
    }
}

TEST_CASE("a run that ends early does not wait for a function that heeds its stop token", "[concurrent]") {
    yoke::thread_pool pool(2);
    for (const auto how : {ending::error, ending::stop, ending::drain}) {
        CAPTURE(how);
        std::atomic<bool> blocked{false};
        int asked = 0;
        end_while_blocked(
            how, pool,
            [&](std::stop_token over) -> std::optional<int> {
                if (asked++ == 0) return 1;
                blocked = true;
                blocked.notify_all();
                while (!over.stop_requested()) std::this_thread::yield();
                return std::nullopt;
            },
            blocked);
        CHECK(asked == 2);
    }
}

TEST_CASE("a run that ends early leaves a blocking function that never returns behind", "[concurrent]") {
    yoke::thread_pool pool(2);
    struct shared {
        std::atomic<bool> blocked{false};
        std::atomic<bool> open{false};
        std::atomic<bool> returned{false};
        int asked = 0;
    };
    for (const auto how : {ending::error, ending::stop, ending::drain}) {
        CAPTURE(how);
        const auto own = std::make_shared<shared>();
        end_while_blocked(how, pool, yoke::blocking([own]() -> std::optional<int> {
                              if (own->asked++ == 0) return 1;
                              own->blocked = true;
                              own->blocked.notify_all();
                              own->open.wait(false);
                              own->returned = true;
                              own->returned.notify_all();
                              return 2;
                          }),
                          own->blocked);
        CHECK_FALSE(own->returned);
        // Its thread owns what it uses, and gives it back in the end.
        own->open = true;
        own->open.notify_all();
        own->returned.wait(false);
        while (own.use_count() != 1) std::this_thread::yield();
    }
}

TEST_CASE("a result that is ready reaches the sink while the source blocks", "[concurrent]") {
    yoke::thread_pool pool(2);
    // Each source gives its next item only when the sink has seen the one before.
    std::atomic<int> seen{0};
    const auto sink = [&](int x) {
        CHECK(x == seen);
        ++seen;
        seen.notify_all();
    };
    {
        yoke::bounded_queue<int> queue(8);
        std::jthread feed([&] {
            for (int i = 0; i != 100; ++i) {
                while (seen != i) seen.wait(i - 1);
                static_cast<void>(queue.push(int{i}));
            }
            queue.close();
        });
        yoke::from(queue) | yoke::stage(pool, same) | yoke::for_each_result(sink);
        CHECK(seen == 100);
    }
    seen = 0;
    yoke::from(yoke::blocking([&seen, i = 0]() mutable -> std::optional<int> {
        for (int now = seen; now != i; now = seen) seen.wait(now);
        return i == 100 ? std::nullopt : std::optional(i++);
    })) |
        yoke::stage(pool, same) | yoke::for_each_result(sink);
    CHECK(seen == 100);
}

TEST_CASE("a blocking source is asked while there is room, for each item once, and ends as others do",
          "[concurrent]") {
    yoke::thread_pool pool(2);
    const auto count = [](int to) {
        return yoke::blocking([i = 0, to]() mutable { return i == to ? std::nullopt : std::optional(i++); });
    };
    for (const int size : {0, 1, 7, 20'000}) {
        std::vector<int> all(static_cast<std::size_t>(size));
        std::iota(all.begin(), all.end(), 0);
        CHECK((yoke::from(count(size)) | yoke::stage(pool, same) | yoke::collect({.items = 8})) == all);
        CHECK((yoke::from(count(size)) | yoke::collect({.items = 1})) == all);
        CHECK((yoke::from(count(size)) | yoke::batch(7) | yoke::flatten() | yoke::stage(pool, same) |
               yoke::filter([](int) { return true; }) | yoke::collect({.items = 2})) == all);
    }
    CHECK_THROWS_AS(yoke::from(yoke::blocking([]() -> std::optional<int> { throw 1; })) | yoke::collect(),
                    yoke::stage_error);
}

TEST_CASE("when the source fails, what it gave before reaches the sink, and then the error is thrown",
          "[concurrent]") {
    yoke::thread_pool pool(2);
    for (const auto policy : {yoke::error_policy::stop, yoke::error_policy::set_aside}) {
        std::vector<int> out;
        int asked = 0;
        try {
            yoke::from([&]() -> std::optional<int> {
                if (asked == 50) throw std::runtime_error("the disk");
                return asked++;
            }) | yoke::stage(pool, same) |
                yoke::batch(20) | yoke::flatten() |
                yoke::for_each_result([&](int x) { out.push_back(x); }, {.on_error = policy});
            FAIL("no error");
        } catch (const yoke::stage_error& error) {
            CHECK(error.stage() == 0);
            CHECK(error.item() == 50);
        }
        REQUIRE(out.size() == 50);
        CHECK(std::is_sorted(out.begin(), out.end()));
    }
}

TEST_CASE("a page that fails behind stages costs none of the pages before it", "[concurrent]") {
    yoke::thread_pool pool(2);
    auto store = [](yoke::page_request page) {
        if (page.offset == 70) throw std::runtime_error("connection reset");
        return std::vector<int>(page.limit, static_cast<int>(page.offset));
    };
    for (const auto policy : {yoke::error_policy::stop, yoke::error_policy::set_aside}) {
        std::size_t rows = 0;
        try {
            yoke::from(yoke::fetch(pool, store, {.limit = 10, .total = 100})) |
                yoke::stage(pool, [](yoke::page<std::vector<int>> page) { return page.rows.size(); }) |
                yoke::for_each_result([&](std::size_t n) { rows += n; }, {.on_error = policy});
            FAIL("no error");
        } catch (const yoke::stage_error& error) {
            CHECK(error.stage() == 0);
            try {
                std::rethrow_if_nested(error);
            } catch (const yoke::fetch_error& page) {
                CHECK(page.offset() == 70);
            }
        }
        CHECK(rows == 70);
    }
}

TEST_CASE("a fetch that blocks holds back neither results nor the end of the run", "[concurrent]") {
    yoke::thread_pool pages(2);
    yoke::thread_pool pool(2);
    for (const auto how : {ending::error, ending::stop, ending::drain}) {
        CAPTURE(how);
        std::atomic<bool> open{false};
        std::atomic<bool> first_out{false};
        auto store = [&](yoke::page_request page) {
            if (page.offset == 1) open.wait(false);
            return std::vector<int>(1, static_cast<int>(page.offset));
        };
        std::stop_source stop;
        auto all = yoke::fetch(pages, store, {.limit = 1, .total = 4, .window = 2});
        const auto run = [&] {
            yoke::from(all) |
                yoke::stage(pool, [](yoke::page<std::vector<int>> page) { return page.rows.front(); }) |
                yoke::for_each_result(
                    [&](int) {
                        first_out = true;  // although the second page does not come
                        if (how == ending::error) throw std::runtime_error("bad page");
                        stop.request_stop();
                    },
                    {.stop = stop.get_token(),
                     .on_stop = how == ending::drain ? yoke::stop_policy::drain : yoke::stop_policy::now});
        };
        if (how == ending::error) {
            CHECK_THROWS_AS(run(), yoke::stage_error);
        } else if (how == ending::stop) {
            CHECK_THROWS_AS(run(), yoke::cancelled);
        } else {
            run();
        }
        CHECK(first_out);
        open = true;
        open.notify_all();
        // The pages are as the run left them.
        CHECK(all.next()->offset == 1);
    }
}
