// SPDX-License-Identifier: MIT
#include "catch.hpp"

#include <yoke/algorithm/fetch/page_call.hpp>
#include <yoke/error.hpp>

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <vector>

namespace {

using rows = std::vector<std::uint64_t>;

/// Rows 0 to `total`, at most `most` a call, and `failures` calls that throw before one succeeds.
struct short_source {
    std::uint64_t total;
    std::size_t most;
    int* failures;
    int* calls;

    rows operator()(yoke::page_request page) const {
        ++*calls;
        if (*failures != 0) {
            --*failures;
            throw std::runtime_error("not now");
        }
        rows out;
        for (std::uint64_t i = page.offset; i < total && out.size() < most && out.size() < page.limit; ++i)
            out.push_back(i);
        return out;
    }
};

}  // namespace

TEST_CASE("a page is asked for until it is complete, and not beyond the end") {
    int failures = 0;
    int calls = 0;
    const yoke::detail::page_call<short_source> call{{7, 2, &failures, &calls}, true, 0};
    REQUIRE(call({0, 5}) == rows{0, 1, 2, 3, 4});
    REQUIRE(calls == 3);
    REQUIRE(call({5, 5}) == rows{5, 6});
    REQUIRE(calls == 5);  // the last one came back empty
    const yoke::detail::page_call<short_source> as_it_comes{{7, 2, &failures, &calls}, false, 0};
    REQUIRE(as_it_comes({0, 5}) == rows{0, 1});
}

TEST_CASE("a call that throws is made again as often as the options say") {
    int failures = 2;
    int calls = 0;
    const yoke::detail::page_call<short_source> call{{7, 9, &failures, &calls}, false, 2};
    REQUIRE(call({0, 3}) == rows{0, 1, 2});
    REQUIRE(calls == 3);
    failures = 3;
    REQUIRE_THROWS_AS(call({0, 3}), std::runtime_error);
    REQUIRE(calls == 6);
}

TEST_CASE("a source that returns more rows than it was asked for is told so, and not asked again") {
    struct generous {
        int* calls;
        rows operator()(yoke::page_request page) const {
            ++*calls;
            return rows(page.limit + 1);
        }
    };
    int calls = 0;
    const yoke::detail::page_call<generous> call{{&calls}, true, 5};
    REQUIRE_THROWS_AS(call({0, 3}), yoke::page_overflow);
    REQUIRE(calls == 1);
}
