// SPDX-License-Identifier: MIT
// labels: concurrent
#include "catch.hpp"
#include "support/executors.hpp"

#include <yoke/algorithm/fetch.hpp>
#include <yoke/executor/inline_executor.hpp>
#include <yoke/executor/thread_pool.hpp>

#include <algorithm>
#include <atomic>
#include <limits>
#include <memory>
#include <numeric>
#include <stdexcept>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

namespace {

using rows = std::vector<int>;

/// Numbers 0, 1, 2, ... up to `size`, and what was asked for.
struct store {
    std::uint64_t size;
    std::uint64_t cap = std::numeric_limits<std::uint64_t>::max();  // gives no more than this per call
    std::shared_ptr<std::atomic<int>> calls = std::make_shared<std::atomic<int>>(0);
    std::shared_ptr<std::atomic<int>> rows_given = std::make_shared<std::atomic<int>>(0);

    rows operator()(yoke::page_request page) const {
        ++*calls;
        rows out;
        const std::uint64_t n = std::min(page.limit, cap);
        for (std::uint64_t i = page.offset; i < size && out.size() < n; ++i)
            out.push_back(static_cast<int>(i));
        *rows_given += static_cast<int>(out.size());
        return out;
    }
};

template <class Range>
rows all_rows(Range&& pages) {
    rows out;
    for (auto& page : pages) {
        REQUIRE(static_cast<std::uint64_t>(page.rows.front()) == page.offset);
        out.insert(out.end(), page.rows.begin(), page.rows.end());
    }
    return out;
}
rows first_numbers(std::uint64_t n) {
    rows out(n);
    std::iota(out.begin(), out.end(), 0);
    return out;
}

}  // namespace

TEST_CASE("fetch yields every row once, in order, whatever limit, size and window") {
    yoke::thread_pool pool(2);
    for (const std::uint64_t size : {0U, 1U, 9U, 10U, 11U, 100U, 257U}) {
        for (const std::uint64_t limit : {1U, 3U, 10U, 1000U}) {
            for (const std::size_t window : {0U, 1U, 2U, 7U}) {
                const store source{size};
                REQUIRE(all_rows(yoke::fetch(pool, source, {.limit = limit, .window = window})) ==
                        first_numbers(size));
                REQUIRE(
                    all_rows(yoke::fetch(pool, source, {.limit = limit, .total = size, .window = window})) ==
                    first_numbers(size));
                REQUIRE(all_rows(yoke::fetch(
                            pool, source,
                            {.limit = limit, .window = window, .end = yoke::fetch_end::short_page})) ==
                        first_numbers(size));
            }
        }
    }
}

TEST_CASE("as completed the same pages come, each once") {
    yoke::thread_pool pool(3);
    const store source{1000};
    auto got = all_rows(
        yoke::fetch(pool, source, {.limit = 7, .window = 5, .order = yoke::fetch_order::as_completed}));
    std::sort(got.begin(), got.end());
    REQUIRE(got == first_numbers(1000));
}

TEST_CASE("as completed a page that is ready overtakes one that is not") {
    yoke_test::thread_executor ex;
    std::atomic<bool> second_taken{false};
    auto source = [&second_taken](yoke::page_request page) {
        if (page.offset == 0) second_taken.wait(false);
        return page.offset < 20 ? rows(10, static_cast<int>(page.offset)) : rows();
    };
    auto pages = yoke::fetch(
        ex, source, {.limit = 10, .total = 20, .window = 2, .order = yoke::fetch_order::as_completed});
    REQUIRE(pages.next()->offset == 10);
    second_taken = true;
    second_taken.notify_all();
    REQUIRE(pages.next()->offset == 0);
    REQUIRE_FALSE(pages.next());
}

TEST_CASE("with a known total no call is wasted, and the last page asks for what is left") {
    yoke::inline_executor ex;
    const store source{95};
    REQUIRE(all_rows(yoke::fetch(ex, source, {.limit = 10, .total = 95})).size() == 95);
    REQUIRE(*source.calls == 10);
}

