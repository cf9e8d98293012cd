// SPDX-License-Identifier: MIT
// labels: concurrent
#include "catch.hpp"

#include <yoke/executor/thread/bulk_state.hpp>
#include <yoke/future.hpp>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace {

using yoke::detail::bulk_state;

/// A bulk of calls of `f`, its state and its future.
template <class F>
auto bulk_of(std::uint64_t count, std::size_t hands, F f) {
    yoke::detail::state_ref<bulk_state<F>> state(
        new bulk_state<F>(count, hands, yoke::detail::task_home(), std::move(f)));
    auto outcome = yoke::detail::future_access::make<void>(
        yoke::detail::state_ref<yoke::detail::future_state<void>>(state.share()));
    return std::pair(std::move(state), std::move(outcome));
}

}  // namespace

TEST_CASE("one hand makes all calls of a bulk, in order") {
    std::vector<std::size_t> calls;
    auto [state, outcome] = bulk_of(100, 2, [&calls](std::size_t i) { calls.push_back(i); });
    REQUIRE_FALSE(outcome.ready());
    state->work();
    REQUIRE(outcome.ready());
    outcome.get();
    REQUIRE(calls.size() == 100);
    REQUIRE(std::is_sorted(calls.begin(), calls.end()));
    state->work();
    REQUIRE(calls.size() == 100);
}

TEST_CASE("who waits for a bulk lends a hand") {
    int calls = 0;
    auto [state, outcome] = bulk_of(10, 2, [&calls](std::size_t) { ++calls; });
    outcome.get();
    REQUIRE(calls == 10);
}

TEST_CASE("a bulk of no calls is complete") {
    auto [state, outcome] = bulk_of(0, 2, [](std::size_t) {});
    REQUIRE(outcome.ready());
    REQUIRE_FALSE(outcome.cancel());
    outcome.get();
}

TEST_CASE("many hands make each call of a bulk once", "[concurrent]") {
    for (int round = 0; round != 200; ++round) {
        const auto calls = std::make_unique<std::atomic<int>[]>(2000);
        auto [state, outcome] = bulk_of(2000, 3, [&calls](std::size_t i) { ++calls[i]; });
        std::vector<std::thread> hands;
        for (int h = 0; h != 3; ++h) hands.emplace_back([&state = *state] { state.work(); });
        outcome.get();
        REQUIRE(std::all_of(calls.get(), calls.get() + 2000, [](const auto& n) { return n == 1; }));
        for (auto& hand : hands) hand.join();
    }
}

TEST_CASE("a call that throws ends a bulk: the lowest one's exception arrives when all that began have ended",
          "[concurrent]") {
    std::atomic<int> running{0};
    auto [state, outcome] = bulk_of(10'000, 2, [&running](std::size_t i) {
        ++running;
        if (i % 100 == 99) {
            --running;
            throw std::domain_error(std::to_string(i));
        }
        --running;
    });
    std::thread other([&state = *state] { state.work(); });
    std::string text;
    try {
        outcome.get();
    } catch (const std::domain_error& error) {
        text = error.what();
        REQUIRE(running == 0);
    }
    other.join();
    REQUIRE(text == "99");
}

TEST_CASE("a bulk can be cancelled until its first call begins") {
    int calls = 0;
    auto [unbegun, never] = bulk_of(10, 2, [&calls](std::size_t) { ++calls; });
    REQUIRE(never.cancel());
    REQUIRE(never.cancel());
    unbegun->work();
    REQUIRE(calls == 0);
    REQUIRE_THROWS_AS(never.get(), yoke::cancelled);

    bool cancelled_inside = true;
    yoke::future<void>* mine = nullptr;
    auto [begun, outcome] = bulk_of(10, 2, [&](std::size_t) {
        ++calls;
        cancelled_inside = mine->cancel();
    });
    mine = &outcome;
    begun->work();
    REQUIRE_FALSE(cancelled_inside);
    REQUIRE(calls == 10);
    outcome.get();
}

TEST_CASE("a bulk that is dropped completes as stopped or with the error, after what has begun") {
    auto [unbegun, stopped] = bulk_of(10, 2, [](std::size_t) {});
    unbegun->drop(nullptr);
    REQUIRE_THROWS_AS(stopped.get(), yoke::cancelled);

    auto [refused, failed] = bulk_of(10, 2, [](std::size_t) {});
    refused->drop(std::make_exception_ptr(std::domain_error("no")));
    REQUIRE_THROWS_AS(failed.get(), std::domain_error);

    auto [done, outcome] = bulk_of(10, 1, [](std::size_t) {});
    done->work();
    done->drop(nullptr);
    outcome.get();
}
