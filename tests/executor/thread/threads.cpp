// SPDX-License-Identifier: MIT
#include "catch.hpp"

#include <yoke/executor/thread/threads.hpp>

#include <atomic>
#include <cstddef>
#include <mutex>
#include <set>
#include <stdexcept>
#include <thread>
#include <vector>

using yoke::detail::eventcount;
using yoke::detail::thread_crew;

namespace {

/// Members that do nothing until they are told to leave.
class idlers final : public thread_crew::work {
public:
    explicit idlers(std::size_t threads) : crew(threads, sleep, *this) {}

    void prepare_worker(std::size_t) override {
        if (refuse) throw std::runtime_error("not now");
    }
    void live(std::size_t self) noexcept override {
        {
            const std::lock_guard lock(mutex);
            if (!present.insert(self).second) twice = true;
        }
        static_cast<void>(sleep.end_search());
        ++lives;  // busy from now on
        while (!leave && !(crew.too_many() && retire(self))) std::this_thread::yield();
        if (leave) {
            const std::lock_guard lock(mutex);
            present.erase(self);
        }
        static_cast<void>(crew.let_go());
    }
    bool retire(std::size_t self) {
        const std::lock_guard lock(mutex);
        if (!crew.retire(self)) return false;
        present.erase(self);
        return true;
    }

    std::mutex mutex;
    std::set<std::size_t> present;
    std::atomic<bool> twice{false};
    std::atomic<bool> refuse{false};
    std::atomic<bool> leave{false};
    std::atomic<int> lives{0};
    eventcount sleep;
    thread_crew crew;
};

void until(const std::atomic<int>& value, int reached) {
    while (value < reached) std::this_thread::yield();
}
const auto not_over = [] { return false; };

}  // namespace

TEST_CASE("a crew starts a member for each call that finds nobody idle, and no more than there are to be",
          "[concurrent]") {
    idlers some(3);
    REQUIRE_FALSE(some.crew.attended());
    REQUIRE(some.crew.running() == 0);
    some.crew.attend();
    some.crew.attend();
    REQUIRE(some.crew.attended());
    REQUIRE(some.crew.running() == 1);
    for (int i = 1; i != 6; ++i) {
        until(some.lives, std::min(i, 3));  // each is busy before the next call
        some.crew.notify(not_over);
    }
    until(some.lives, 3);
    REQUIRE(some.crew.running() == 3);
    REQUIRE(some.crew.started() == 3);
    some.leave = true;
    some.crew.join();
    REQUIRE(some.crew.let_go());  // the last share
    REQUIRE_FALSE(some.twice);
}

TEST_CASE("nobody is started when all is over, or when the start fails", "[concurrent]") {
    idlers some(2);
    some.refuse = true;
    REQUIRE_THROWS_WITH(some.crew.attend(), "not now");
    REQUIRE_THROWS_WITH(some.crew.start_all(), "not now");
    REQUIRE_FALSE(some.crew.attended());
    some.refuse = false;
    some.crew.attend();
    until(some.lives, 1);
    some.refuse = true;
    some.crew.notify(not_over);  // fails, in silence
    some.refuse = false;
    some.crew.notify([] { return true; });
    REQUIRE(some.crew.running() == 1);
    while (some.crew.running() != 2) some.crew.notify(not_over);  // after a while it is tried again
    some.leave = true;
    some.crew.join();
}

TEST_CASE("a crew becomes smaller and larger, and numbers are used again but never twice at once",
          "[concurrent]") {
    idlers some(4);
    some.crew.start_all();
    for (const std::size_t size : {2u, 5u, 1u, 1u, 6u, 3u}) {
        some.crew.resize(size);
        REQUIRE(some.crew.target() == size);
        some.crew.start_all();
        while (some.crew.running() != size) std::this_thread::yield();
        REQUIRE_FALSE(some.crew.too_many());
        while ([&] {
            const std::lock_guard lock(some.mutex);
            return some.present.size() != size;
        }()) {
            std::this_thread::yield();
        }
        const std::lock_guard lock(some.mutex);
        REQUIRE(*some.present.rbegin() < 6);
    }
    some.leave = true;
    some.crew.join();
    REQUIRE_FALSE(some.twice);
}
