// SPDX-License-Identifier: MIT
// What the numbers are is tested with the pool, in tests/executor/thread_pool_life.cpp.
#include <yoke/observe/pool_statistics.hpp>

#include "catch.hpp"

#include <type_traits>

TEST_CASE("a pool's statistics begin at zero and are plain values") {
    const yoke::pool_statistics none;
    REQUIRE(none.threads == 0);
    REQUIRE(none.queued + none.running + none.done + none.overtaken + none.stolen + none.slept == 0);
    REQUIRE(none.dropped_errors == 0);
    REQUIRE(none.workers.empty());
    STATIC_REQUIRE(std::is_copy_assignable_v<yoke::pool_statistics>);
    const yoke::worker_statistics nobody;
    REQUIRE(nobody.done + nobody.stolen + nobody.slept == 0);
    REQUIRE_FALSE(nobody.busy);
}
