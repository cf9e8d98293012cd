// SPDX-License-Identifier: MIT
// labels: concurrent
#include "catch.hpp"
#include "support/executors.hpp"

#include <yoke/algorithm/fetch.hpp>
#include <yoke/executor/inline_executor.hpp>
#include <yoke/executor/thread_pool.hpp>
#include <yoke/executor/with.hpp>

#include <algorithm>
#include <atomic>
#include <limits>
#include <memory>
#include <numeric>
#include <optional>
#include <random>
#include <ranges>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>
#include <tuple>
#include <utility>
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
/// What came before the rows that are missing, and those.
template <class Range>
std::pair<rows, std::optional<yoke::missing_rows>> rows_and_error(Range& pages) {
    rows out;
    try {
        while (auto page = pages.next()) out.insert(out.end(), page->rows.begin(), page->rows.end());
    } catch (const yoke::missing_rows& error) {
        return {out, error};
    }
    return {out, std::nullopt};
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

TEST_CASE("a total that is too large is told after all rows, one that is too small is the end") {
    yoke::thread_pool pool(2);
    for (const auto order : {yoke::fetch_order::in_order, yoke::fetch_order::as_completed}) {
        const store source{95};
        auto pages = yoke::fetch(pool, source, {.limit = 10, .total = 1000, .order = order});
        auto [got, error] = rows_and_error(pages);
        std::sort(got.begin(), got.end());
        REQUIRE(got == first_numbers(95));
        REQUIRE(error);
        REQUIRE(error->ranges() == std::vector<yoke::row_range>{{95, 905}});
        REQUIRE(error->offset() == 95);
        if (order == yoke::fetch_order::in_order) {
            REQUIRE(std::string(error->what()) ==
                    "905 of 1000 rows (fetch_options::total) did not come: 905 from offset 95 on; the fetch "
                    "ended at offset 740, after 64 pages in a row without a row. If the store hides rows, "
                    "use fetch_end::hidden_rows");
            REQUIRE(*source.calls < 100);
        }
        REQUIRE_FALSE(pages.next());
    }
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

TEST_CASE("a fetch that is dropped early begins no page any more, and keeps nothing") {
    yoke_test::manual_executor ex;
    const store source{100'000};
    {
        auto pages = yoke::fetch(ex, source, {.limit = 10, .total = 100'000, .window = 8});
        auto outer = yoke::submit(ex, [&] { return pages.next()->offset; });
        REQUIRE(outer.get() == 0);  // the waiter runs the first page itself
        REQUIRE(*source.calls == 1);
        REQUIRE(ex.pending() > 8);
        REQUIRE(source.calls.use_count() > 1);
    }
    while (ex.run_one()) {}
    REQUIRE(*source.calls == 1);
    REQUIRE(source.calls.use_count() == 1);
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
            auto pages = yoke::fetch(ex, source,
                                     {.limit = 10,
                                      .total = 40,
                                      .window = 4,
                                      .end = yoke::fetch_end::hidden_rows,
                                      .empty_pages = 1});
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

TEST_CASE("as completed, of several failed pages the one with the lowest offset is thrown, whichever failed "
          "first") {
    yoke_test::thread_executor ex;
    std::atomic<bool> open{false};
    auto fails = [&open](yoke::page_request page) -> rows {
        if (page.offset == 10) throw std::runtime_error("second page");
        open.wait(false);
        if (page.offset == 0) throw std::runtime_error("first page");
        return rows(10, static_cast<int>(page.offset));
    };
    auto pages = yoke::fetch(
        ex, fails, {.limit = 10, .total = 30, .window = 3, .order = yoke::fetch_order::as_completed});
    std::stop_source now;
    now.request_stop();
    while (pages.errors().empty()) {
        REQUIRE_FALSE(pages.wait(now.get_token()));
        std::this_thread::yield();
    }
    REQUIRE(pages.errors().front().request.offset == 10);
    open = true;
    open.notify_all();
    REQUIRE(pages.next()->offset == 20);
    try {
        (void)pages.next();
        FAIL("nothing was thrown");
    } catch (const yoke::fetch_error& e) {
        REQUIRE(e.offset() == 0);
    }
    REQUIRE(pages.errors().size() == 2);
}

TEST_CASE("a hole in the middle of a known total does not cost the rows behind it, and is told") {
    yoke::thread_pool pool(2);
    auto holed = [](yoke::page_request page) { return page.offset == 4 ? rows{} : store{12}(page); };
    for (const auto order : {yoke::fetch_order::in_order, yoke::fetch_order::as_completed}) {
        auto pages = yoke::fetch(pool, holed, {.limit = 4, .total = 12, .order = order});
        auto [got, error] = rows_and_error(pages);
        std::sort(got.begin(), got.end());
        REQUIRE(got == rows{0, 1, 2, 3, 8, 9, 10, 11});
        REQUIRE(error);
        REQUIRE(error->ranges() == std::vector<yoke::row_range>{{4, 4}});
        REQUIRE(error->count() == 4);
        REQUIRE_THAT(error->what(), Catch::Matchers::ContainsSubstring("4 of 12 rows") &&
                                        Catch::Matchers::ContainsSubstring("4 from offset 4 on"));
        REQUIRE(pages.errors().size() == 1);
        REQUIRE(pages.errors().front().request == yoke::page_request{4, 4});
    }
    auto pages =
        yoke::fetch(pool, holed, {.limit = 4, .total = 12, .on_error = yoke::fetch_errors::set_aside});
    REQUIRE(all_rows(pages).size() == 8);
    REQUIRE(pages.errors().size() == 1);
    REQUIRE_THROWS_AS(std::rethrow_exception(pages.errors().front().error), yoke::missing_rows);
}

TEST_CASE("with hidden rows every row that shows comes once, whatever is hidden") {
    yoke::thread_pool pool(2);
    std::mt19937 random(1);
    for (int round = 0; round != 300; ++round) {
        const auto below = [&](std::uint64_t n) { return random() % n; };
        const std::uint64_t size = below(60);
        std::vector<bool> hidden(size);
        const std::uint64_t share = below(5);
        for (std::uint64_t i = 0; i != size; ++i) hidden[i] = below(4) < share;
        auto filtered = [&hidden](yoke::page_request page) {
            rows out;
            for (std::uint64_t i = page.offset; i < hidden.size() && i < page.offset + page.limit; ++i)
                if (!hidden[i]) out.push_back(static_cast<int>(i));
            return out;
        };
        rows visible;
        for (std::uint64_t i = 0; i != size; ++i)
            if (!hidden[i]) visible.push_back(static_cast<int>(i));
        yoke::fetch_options options{.limit = 1 + below(9),
                                    .window = below(6),
                                    .order = below(2) == 0 ? yoke::fetch_order::in_order
                                                           : yoke::fetch_order::as_completed,
                                    .end = yoke::fetch_end::hidden_rows};
        CAPTURE(round, size, share, options.limit, options.window);
        if (below(2) == 0) {
            options.total = size + below(20);
        } else {
            options.empty_pages = size / options.limit + 1;  // no run of hidden pages is as long
        }
        auto pages = yoke::fetch(pool, filtered, options);
        rows got;
        while (auto page = pages.next()) got.insert(got.end(), page->rows.begin(), page->rows.end());
        std::sort(got.begin(), got.end());
        REQUIRE(got == visible);
        REQUIRE(pages.errors().empty());
    }
}

TEST_CASE("hidden rows need a total or a number of empty pages, and end after so many in a row") {
    yoke::inline_executor ex;
    REQUIRE_THROWS_WITH(yoke::fetch(ex, store{1}, {.end = yoke::fetch_end::hidden_rows}),
                        Catch::Matchers::ContainsSubstring("total") &&
                            Catch::Matchers::ContainsSubstring("empty_pages"));
    const auto gap = std::make_shared<std::atomic<int>>(0);
    auto filtered = [gap](yoke::page_request page) {
        ++*gap;
        return page.offset < 10 || (page.offset >= 30 && page.offset < 40) ? rows(5, 1) : rows();
    };
    for (const auto order : {yoke::fetch_order::in_order, yoke::fetch_order::as_completed}) {
        const auto count = [&](std::uint64_t empty_pages) {
            std::size_t got = 0;
            for (auto& page : yoke::fetch(ex, filtered,
                                          {.limit = 5,
                                          .window = 1,
                                          .order = order,
                                          .end = yoke::fetch_end::hidden_rows,
                                          .empty_pages = empty_pages}))
                got += page.rows.size();
            return got;
        };
        REQUIRE(count(4) == 10);
        REQUIRE(count(5) == 20);
    }
}

TEST_CASE("whatever a store does with a known total, each row of it comes once or is told as missing") {
    yoke::thread_pool pool(2);
    std::mt19937 random(2);
    for (int round = 0; round != 400; ++round) {
        const auto below = [&](std::uint64_t n) { return random() % n; };
        const std::uint64_t total = below(80);
        std::vector<bool> lost(total);
        for (std::uint64_t holes = below(4); holes != 0 && total != 0; --holes) {
            const std::uint64_t from = below(total);
            const std::uint64_t to = std::min(total, from + 1 + below(20));
            for (std::uint64_t i = from; i != to; ++i) lost[i] = true;
        }
        std::atomic<std::uint64_t> size = total + below(20) - std::min<std::uint64_t>(total, below(20));
        const std::uint64_t cap = 1 + below(12);
        const bool shrinks = below(3) == 0;
        auto odd = [&](yoke::page_request page) {
            rows out;
            const std::uint64_t end = shrinks && size > 3 ? --size : size.load();
            for (std::uint64_t i = page.offset; i < end && out.size() < std::min(cap, page.limit); ++i) {
                if (i < total && lost[i]) break;
                out.push_back(static_cast<int>(i));
            }
            return out;
        };
        const yoke::fetch_options options{
            .limit = 1 + below(9),
            .total = total,
            .window = below(6),
            .order = below(2) == 0 ? yoke::fetch_order::in_order : yoke::fetch_order::as_completed,
            .end = below(2) == 0 ? yoke::fetch_end::empty_page : yoke::fetch_end::short_page};
        CAPTURE(round, total, size.load(), cap, options.limit, options.window);
        auto pages = yoke::fetch(pool, odd, options);
        auto [got, error] = rows_and_error(pages);
        if (error) {
            for (const auto& range : error->ranges())
                for (std::uint64_t i = 0; i != range.count; ++i)
                    got.push_back(static_cast<int>(range.offset + i));
        }
        std::sort(got.begin(), got.end());
        REQUIRE(got == first_numbers(total));
        REQUIRE_FALSE(pages.next());
    }
}

TEST_CASE("a store that gives its last page for ever ends at the first that comes twice") {
    yoke::thread_pool pool(2);
    for (const std::uint64_t size : {0U, 1U, 9U, 10U, 11U, 100U, 257U}) {
        for (const std::uint64_t limit : {1U, 3U, 10U, 1000U}) {
            auto clamps = [size, limit](yoke::page_request page) {
                if (size != 0 && page.offset >= size) page.offset = (size - 1) / limit * limit;
                return store{size}(page);
            };
            for (const std::size_t window : {0U, 1U, 5U})
                REQUIRE(all_rows(yoke::fetch(
                            pool, clamps,
                            {.limit = limit, .window = window, .end = yoke::fetch_end::repeated_page})) ==
                        first_numbers(size));
            auto pages = yoke::fetch(
                pool, clamps,
                {.limit = limit, .total = size + 5 * limit, .end = yoke::fetch_end::repeated_page});
            auto [got, error] = rows_and_error(pages);
            REQUIRE(got == first_numbers(size));
            REQUIRE(error);
            REQUIRE(error->count() == 5 * limit);
        }
    }
    struct row {
        int value;
    };
    auto odd = [](yoke::page_request) { return std::vector<row>(); };
    REQUIRE_THROWS_WITH(yoke::fetch(pool, odd, {.end = yoke::fetch_end::repeated_page}),
                        Catch::Matchers::ContainsSubstring("cannot be compared"));
    REQUIRE_THROWS_WITH(
        yoke::fetch(pool, store{1},
                    {.order = yoke::fetch_order::as_completed, .end = yoke::fetch_end::repeated_page}),
        Catch::Matchers::ContainsSubstring("in_order"));
}

TEST_CASE("a stopped fetch hands out what has arrived, and then does not wait for a page that is running") {
    for (const auto order : {yoke::fetch_order::in_order, yoke::fetch_order::as_completed}) {
        yoke_test::thread_executor ex;
        std::atomic<bool> open{false};
        std::atomic<bool> waited{false};
        std::atomic<int> calls{0};
        auto slow = [&](yoke::page_request page) {
            ++calls;
            if (page.offset == 10) {
                waited = true;
                waited.notify_all();
                open.wait(false);
            }
            return rows(10, static_cast<int>(page.offset));
        };
        std::stop_source stop;
        {
            auto pages = yoke::fetch(
                ex, slow,
                {.limit = 10, .total = 1000, .window = 2, .order = order, .stop = stop.get_token()});
            REQUIRE(pages.next()->offset == 0);
            std::jthread stopper([&] {
                waited.wait(false);
                stop.request_stop();
            });
            std::string text;
            try {
                while (pages.next()) {}
            } catch (const yoke::cancelled& error) {
                text = error.what();
            }
            REQUIRE_THAT(text, Catch::Matchers::ContainsSubstring("not handed out is the one at offset 10"));
            const int calls_then = calls;
            REQUIRE_FALSE(pages.next());
            REQUIRE(calls == calls_then);
            open = true;
            open.notify_all();
        }
    }
}

TEST_CASE("a wait for a page can be given up and taken up again") {
    for (const auto order : {yoke::fetch_order::in_order, yoke::fetch_order::as_completed}) {
        yoke_test::thread_executor ex;
        std::atomic<int> open{0};
        auto slow = [&open](yoke::page_request page) {
            while (open <= static_cast<int>(page.offset)) std::this_thread::yield();
            return rows(1, static_cast<int>(page.offset));
        };
        auto pages = yoke::fetch(ex, slow, {.limit = 1, .total = 5, .window = 1, .order = order});
        for (int i = 0; i != 5; ++i) {
            std::stop_source stop;
            std::jthread stopper([&] { stop.request_stop(); });
            REQUIRE_FALSE(pages.wait(stop.get_token()));
            open = i + 1;
            REQUIRE(pages.wait({}));
            REQUIRE(pages.next()->rows.front() == i);
        }
        REQUIRE(pages.wait({}));
        REQUIRE_FALSE(pages.next());
    }
}

TEST_CASE("a fetch may be given a temporary view of an executor, and its pages can be moved") {
    yoke::basic_thread_pool<yoke::priority<>> pool(2);
    auto pages = yoke::fetch(yoke::with(pool, {.priority = 1}), store{30}, {.limit = 10});
    REQUIRE(pages.next()->offset == 0);
    auto other = yoke::fetch(yoke::with(pool, {}), store{5}, {.limit = 10});
    REQUIRE(other.next()->offset == 0);
    other = std::move(pages);
    REQUIRE(other.next()->offset == 10);
    using range = decltype(other);
    STATIC_REQUIRE(std::movable<range>);
    STATIC_REQUIRE(std::ranges::input_range<range>);
#ifndef __clang__  // whose version 14 does not compile the library's views
    std::size_t taken = 0;
    for (auto& page : yoke::fetch(pool, store{1000}, {.limit = 10}) | std::views::take(3))
        taken += page.rows.size();
    REQUIRE(taken == 30);
#endif
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
