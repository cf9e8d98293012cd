// SPDX-License-Identifier: MIT
#include <yoke/algorithm/map_options.hpp>

#include "catch.hpp"

#include <utility>

TEST_CASE(
    "Options by default ask for nothing: sizes are chosen, the first error stops, nothing is set aside") {
    const yoke::map_options options;
    CHECK(options.chunk == 0);
    CHECK(options.window == 0);
    CHECK(options.failed == nullptr);
    CHECK(options.on_error == yoke::error_policy::stop);
}

TEST_CASE("An item that failed is one item, the first, unless more is said") {
    const yoke::failed_items one;
    CHECK(one.index == 0);
    CHECK(one.count == 1);
    CHECK_FALSE(one.error);
}
