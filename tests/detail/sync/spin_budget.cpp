// SPDX-License-Identifier: MIT
#include "catch.hpp"

#include <yoke/detail/sync/spin_budget.hpp>

using yoke::detail::search_patience;

namespace {

void find_alone(search_patience& patience, int tasks) {
    for (int i = 0; i != tasks; ++i) patience.found_task(false);
}

}  // namespace

TEST_CASE("a worker sleeps at once until eight tasks in a row have come alone") {
    search_patience patience;
    CHECK(patience.looks() == 0);
    find_alone(patience, 7);
    CHECK(patience.looks() == 0);
    find_alone(patience, 1);
    CHECK(patience.looks() == search_patience::most_looks);
}

TEST_CASE("a worker that finds several tasks at once sleeps at once when it has done them") {
    search_patience patience;
    find_alone(patience, 8);
    patience.found_task(true);
    CHECK(patience.looks() == 0);
    find_alone(patience, 7);
    CHECK(patience.looks() == 0);
}

TEST_CASE("a worker gives a conversation up when it has stayed awake for nothing twice") {
    search_patience patience;
    find_alone(patience, 8);
    patience.give_up();
    CHECK(patience.looks() == search_patience::most_looks);
    find_alone(patience, 1);  // came too late: it had to be woken
    patience.give_up();
    CHECK(patience.looks() == 0);
    find_alone(patience, 8);
    CHECK(patience.looks() == search_patience::most_looks);
}

TEST_CASE("a task that finds the worker awake keeps the conversation up") {
    search_patience patience;
    find_alone(patience, 8);
    for (int i = 0; i != 10; ++i) {
        patience.give_up();
        CHECK(patience.looks() == search_patience::most_looks);
        find_alone(patience, 2);  // the first wakes it, the second finds it awake
    }
}

TEST_CASE("sleeps before there is a conversation do not count against one") {
    search_patience patience;
    for (int i = 0; i != 8; ++i) {
        patience.give_up();
        find_alone(patience, 1);
    }
    CHECK(patience.looks() == search_patience::most_looks);
    patience.give_up();
    CHECK(patience.looks() == search_patience::most_looks);
}
