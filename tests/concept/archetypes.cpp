// SPDX-License-Identifier: MIT
#include "catch.hpp"

#include <yoke/concept/archetypes.hpp>
#include <yoke/executor/with.hpp>
#include <yoke/future.hpp>

TEST_CASE("submit and with ask no more of an executor than the concept") {
    yoke::archetype::minimal_executor least;
    auto out = yoke::submit(least, [] { return 1; });
    REQUIRE_THROWS_AS(out.get(), yoke::cancelled);  // it stops everything it is given

    auto view = yoke::with(least, {.attempts = 2});
    STATIC_REQUIRE(yoke::executor<decltype(view)>);
    REQUIRE_THROWS_AS(yoke::submit(view, [] { return 1; }).get(), yoke::cancelled);
}
