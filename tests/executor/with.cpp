// SPDX-License-Identifier: MIT
#include "catch.hpp"
#include "support/executors.hpp"

#include <yoke/executor/inline_executor.hpp>
#include <yoke/executor/thread_pool.hpp>
#include <yoke/executor/with.hpp>

#include <chrono>
#include <limits>
#include <stdexcept>
#include <type_traits>
#include <utility>
#include <vector>

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

/// A receiver that must not be called.
struct asking {
    yoke::task_options wishes;
    void set_value(int) noexcept {}
    void set_error(std::exception_ptr) noexcept {}
    void set_stopped() noexcept {}
    [[nodiscard]] const yoke::task_options& options() const noexcept { return wishes; }
};

}  // namespace

TEMPLATE_TEST_CASE("what an executor on threads cannot honour is refused on every road", "",
                   yoke::inline_executor, yoke::thread_pool, yoke::basic_thread_pool<yoke::fifo>,
                   yoke::basic_thread_pool<yoke::priority<>>) {
    using namespace std::chrono_literals;
    constexpr bool by_priority = std::is_same_v<TestType, yoke::basic_thread_pool<yoke::priority<>>>;
    TestType ex;
    bool ran = false;
    const auto call = [&] {
        ran = true;
        return 1;
    };
    const auto on_every_road = [&](const yoke::task_options& options, auto refusal, const std::string& name) {
        using error = decltype(refusal);
        INFO(name);
        const auto names_it = Catch::Matchers::ContainsSubstring("task_options::" + name);
        CHECK_THROWS_AS(yoke::with(ex, options), error);
        CHECK_THROWS_WITH(ex.submit(options, call), names_it);
        CHECK_THROWS_AS(ex.submit(options, call), error);
        CHECK_THROWS_AS(ex.execute(asking{options}, call), error);
        if constexpr (requires { ex.try_submit(options, call); }) {
            CHECK_THROWS_AS(ex.try_submit(options, call), error);
        }
    };
    const yoke::unsupported unsupported("");
    const std::invalid_argument bad("");
    on_every_road({.timeout = 20ms}, unsupported, "timeout");
    on_every_road({.attempts = 2}, unsupported, "attempts");
    on_every_road({.grace = 0s}, unsupported, "grace");
    on_every_road({.queue_timeout = 1h}, unsupported, "queue_timeout");
    on_every_road({.timeout = -1ns}, bad, "timeout");
    on_every_road({.timeout = std::chrono::duration<double>(std::numeric_limits<double>::quiet_NaN())}, bad,
                  "timeout");
    on_every_road({.attempts = 0}, bad, "attempts");
    on_every_road({.grace = -1ns}, bad, "grace");
    on_every_road({.queue_timeout = std::chrono::hours::min()}, bad, "queue_timeout");
    if (!by_priority) on_every_road({.priority = -1}, unsupported, "priority");
    REQUIRE_FALSE(ran);
    if (by_priority) REQUIRE(ex.submit({.priority = 5}, call).get() == 1);
    REQUIRE(ex.submit({.stop = std::stop_source().get_token()}, call).get() == 1);
    ex.shutdown();
}

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
