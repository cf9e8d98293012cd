// SPDX-License-Identifier: MIT
#include "catch.hpp"

#include <yoke/detail/future/task_scope.hpp>

#include <thread>

TEST_CASE("a task scope marks this thread's stack, and names its executor to any depth") {
    using yoke::detail::inside_task;
    using yoke::detail::inside_task_of;
    const int a = 0;
    const int b = 0;
    REQUIRE_FALSE(inside_task());
    {
        const yoke::detail::task_scope outer(&a);
        {
            const yoke::detail::task_scope unnamed;
            REQUIRE(inside_task());
            REQUIRE(inside_task_of(&a));
            REQUIRE_FALSE(inside_task_of(&b));
            const yoke::detail::task_scope inner(&b);
            REQUIRE(inside_task_of(&a));
            REQUIRE(inside_task_of(&b));
        }
        REQUIRE_FALSE(inside_task_of(&b));
        bool elsewhere = true;
        std::thread([&elsewhere] { elsewhere = inside_task(); }).join();
        REQUIRE_FALSE(elsewhere);
    }
    REQUIRE_FALSE(inside_task());
    REQUIRE_FALSE(inside_task_of(&a));
}
