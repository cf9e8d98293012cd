// SPDX-License-Identifier: MIT
// What a pool tells its observer is tested with the pool, in tests/executor/thread_pool_life.cpp.
#include <yoke/observe/pool_observer.hpp>

#include "catch.hpp"

#include <string>
#include <vector>

namespace {

class note_taker final : public yoke::pool_observer {
public:
    void span_begin(std::size_t worker, std::string_view name) noexcept override {
        notes.push_back(std::to_string(worker) + " begins " + std::string(name));
    }
    void span_end(std::size_t worker) noexcept override { notes.push_back(std::to_string(worker) + " ends"); }
    std::vector<std::string> notes;
};

}  // namespace

TEST_CASE("an observer that overrides nothing may be told everything") {
    yoke::pool_observer watch;
    watch.worker_started("pool", 0);
    watch.task_begin(0);
    watch.span_begin(0, "span");
    watch.span_end(0);
    watch.task_end(0);
    watch.sleep_begin(0);
    watch.sleep_end(0);
    watch.worker_ended("pool", 0);
}

TEST_CASE("a task's span is told to the observer of its thread, if there is one") {
    note_taker watch;
    { const yoke::task_span unseen("unseen"); }
    yoke::detail::this_watched_worker = {&watch, 3};
    {
        const yoke::task_span outer("outer");
        const yoke::task_span inner("inner");
    }
    yoke::detail::this_watched_worker = {};
    { const yoke::task_span unseen("unseen"); }
    REQUIRE(watch.notes == std::vector<std::string>{"3 begins outer", "3 begins inner", "3 ends", "3 ends"});
}
