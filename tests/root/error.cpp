// SPDX-License-Identifier: MIT
#include "catch.hpp"

#include <yoke/error.hpp>

TEST_CASE("every error of the library can be caught as yoke::error") {
    const auto is_ours = [](auto error) {
        try {
            throw error;
        } catch (const yoke::error& e) {
            return std::string(e.what()).size() > 10;
        }
    };
    REQUIRE(is_ours(yoke::pool_closed()));
    REQUIRE(is_ours(yoke::cancelled()));
    REQUIRE(is_ours(yoke::no_state()));
    REQUIRE(is_ours(yoke::broken_promise()));
    REQUIRE(is_ours(yoke::forked()));
    REQUIRE(is_ours(yoke::queue_closed()));
    REQUIRE(is_ours(yoke::worker_lost("worker 12 was lost", 12, 9, 0, 3)));
    REQUIRE(is_ours(yoke::remote_error({{"my::type", "text"}}, 1)));
    REQUIRE(is_ours(yoke::fetch_error("page at offset 3", 3)));
    REQUIRE(is_ours(yoke::stage_error("stage 1, item 2", 1, 2)));
}

TEST_CASE("worker_lost names the worker, what ended it, and the task") {
    const yoke::worker_lost lost("worker 12 was lost: signal 9", 12, 9, 0, 3);
    REQUIRE(lost.pid() == 12);
    REQUIRE(lost.signal() == 9);
    REQUIRE(lost.status() == 0);
    REQUIRE(lost.task() == 3);
}

TEST_CASE("remote_error describes the exception and all that were nested in it") {
    const yoke::remote_error error({{"my::outer", "while reading"}, {"std::out_of_range", "row 7"}}, 99);
    REQUIRE(error.type() == "my::outer");
    REQUIRE(error.text() == "while reading");
    REQUIRE(error.chain().size() == 2);
    REQUIRE(error.chain().at(1).what == "row 7");
    REQUIRE(error.worker() == 99);
    REQUIRE(std::string(error.what()) == "my::outer: while reading");
}

TEST_CASE("fetch_error and stage_error say where it happened") {
    REQUIRE(yoke::fetch_error("page at offset 3000", 3000).offset() == 3000);
    const yoke::stage_error error("stage 2, item 5", 2, 5);
    REQUIRE(error.stage() == 2);
    REQUIRE(error.item() == 5);
}
