// SPDX-License-Identifier: MIT
#include "catch.hpp"
#include "support/executors.hpp"

#include <yoke/executor/inline_executor.hpp>
#include <yoke/executor/with.hpp>

#include <stdexcept>

namespace {

/// Reports the options each task arrives with.
struct spy {
    yoke::task_options* seen;
    template <class R, class F, class... Args>
        requires yoke::callable_with<F, Args...>
    void execute(R&& receiver, F&& f, Args&&... args) {
        *seen = yoke::options_of(receiver);
        yoke::complete_with_call(std::forward<R>(receiver), std::forward<F>(f), std::forward<Args>(args)...);
    }
    void shutdown() {}
    void shutdown(yoke::cancel_pending_t) {}
    std::size_t concurrency() const { return 3; }
};

}  // namespace

TEST_CASE("with gives every task its options and is an executor like the one behind it") {
    yoke::task_options seen;
    spy ex{&seen};
    auto view = yoke::with(ex, {.timeout = std::chrono::seconds(5), .attempts = 3, .priority = 2});
    STATIC_REQUIRE(yoke::local_executor<decltype(view)>);
    REQUIRE(view.concurrency() == 3);
    REQUIRE(yoke::submit(
                view, [](int a) { return a; }, 4)
                .get() == 4);
    REQUIRE(seen.timeout == std::chrono::seconds(5));
    REQUIRE(seen.attempts == 3);
    REQUIRE(seen.priority == 2);
}

TEST_CASE("with passes shutdown on to the executor behind it") {
    yoke::inline_executor ex;
    auto view = yoke::with(ex, {});
    REQUIRE(yoke::submit(view, [] { return 1; }).get() == 1);
    view.shutdown();
    REQUIRE_THROWS_AS(yoke::submit(ex, [] { return 1; }), yoke::pool_closed);
}

TEST_CASE("with refuses options out of range and says which") {
    yoke::inline_executor ex;
    REQUIRE_THROWS_WITH(yoke::with(ex, {.attempts = 0}), Catch::Matchers::ContainsSubstring("attempts is 0"));
    REQUIRE_THROWS_AS(yoke::with(ex, {.timeout = std::chrono::seconds(-1)}), std::invalid_argument);
}
