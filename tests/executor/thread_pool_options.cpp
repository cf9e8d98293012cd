// SPDX-License-Identifier: MIT
// What the options do to a pool is tested in thread_pool.cpp and thread_pool_life.cpp.
#include <yoke/executor/thread_pool_options.hpp>

#include "catch.hpp"

#include <yoke/detail/os/cpu_count.hpp>

#include <algorithm>

using Catch::Matchers::ContainsSubstring;
using yoke::detail::to_setup;

TEST_CASE("without options a pool is as large as the process may be, and unbounded") {
    const auto setup = to_setup(yoke::thread_pool_options{});
    REQUIRE(setup.threads == yoke::detail::default_concurrency());
    REQUIRE(setup.max_pending == yoke::thread_pool_options::unbounded);
    REQUIRE(setup.name == "yoke");
    REQUIRE(setup.processors.empty());
    REQUIRE(setup.drain_time == std::chrono::nanoseconds::max());
    REQUIRE(setup.hooks == nullptr);
}

TEST_CASE("an option that makes no sense is refused with its name, its value and the remedy") {
    REQUIRE_THROWS_WITH(to_setup(yoke::thread_pool_options{.max_pending = 0}),
                        ContainsSubstring("max_pending is 0") && ContainsSubstring("use 1 or more"));
    REQUIRE_THROWS_WITH(to_setup(yoke::thread_pool_options{.threads = 3'000'000}),
                        ContainsSubstring("thread_pool_options::threads") && ContainsSubstring("3000000") &&
                            ContainsSubstring("2097151"));
#if defined(__linux__)
    REQUIRE_THROWS_WITH(to_setup(yoke::thread_pool_options{.processors = {123456}}),
                        ContainsSubstring("processors") && ContainsSubstring("123456") &&
                            ContainsSubstring("available_processors()"));
#endif
}

#if defined(__linux__)
TEST_CASE("the available processors are those of the affinity mask") {
    const auto all = yoke::available_processors();
    REQUIRE(all.size() == yoke::detail::cpu_affinity());
    REQUIRE(std::is_sorted(all.begin(), all.end()));
    REQUIRE(to_setup(yoke::thread_pool_options{.processors = all}).processors == all);
}
#endif

TEST_CASE("an initialization is copied for each thread, and its observer comes after it") {
    struct watcher final : yoke::pool_observer {
        void worker_started(std::string_view pool, std::size_t worker) noexcept override {
            seen += std::string(pool) + std::to_string(worker) + " ";
        }
        void worker_ended(std::string_view, std::size_t) noexcept override { seen += "end"; }
        std::string seen;
    } watch;
    const auto setup = to_setup(
        yoke::thread_pool_options{.name = "p", .observer = &watch},
        [&watch, calls = 0](std::size_t) mutable { watch.seen += "init " + std::to_string(calls++) + " "; });
    REQUIRE(setup.observed);
    REQUIRE(setup.initialized);
    setup.hooks->begin(0);
    setup.hooks->begin(1);
    setup.hooks->end(1);
    REQUIRE(watch.seen == "init 0 p0 init 0 p1 end");
}