TEST_CASE("with an unknown total at most window - 1 calls go beyond the end") {
    yoke::inline_executor ex;
    for (const std::size_t window : {1U, 4U, 8U}) {
        const store source{100};
        REQUIRE(all_rows(yoke::fetch(ex, source, {.limit = 10, .window = window})).size() == 100);
        REQUIRE(*source.calls <= 10 + 1 + static_cast<int>(window) - 1);  // the data, the end, the window
    }
}

TEST_CASE("with an unknown total the window opens 1, 2, 4") {
    yoke::inline_executor ex;  // every page that is launched is asked for at once
    const store source{1000};
    auto pages = yoke::fetch(ex, source, {.limit = 10, .window = 4});
    std::vector<int> calls;
    for (int i = 0; i < 5; ++i) {
        REQUIRE(pages.next());
        calls.push_back(*source.calls);
    }
    REQUIRE(calls == std::vector<int>{3, 6, 7, 8, 9});  // taken: 1 2 3 4 5, and the window 2 4 4 4 4
    REQUIRE(pages.window() == 4);
}

TEST_CASE("the window bounds what is under way, pages that wait to be taken included") {
    yoke::thread_pool pool(4);
    const store source{100'000};
    auto pages = yoke::fetch(pool, source, {.limit = 10, .total = 100'000, .window = 3});
    std::uint64_t taken = 0;
    for (auto& page : pages) {
        taken += page.rows.size();
        REQUIRE(static_cast<std::uint64_t>(*source.rows_given) <= taken + 3 * 10);
    }
    REQUIRE(taken == 100'000);
}

TEST_CASE("a store that gives less than it is asked for loses no row") {
    yoke::thread_pool pool(2);
    const store source{1000, 7};
    REQUIRE(all_rows(yoke::fetch(pool, source, {.limit = 50})) == first_numbers(1000));
    REQUIRE(all_rows(yoke::fetch(pool, source, {.limit = 50, .total = 1000})) == first_numbers(1000));
}

TEST_CASE("a total that is too large ends where the rows end, one that is too small at the total") {
    yoke::thread_pool pool(2);
    REQUIRE(all_rows(yoke::fetch(pool, store{95}, {.limit = 10, .total = 1000})) == first_numbers(95));
    REQUIRE(all_rows(yoke::fetch(pool, store{95}, {.limit = 10, .total = 33})) == first_numbers(33));
}

TEST_CASE("a fetch may begin in the middle") {
    yoke::inline_executor ex;
    const auto got = all_rows(yoke::fetch(ex, store{50}, {.limit = 8, .offset = 20}));
    REQUIRE(got.size() == 30);
    REQUIRE(got.front() == 20);
}

TEST_CASE("limit 0 and offsets that overflow are refused with value and remedy") {
    yoke::inline_executor ex;
    REQUIRE_THROWS_WITH(yoke::fetch(ex, store{1}, {.limit = 0}),
                        Catch::Matchers::ContainsSubstring("limit is 0"));
    constexpr auto most = std::numeric_limits<std::uint64_t>::max();
    REQUIRE_THROWS_AS(yoke::fetch(ex, store{1}, {.offset = most, .total = 1}), std::invalid_argument);
    REQUIRE(all_rows(yoke::fetch(ex, store{1}, {.limit = 100, .offset = most - 3})).empty());
    REQUIRE(all_rows(yoke::fetch(ex, store{5}, {.limit = most})) == first_numbers(5));
}

TEST_CASE("a page with more rows than asked for is an error, not an overlap") {
    yoke::inline_executor ex;
    auto greedy = [](yoke::page_request page) { return rows(page.limit + 1, 1); };
    auto pages = yoke::fetch(ex, greedy, {.limit = 4});
    try {
        (void)pages.next();
        FAIL("nothing was thrown");
    } catch (const yoke::fetch_error& e) {
        REQUIRE_THAT(e.what(), Catch::Matchers::ContainsSubstring("5 rows and was asked for at most 4"));
        REQUIRE_THROWS_AS(std::rethrow_if_nested(e), yoke::page_overflow);
    }
}

TEST_CASE("when a page fails the pages before it come first, then an error that names it") {
    yoke::thread_pool pool(3);
    const store source{1000};
    auto fails = [source](yoke::page_request page) {
        if (page.offset == 300) throw std::runtime_error("the store hiccups");
        return source(page);
    };
    auto pages = yoke::fetch(pool, fails, {.limit = 100, .total = 1000});
    for (const std::uint64_t offset : {0U, 100U, 200U}) REQUIRE(pages.next()->offset == offset);
    try {
        (void)pages.next();
        FAIL("nothing was thrown");
    } catch (const yoke::fetch_error& e) {
        REQUIRE(std::string(e.what()) == "page at offset 300 (limit 100): the store hiccups");
        REQUIRE(e.offset() == 300);
        REQUIRE_THROWS_AS(std::rethrow_if_nested(e), std::runtime_error);
    }
    REQUIRE_FALSE(pages.next());
}

TEST_CASE("failed pages can be set aside while the good ones are kept") {
    yoke::thread_pool pool(2);
    const store source{100};
    auto fails = [source](yoke::page_request page) {
        if (page.offset % 30 == 0) throw static_cast<int>(page.offset);
        return source(page);
    };
    for (const auto order : {yoke::fetch_order::in_order, yoke::fetch_order::as_completed}) {
        auto pages = yoke::fetch(
            pool, fails,
            {.limit = 10, .total = 100, .order = order, .on_error = yoke::fetch_errors::set_aside});
        REQUIRE(all_rows(pages).size() == 60);
        REQUIRE(pages.errors().size() == 4);
        for (const auto& failed : pages.errors()) {
            REQUIRE(failed.request.offset % 30 == 0);
            REQUIRE_THROWS_AS(std::rethrow_exception(failed.error), int);
        }
    }
}

TEST_CASE("with an unknown total a source that always fails does not go on for ever") {
    yoke::thread_pool pool(2);
    auto broken = [](yoke::page_request) -> rows { throw std::runtime_error("down"); };
    auto pages = yoke::fetch(pool, broken, {.window = 4, .on_error = yoke::fetch_errors::set_aside});
    REQUIRE_FALSE(pages.next());
    REQUIRE_FALSE(pages.errors().empty());
    REQUIRE(pages.errors().size() <= 4);
}

TEST_CASE("a call that throws is repeated as often as asked, no more") {
    yoke::inline_executor ex;
    auto tries = std::make_shared<std::atomic<int>>(0);
    auto flaky = [tries](yoke::page_request page) {
        if (++*tries < 3) throw std::runtime_error("not yet");
        return page.offset == 0 ? rows{0} : rows{};
    };
    REQUIRE(all_rows(yoke::fetch(ex, flaky, {.limit = 1, .total = 1, .retries = 2})).size() == 1);
    REQUIRE(*tries == 3);
    *tries = 0;
    REQUIRE_THROWS_AS(all_rows(yoke::fetch(ex, flaky, {.limit = 1, .total = 1, .retries = 1})),
                      yoke::fetch_error);
    REQUIRE(*tries == 2);
}

TEST_CASE("a fetch inside a task of a pool of size 1 finishes") {
    yoke::thread_pool pool(1);
    for (const auto order : {yoke::fetch_order::in_order, yoke::fetch_order::as_completed}) {
        auto done = pool.submit([&pool, order] {
            std::size_t n = 0;
            for (auto& page : yoke::fetch(pool, store{200}, {.limit = 10, .window = 4, .order = order}))
                n += page.rows.size();
            return n;
        });
        REQUIRE(done.get() == 200);
    }
}

TEST_CASE("a fetch that is dropped early leaves nothing behind that uses it") {
    yoke::thread_pool pool(2);
    for (int round = 0; round < 50; ++round) {
        auto pages = yoke::fetch(pool, store{100'000}, {.limit = 10, .window = 8});
        REQUIRE(pages.next()->offset == 0);
    }
    pool.wait();
}

TEST_CASE("a range that ends leaves no call behind that could use what the source refers to") {
    yoke_test::thread_executor ex;
    for (const bool to_the_end : {false, true}) {
        std::atomic<bool> begun{false};
        std::atomic<bool> open{false};
        std::atomic<bool> running{false};
        // The page at 30 lies beyond the end, and is still being asked for when the range goes.
        auto source = [&](yoke::page_request page) {
            if (page.offset < 30) begun.wait(false);
            if (page.offset == 30) {
                running = true;
                begun = true;
                begun.notify_all();
                open.wait(false);
                for (int i = 0; i < 1000; ++i) std::this_thread::yield();
                running = false;
            }
            return page.offset < 20 ? rows(10, static_cast<int>(page.offset)) : rows();
        };
        std::jthread opener;
        {
            auto pages = yoke::fetch(ex, source, {.limit = 10, .total = 40, .window = 4});
            REQUIRE(pages.next()->offset == 0);
            if (to_the_end) {
                REQUIRE(pages.next()->offset == 10);
                REQUIRE_FALSE(pages.next());
            }
            REQUIRE(running);
            opener = std::jthread([&open] {
                open = true;
                open.notify_all();
            });
        }
        REQUIRE_FALSE(running);
    }
}

TEST_CASE("as completed a failing page does not cost the good ones that were under way") {
    yoke_test::manual_executor ex;
    const store source{1000};
    auto fails = [source](yoke::page_request page) {
        if (page.offset == 10 || page.offset == 20) throw std::runtime_error("no");
        return source(page);
    };
    auto outer = yoke::submit(ex, [&] {
        auto pages = yoke::fetch(
            ex, fails, {.limit = 10, .total = 1000, .window = 4, .order = yoke::fetch_order::as_completed});
        std::vector<std::uint64_t> offsets;
        std::uint64_t failed = 0;
        try {
            while (auto page = pages.next()) offsets.push_back(page->offset);
        } catch (const yoke::fetch_error& e) {
            failed = e.offset();
        }
        return std::tuple(offsets, failed, pages.errors().size(), pages.next().has_value());
    });
    REQUIRE(ex.run_one());
    // Pages 0 and 10 to 40 were launched when the first failed.
    REQUIRE(outer.get() ==
            std::tuple(std::vector<std::uint64_t>{0, 30, 40}, std::uint64_t{10}, std::size_t{2}, false));
}

TEST_CASE("an executor that takes no more work is reported after the pages it took") {
    yoke_test::thread_executor ex;
    auto pages = yoke::fetch(ex, store{1000}, {.limit = 10, .total = 1000, .window = 2});
    REQUIRE(pages.next()->offset == 0);
    ex.shutdown();
    REQUIRE(pages.next()->offset == 10);
    REQUIRE(pages.next()->offset == 20);
    REQUIRE_THROWS_AS(pages.next(), yoke::pool_closed);
}

TEST_CASE("a range of pages is an input range") {
    using range = decltype(yoke::fetch(std::declval<yoke::inline_executor&>(), std::declval<store>()));
    STATIC_REQUIRE(std::input_iterator<range::iterator>);
    yoke::inline_executor ex;
    auto pages = yoke::fetch(ex, store{3}, {.limit = 2});
    auto at = pages.begin();
    REQUIRE(at->rows.size() == 2);
    ++at;
    REQUIRE(at->rows.size() == 1);
    ++at;
    REQUIRE(at == pages.end());
}
