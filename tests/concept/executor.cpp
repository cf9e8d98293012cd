// SPDX-License-Identifier: MIT
#include "catch.hpp"
#include "support/executors.hpp"

#include <yoke/concept/archetypes.hpp>
#include <yoke/concept/executor.hpp>

#include <memory>
#include <string>

namespace {

struct no_shutdown {
    template <class R, class F>
    void execute(R&&, F&&) {}
    std::size_t concurrency() { return 1; }
};
struct no_cancelling {
    template <class R, class F>
    void execute(R&&, F&&) {}
    void shutdown() {}
    std::size_t concurrency() { return 1; }
};

}  // namespace

TEST_CASE("a type without one of the four operations is not an executor") {
    STATIC_REQUIRE(yoke::executor<yoke::archetype::minimal_executor>);
    STATIC_REQUIRE(yoke::executor<yoke_test::thread_executor>);
    STATIC_REQUIRE_FALSE(yoke::executor<int>);
    STATIC_REQUIRE_FALSE(yoke::executor<no_shutdown>);
    STATIC_REQUIRE_FALSE(yoke::executor<no_cancelling>);
}

TEST_CASE("executor_of says no to a call that does not compile") {
    using ex = yoke_test::thread_executor;
    STATIC_REQUIRE(yoke::executor_of<ex, int (*)(int), int>);
    STATIC_REQUIRE_FALSE(yoke::executor_of<ex, int (*)(int), std::string>);
    STATIC_REQUIRE_FALSE(yoke::executor_of<ex, int (*)(int)>);
    STATIC_REQUIRE_FALSE(yoke::executor_of<ex, int>);
    // The call is made with decayed copies, so a move-only argument must be given up.
    auto takes = [](std::unique_ptr<int>) {};
    STATIC_REQUIRE(yoke::executor_of<ex, decltype(takes), std::unique_ptr<int>>);
    STATIC_REQUIRE_FALSE(yoke::executor_of<ex, decltype(takes), std::unique_ptr<int>&>);
}

TEST_CASE("only an executor of this address space takes a call that holds a pointer") {
    STATIC_REQUIRE(yoke::local_executor<yoke_test::thread_executor>);
    STATIC_REQUIRE_FALSE(yoke::local_executor<yoke::archetype::minimal_executor>);
    STATIC_REQUIRE(yoke::executor_of<yoke::archetype::minimal_executor, int (*)(int), int>);
}
