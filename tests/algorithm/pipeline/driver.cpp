// SPDX-License-Identifier: MIT
#include <yoke/algorithm/pipeline/driver.hpp>

#include "catch.hpp"
#include "support/executors.hpp"
#include "support/pipeline.hpp"

#include <yoke/algorithm/pipeline.hpp>
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

struct bad : std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// Cannot be moved when it holds 13.
struct unlucky {
    explicit unlucky(int v) : value(v) {}
    unlucky(unlucky&& other) : value(other.value) {
        if (value == 13) throw bad("13 cannot be moved");
    }
    unlucky& operator=(unlucky&&) = delete;
    int value;
};

struct told {
    std::size_t stage;
    std::uint64_t item;
    std::string text;
};

/// Runs what must end in a stage_error.
template <class Run>
told failure_of(Run&& run) {
    try {
        run();
    } catch (const yoke::stage_error& error) {
        return {error.stage(), error.item(), yoke_test::texts(error)};
    }
    return {99, 99, "it did not fail"};
}

}  // namespace

TEST_CASE("an error in a stage names stage and item, and has the cause nested in it") {
    yoke::inline_executor here;
    const auto plan = yoke::from(numbers(20)) | yoke::stage(here, same) |
                      yoke::filter([](int x) { return x % 2 == 1; }) |
                      yoke::stage(here,
                                  [](int x) {
                                      if (x == 15) throw bad("no 15");
                                      return x;
                                  },
                                  {.name = "report"});
    const told error = failure_of([&] { (void)(plan | yoke::collect()); });
    CHECK(error.stage == 2);
    CHECK(error.item == 7);
    CHECK(error.text == "stage 2 (report), item 7: no 15 <- no 15");
    try {
        (void)(plan | yoke::collect());
        FAIL("no error");
    } catch (const yoke::error& error) {
        CHECK_THROWS_AS(std::rethrow_if_nested(error), bad);
    }
}

TEST_CASE("whatever is thrown arrives", "[concurrent]") {
    yoke::thread_pool pool(2);
    remote_executor elsewhere(pool);
    const told odd = failure_of(
        [&] { yoke::from({1}) | yoke::stage(pool, [](int) -> int { throw 42; }) | yoke::discard(); });
    CHECK(odd.text == "stage 1, item 0: an exception that is not a std::exception <- ?");
    const told far = failure_of([&] {
        yoke::from({1, 2}) | yoke::stage(pool, same) |
            yoke::stage(elsewhere,
                        [](int x) {
                            if (x == 2) throw bad("far away");
                            return x;
                        },
                        {.limit = 1, .name = "far"}) |
            yoke::discard();
    });
    CHECK(far.stage == 2);
    CHECK(far.item == 1);
    CHECK(far.text == "stage 2 (far), item 1: far away <- far away");
}

TEST_CASE("an error in the source counts as stage 0") {
    yoke::inline_executor here;
    const told error = failure_of([&] {
        yoke::from([n = 0]() mutable -> std::optional<int> {
            if (n == 3) throw bad("disk");
            return n++;
        }) | yoke::stage(here, same) |
            yoke::discard();
    });
    CHECK(error.stage == 0);
    CHECK(error.item == 3);
    CHECK(error.text == "the source, item 3: disk <- disk");
}

TEST_CASE("an error in the sink counts as the stage after the last") {
    yoke::inline_executor here;
    const told error = failure_of([&] {
        yoke::from(numbers(9)) | yoke::stage(here, same) | yoke::stage(here, same) |
            yoke::for_each_result([](int x) {
                if (x == 5) throw bad("full");
            });
    });
    CHECK(error.stage == 3);
    CHECK(error.item == 5);
    CHECK(error.text == "the sink, item 5: full <- full");
}

