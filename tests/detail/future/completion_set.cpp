// SPDX-License-Identifier: MIT
// labels: concurrent

// Waits in which the other side acts at a chosen step between the look and the sleep. A lost wake shows as a hang.
#define YOKE_TEST_POINTS

#include "catch.hpp"

#include <yoke/detail/future/completion_set.hpp>
#include <yoke/executor/thread_pool.hpp>
#include <yoke/observe/pool_observer.hpp>

#include <atomic>
#include <cstdint>
#include <string_view>
#include <thread>

using yoke::detail::completion_set;
using yoke::detail::future_core;
using yoke::detail::future_state;
using yoke::detail::state_ref;

namespace {

/// What happens at the next step of this name, once.
std::atomic<const char*> step{nullptr};
void (*act)() = nullptr;

void at_step(const char* name) {
    const char* const wanted = step.load();
    if (wanted == nullptr || std::string_view(name) != wanted) return;
    step = nullptr;
    act();
}

/// Before there are threads that could read it.
[[maybe_unused]] const bool listens = (yoke::detail::test_point_hook = &at_step, true);

struct hooked {
    hooked(const char* where, void (*what)()) {
        act = what;
        step = where;
    }
    ~hooked() { step = nullptr; }
    hooked(const hooked&) = delete;
    hooked& operator=(const hooked&) = delete;
};

state_ref<future_state<int>> watched;
state_ref<future_state<int>> never_done;

state_ref<future_core> share(const state_ref<future_state<int>>& state) {
    return state_ref<future_core>(state.share());
}

}  // namespace

TEST_CASE("what completes at any step of falling asleep is not slept through", "[concurrent]") {
    for (const char* where : {"nothing ready", "completions counted", "falls asleep"}) {
        for (const bool elsewhere : {false, true}) {
            INFO(where << (elsewhere ? ", on another thread" : ""));
            watched = state_ref<future_state<int>>(new future_state<int>(1));
            never_done = state_ref<future_state<int>>(new future_state<int>(1));
            completion_set set;
            set.add(share(watched), 7);
            set.add(share(never_done), 8);
            const hooked now(
                where, elsewhere ? +[] { std::thread([] { watched->set_value(1); }).join(); }
                                 : +[] { watched->set_value(1); });
            CHECK(set.take() == 7);
            CHECK(step.load() == nullptr);
            never_done->set_value(0);  // what still watches it, lets it go
        }
    }
    never_done = {};
}

namespace {

/// A future that may wait for others, and so asks for news.
struct future_with_news final : future_state<int> {
    using future_state<int>::future_state;
    state_ref<future_core> help_here(std::size_t&) noexcept override {
        want();
        return {};
    }
};

}  // namespace

TEST_CASE("news at any step of falling asleep are not slept through", "[concurrent]") {
    // The first news let take() look again, and the next step completes the future. In a task, where take() helps: elsewhere
    // it wants no news.
    yoke::thread_pool pool(1);
    for (const char* where : {"nothing ready", "completions counted", "falls asleep"}) {
        INFO(where);
        watched = state_ref<future_state<int>>(new future_with_news(1));
        completion_set set;
        set.add(share(watched), 7);
        const hooked now(where, [] {
            act = [] { watched->set_value(1); };
            step = "nothing ready";
            watched->news();
        });
        CHECK(pool.submit([&set] { return set.take(); }).get() == 7);
    }
}

namespace {

/// Counts the parts of tasks that other workers have ended.
struct ended_parts final : yoke::pool_observer {
    void task_end(std::size_t) noexcept override { ++count; }
    std::atomic<int> count{0};
};
ended_parts ended;
std::atomic<bool> may_end{false};

}  // namespace

TEST_CASE("a stolen job that ends just as its owner falls asleep does not leave it asleep", "[concurrent]") {
    for (int round = 0; round != 20; ++round) {
        ended.count = 0;
        may_end = false;
        yoke::thread_pool pool({.threads = 2, .observer = &ended});
        std::atomic<bool> stolen{false};
        const hooked now("job marked", [] {
            may_end = true;
            // The thief's part is over, and so is its ringing.
            while (ended.count == 0) std::this_thread::yield();
        });
        auto task = pool.submit([&] {
            pool.invoke(
                [&] {
                    while (!stolen) std::this_thread::yield();
                },
                [&] {
                    stolen = true;
                    while (!may_end) std::this_thread::yield();
                });
        });
        REQUIRE(task.wait_for(std::chrono::hours(1)));
    }
}
