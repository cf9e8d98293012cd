// SPDX-License-Identifier: MIT
#include "catch.hpp"

#include <yoke/concept/page_source.hpp>

#include <memory>
#include <string>
#include <vector>

TEST_CASE("a page source is copyable and callable through const with a page_request") {
    auto good = [](yoke::page_request) { return std::vector<std::string>(); };
    auto changes = [n = 0](yoke::page_request) mutable {
        return std::vector<int>(static_cast<std::size_t>(++n));
    };
    auto no_rows = [](yoke::page_request) { return 1; };
    auto other_argument = [](std::string) { return std::vector<int>(); };
    auto move_only = [p = std::make_unique<int>()](yoke::page_request) { return std::vector<int>(); };
    STATIC_REQUIRE(yoke::page_source<decltype(good)>);
    STATIC_REQUIRE(std::is_same_v<yoke::page_row<decltype(good)>, std::string>);
    STATIC_REQUIRE_FALSE(yoke::page_source<decltype(changes)>);
    STATIC_REQUIRE_FALSE(yoke::page_source<decltype(no_rows)>);
    STATIC_REQUIRE_FALSE(yoke::page_source<decltype(other_argument)>);
    STATIC_REQUIRE_FALSE(yoke::page_source<decltype(move_only)>);
    STATIC_REQUIRE_FALSE(yoke::page_source<int>);
}

TEST_CASE("a page request is an offset and a limit") {
    REQUIRE(yoke::page_request{10, 5} == yoke::page_request{.offset = 10, .limit = 5});
    REQUIRE_FALSE(yoke::page_request{10, 5} == yoke::page_request{10, 6});
}