TEST_CASE("errors in filters, flatten, batches and orders say where they were") {
    yoke::inline_executor here;
    const auto bad_filter = [](int x) {
        if (x == 4) throw bad("f");
        return true;
    };
    CHECK(failure_of([&] { yoke::from(numbers(9)) | yoke::filter(bad_filter) | yoke::discard(); }).text ==
          "the filter after the source, item 4: f <- f");
    const told filter = failure_of([&] {
        yoke::from(numbers(9)) | yoke::stage(here, same, {.name = "a"}) | yoke::filter(bad_filter) |
            yoke::discard();
    });
    CHECK(filter.stage == 1);
    CHECK(filter.text == "the filter after stage 1 (a), item 4: f <- f");

    const told order = failure_of([&] {
        yoke::from(numbers(9)) | yoke::stage(here, same) |
            yoke::stage(here, same, {},
                        yoke::longest_first([](int x) { return x < 6 ? x : throw bad("c"); })) |
            yoke::discard();
    });
    CHECK(order.stage == 2);
    CHECK(order.text == "the order of stage 2, item 6: c <- c");

    const auto unlucky_one = [](int x) { return unlucky(x); };
    CHECK(failure_of([&] {
              yoke::from(numbers(20)) | yoke::stage(here, unlucky_one) | yoke::batch(10) | yoke::discard();
          }).text == "stage 1, item 13: 13 cannot be moved <- 13 cannot be moved");

    struct broken_range {
        std::vector<int> items{1, 2};
        auto begin() const { return items.begin(); }
        auto end() const { return throw bad("r"), items.end(); }
    };
    const told flat = failure_of([&] {
        yoke::from(numbers(3)) | yoke::stage(here, [](int) { return broken_range(); }) | yoke::flatten() |
            yoke::discard();
    });
    CHECK(flat.stage == 1);
    CHECK(flat.text == "flatten after stage 1, item 0: r <- r");
}

TEST_CASE("an item that cannot be moved fails where it is moved, and nothing is lost over it",
          "[concurrent]") {
    yoke::thread_pool pool(2);
    std::vector<yoke::failed_item> failed;
    int good = 0;
    const auto keep = [](unlucky x) { return x.value == 12 ? unlucky(13) : unlucky(std::move(x)); };
    yoke::from(numbers(20)) | yoke::filter([](int x) { return x != 13; }) |
        yoke::stage(pool, [](int x) { return unlucky(x); }) | yoke::stage(pool, keep) |
        yoke::for_each_result([&](const unlucky&) { ++good; },
                              {.on_error = yoke::error_policy::set_aside, .failed = &failed});
    CHECK(good == 18);
    REQUIRE(failed.size() == 1);
    CHECK(failed[0].stage == 2);
}

namespace {

/// A receiver whose options are hidden.
template <class R>
struct without_options {
    R receiver;
    template <class... Values>
    void set_value(Values&&... values) noexcept {
        std::move(receiver).set_value(std::forward<Values>(values)...);
    }
    void set_error(std::exception_ptr error) noexcept { std::move(receiver).set_error(std::move(error)); }
    void set_stopped() noexcept { std::move(receiver).set_stopped(); }
};

/// Runs by hand, also after a stop was requested, as if each task had begun before that.
struct deaf_executor {
    yoke_test::manual_executor inner;

    template <class R, class F, class... Args>
        requires yoke::callable_with<F, Args...> && yoke::receiver_of<R, yoke::call_result<F, Args...>>
    void execute(R&& receiver, F&& f, Args&&... args) {
        inner.execute(without_options<std::decay_t<R>>{std::forward<R>(receiver)}, std::forward<F>(f),
                      std::forward<Args>(args)...);
    }
    void shutdown() { inner.shutdown(); }
    void shutdown(yoke::cancel_pending_t) { inner.shutdown(yoke::cancel_pending); }
    [[nodiscard]] std::size_t concurrency() const { return inner.concurrency(); }
};

}  // namespace

