// SPDX-License-Identifier: MIT
// labels: concurrent
#include "catch.hpp"

#include <yoke/executor/process/stop_listener.hpp>

#include <atomic>
#include <stop_token>
#include <thread>

using namespace yoke::detail;

TEST_CASE("a task is told of what the word says, and only while it runs", "[concurrent]") {
    shared_word word{0};
    REQUIRE(stoppable_task::current() == nullptr);
    {
        const stoppable_task task(word);
        REQUIRE(stoppable_task::current() == &task);
        REQUIRE_FALSE(task.stop_requested());
        word = stop_watch::asked;
        REQUIRE(task.stop_requested());
    }
    REQUIRE(stoppable_task::current() == nullptr);
}

TEST_CASE("a watch turns the word into a stop request", "[concurrent]") {
    shared_word word{0};
    stop_watch watch(word);
    const std::stop_token token = watch.token();
    REQUIRE_FALSE(token.stop_requested());
    word = stop_watch::asked;
    futex_wake(word);
    while (!token.stop_requested()) std::this_thread::yield();
}

TEST_CASE("a watch that is not asked requests nothing and does not outlive its task", "[concurrent]") {
    for (int round = 0; round < 200; ++round) {
        shared_word word{0};
        std::stop_token token;
        {
            stop_watch watch(word);
            token = watch.token();
        }
        REQUIRE_FALSE(token.stop_requested());
    }
}

TEST_CASE("requests race with the end of the task", "[concurrent]") {
    for (int round = 0; round < 200; ++round) {
        shared_word word{0};
        std::atomic<bool> go{false};
        std::thread asker([&] {
            while (!go) {}
            std::uint32_t unasked = 0;
            word.compare_exchange_strong(unasked, stop_watch::asked);
            futex_wake(word);
        });
        {
            stoppable_task task(word);
            static_cast<void>(task.stop_token());
            go = true;
        }
        asker.join();
    }
}
