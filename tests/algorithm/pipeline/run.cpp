// SPDX-License-Identifier: MIT
#include <yoke/algorithm/pipeline/run.hpp>

#include "catch.hpp"
#include "support/executors.hpp"
#include "support/pipeline.hpp"

#include <yoke/algorithm/pipeline.hpp>
#include <yoke/concept/archetypes.hpp>
#include <yoke/executor/inline_executor.hpp>
#include <yoke/executor/thread_pool.hpp>

#include <atomic>
#include <latch>
#include <numeric>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

using Catch::Matchers::ContainsSubstring;
using yoke_test::remote_executor;

namespace {

std::vector<int> numbers(int count) {
    std::vector<int> all(static_cast<std::size_t>(count));
    std::iota(all.begin(), all.end(), 0);
    return all;
}

int same(int x) { return x; }

template <class Run>
std::string failure_of(Run&& run) {
    try {
        run();
    } catch (const yoke::stage_error& error) {
        return yoke_test::texts(error);
    }
    return "it did not fail";
}

/// Accepts tasks and loses them.
struct careless_executor {
    template <class R, class F, class... Args>
    void execute(R&& receiver, F&&, Args&&...) {
        const std::decay_t<R> lost(std::forward<R>(receiver));
    }
    void shutdown() {}
    void shutdown(yoke::cancel_pending_t) {}
    [[nodiscard]] std::size_t concurrency() const { return 1; }
};

/// As a process pool in a task of its own: takes nothing, and only notices after it took the receiver.
struct rude_executor {
    template <class R, class F, class... Args>
    void execute(R&& receiver, F&&, Args&&...) {
        const std::decay_t<R> mine(std::forward<R>(receiver));
        throw std::runtime_error("rude");
    }
    void shutdown() {}
    void shutdown(yoke::cancel_pending_t) {}
    [[nodiscard]] std::size_t concurrency() const { return 1; }
};

}  // namespace

TEST_CASE("executors that complete inside execute need no deep stack either") {
    yoke::inline_executor inner;
    remote_executor here(inner);
    remote_executor there(inner);
    const auto results = yoke::from({200'000}) | yoke::stage(here, numbers) | yoke::flatten() |
                         yoke::stage(here, same, {.limit = 8}) | yoke::stage(there, same) |
                         yoke::stage(inner, same) | yoke::stage(here, same, {.limit = 2}) | yoke::collect();
    CHECK(results == numbers(200'000));
}

TEST_CASE("an executor that is shut down fails the items it does not take", "[concurrent]") {
    yoke::thread_pool closed(1);
    closed.shutdown();
    CHECK_THAT(
        failure_of([&] { yoke::from({1}) | yoke::stage(closed, same, {.name = "x"}) | yoke::discard(); }),
        ContainsSubstring("stage 1 (x), item 0: ") && ContainsSubstring("shut down"));
    remote_executor elsewhere(closed);
    CHECK_THAT(failure_of([&] { yoke::from({1}) | yoke::stage(elsewhere, same) | yoke::discard(); }),
               ContainsSubstring("stage 1, item 0: ") && ContainsSubstring("shut down"));

    std::vector<yoke::failed_item> failed;
    yoke::from(numbers(10)) | yoke::batch(2) | yoke::stage(closed, [](std::vector<int> x) { return x; }) |
        yoke::discard({.on_error = yoke::error_policy::set_aside, .failed = &failed});
    CHECK(failed.size() == 5);
    failed.clear();
    yoke::from(numbers(10)) | yoke::stage(elsewhere, same) |
        yoke::discard({.on_error = yoke::error_policy::set_aside, .failed = &failed});
    CHECK(failed.size() == 10);
}

TEST_CASE("an executor that cancels what is pending fails the items it will not run", "[concurrent]") {
    for (const bool remote : {false, true}) {
        std::latch release(1);
        yoke::thread_pool busy(1);
        remote_executor busy_elsewhere(busy);
        std::latch occupied(1);
        auto blocker = busy.submit([&] {
            occupied.count_down();
            release.wait();
        });
        occupied.wait();
        std::latch one_is_in(1);
        std::jthread canceller([&] {
            one_is_in.wait();
            busy.shutdown(yoke::cancel_pending);
            release.count_down();
        });
        const auto source = [&, n = 0]() mutable -> std::optional<int> {
            if (n == 1) one_is_in.count_down();
            return n == 1 ? std::nullopt : std::optional(n++);
        };
        const std::string text = failure_of([&] {
            if (remote) {
                yoke::from(source) | yoke::stage(busy_elsewhere, same) | yoke::discard();
            } else {
                yoke::from(source) | yoke::stage(busy, same) | yoke::discard();
            }
        });
        CHECK_THAT(text, ContainsSubstring("stage 1, item 0: ") && ContainsSubstring("cancelled"));
        blocker.get();
    }
}

TEST_CASE("an executor that breaks its promises fails items but does not hang the run") {
    careless_executor careless;
    CHECK_THAT(failure_of([&] { yoke::from({1}) | yoke::stage(careless, same) | yoke::discard(); }),
               ContainsSubstring("stage 1, item 0: ") && ContainsSubstring("dropped without an outcome"));
    remote_executor far(careless);
    CHECK_THAT(failure_of([&] { yoke::from({1}) | yoke::stage(far, same) | yoke::discard(); }),
               ContainsSubstring("stage 1, item 0: ") && ContainsSubstring("dropped without an outcome"));
    rude_executor rude;
    CHECK_THAT(failure_of([&] { yoke::from({1}) | yoke::stage(rude, same) | yoke::discard(); }),
               ContainsSubstring("stage 1, item 0: "));
    remote_executor far_and_rude(rude);
    CHECK_THAT(failure_of([&] { yoke::from({1}) | yoke::stage(far_and_rude, same) | yoke::discard(); }),
               ContainsSubstring("stage 1, item 0: "));
}

TEST_CASE("a pipeline asks no more of an executor than the concept does") {
    yoke::archetype::minimal_executor least;
    // It runs nothing and completes everything as stopped.
    CHECK_THAT(failure_of([&] { yoke::from({1}) | yoke::stage(least, same) | yoke::discard(); }),
               ContainsSubstring("stage 1, item 0: ") && ContainsSubstring("cancelled"));
}

TEST_CASE("a pool that bounds its queue is used without deadlock", "[concurrent]") {
    yoke::thread_pool pool({.threads = 1, .max_pending = 1});
    yoke::thread_pool other({.threads = 1, .max_pending = 1});
    remote_executor elsewhere(other);
    CHECK((yoke::from(numbers(2'000)) | yoke::stage(pool, same, {.limit = 4}) |
           yoke::stage(elsewhere, same, {.limit = 4}) | yoke::stage(pool, same) |
           yoke::stage(elsewhere, same, {.limit = 4}) | yoke::collect()) == numbers(2'000));
}