TEST_CASE("the first error in time is thrown, others are counted") {
    deaf_executor deaf;
    auto& by_hand = deaf.inner;
    remote_executor elsewhere(deaf);
    yoke::pipeline_statistics statistics;
    int asked = 0;
    const told error = failure_of([&] {
        yoke::from([&]() -> std::optional<std::vector<int>> {
            if (asked++ == 0) return std::vector{10, 20, 30};
            while (by_hand.run_one()) {}
            return std::nullopt;
        }) | yoke::flatten() |
            yoke::stage(
                elsewhere, [](int x) -> int { throw bad(std::to_string(x)); }, {.limit = 3},
                yoke::longest_first([](int x) { return x; })) |
            yoke::discard({.statistics = &statistics});
    });
    // 30 failed first, although it is the last in the order.
    CHECK(error.item == 2);
    CHECK(error.text == "stage 1, item 2: 30 <- 30");
    CHECK(statistics.errors == 3);
    CHECK(statistics.stages.at(0).errors == 3);
}

TEST_CASE("nothing begins after the first error, and what runs is waited for", "[concurrent]") {
    yoke::thread_pool pool(2);
    std::latch other_runs(1);
    std::atomic<int> calls{0};
    std::atomic<bool> other_ended{false};
    int asked = 0;
    const told error = failure_of([&] {
        yoke::from([&] { return std::optional(asked++); }) | yoke::stage(pool, [&](int x) {
            ++calls;
            if (x == 0) {
                other_runs.wait();
                throw bad("zero");
            }
            if (x == 1) other_runs.count_down();  // once: a latch does not go below zero
            for (int i = 0; i != 1'000; ++i) std::this_thread::yield();
            other_ended = true;
            return x;
        }) | yoke::for_each_result([](int) {}, {.items = 16});
    });
    CHECK(error.item == 0);
    CHECK(other_ended);
    const int calls_then = calls;
    pool.wait();
    CHECK(calls == calls_then);
    CHECK(asked <= calls_then + 16);
}

TEST_CASE("the sink gets nothing after an error", "[concurrent]") {
    yoke::inline_executor here;
    std::vector<int> seen;
    failure_of([&] {
        yoke::from(numbers(100)) | yoke::stage(here, [](int x) {
            if (x == 10) throw bad("ten");
            return x;
        }) | yoke::for_each_result([&](int x) { seen.push_back(x); });
    });
    CHECK(seen.size() <= 10);
    CHECK(seen == numbers(static_cast<int>(seen.size())));
}

TEST_CASE("calls elsewhere that have not begun are cancelled by an error", "[concurrent]") {
    yoke::thread_pool pool(1);
    remote_executor elsewhere(pool);
    static std::atomic<int> calls;
    static std::latch* all_out;
    calls = 0;
    std::latch out(1);
    all_out = &out;
    int asked = 0;
    const told error = failure_of([&] {
        yoke::from([&]() -> std::optional<int> {
            if (asked == 4) out.count_down();
            if (asked == 4) return std::nullopt;
            return asked++;
        }) |
            yoke::stage(elsewhere,
                        [](int x) -> int {
                            ++calls;
                            all_out->wait();
                            throw bad(std::to_string(x));
                        },
                        {.limit = 4}) |
            yoke::discard();
    });
    CHECK(error.text == "stage 1, item 0: 0 <- 0");
    CHECK(elsewhere.calls == 4);
    CHECK(calls == 1);
}

TEST_CASE("the run can be repeated after an error", "[concurrent]") {
    yoke::thread_pool pool(2);
    std::atomic<bool> fail = true;
    const auto plan = yoke::from(numbers(1'000)) | yoke::stage(pool, [&](int x) {
                          if (fail && x == 500) throw bad("once");
                          return x;
                      });
    CHECK_THROWS_AS(plan | yoke::collect(), yoke::stage_error);
    fail = false;
    CHECK((plan | yoke::collect()) == numbers(1'000));
}
