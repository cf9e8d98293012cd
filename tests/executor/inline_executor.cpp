// SPDX-License-Identifier: MIT
#include "catch.hpp"

#include <yoke/executor/inline_executor.hpp>

#include <string>
#include <thread>

TEST_CASE("the inline executor has run the task before submit returns, in the caller") {
    yoke::inline_executor ex;
    bool ran = false;
    auto out = ex.submit([&ran] {
        ran = true;
        return std::this_thread::get_id();
    });
    REQUIRE(ran);
    REQUIRE(out.ready());
    REQUIRE(out.get() == std::this_thread::get_id());
    REQUIRE(ex.concurrency() == 1);
}

TEST_CASE("inline tasks may submit and wait to any depth") {
    yoke::inline_executor ex;
    struct nest {
        yoke::inline_executor& ex;
        int operator()(int depth) const { return depth == 0 ? 0 : 1 + ex.submit(nest{ex}, depth - 1).get(); }
    };
    REQUIRE(nest{ex}(200) == 200);
}

TEST_CASE("the inline executor looks at the stop token of a task") {
    yoke::inline_executor ex;
    std::stop_source source;
    source.request_stop();
    bool ran = false;
    REQUIRE_THROWS_AS(ex.submit({.stop = source.get_token()}, [&ran] { ran = true; }).get(), yoke::cancelled);
    REQUIRE_FALSE(ran);
}

TEST_CASE("after shutdown the inline executor refuses and touches no argument") {
    yoke::inline_executor ex;
    ex.shutdown();
    std::string kept = "still here, and too long for the small string buffer";
    REQUIRE_THROWS_AS(ex.submit([](std::string) {}, std::move(kept)), yoke::pool_closed);
    REQUIRE(kept.size() > 20);
}
