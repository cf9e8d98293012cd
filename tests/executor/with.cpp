// SPDX-License-Identifier: MIT
#include "catch.hpp"
#include "support/executors.hpp"
#include "support/pipeline.hpp"

#include <yoke/algorithm/consume.hpp>
#include <yoke/algorithm/fetch.hpp>
#include <yoke/algorithm/map.hpp>
#include <yoke/algorithm/pipeline.hpp>
#include <yoke/algorithm/reduce.hpp>
#include <yoke/algorithm/timer.hpp>
#include <yoke/dropped_error.hpp>
#include <yoke/executor/inline_executor.hpp>
#include <yoke/executor/task_group.hpp>
#include <yoke/executor/thread_pool.hpp>
#include <yoke/executor/with.hpp>
#include <yoke/future/completion.hpp>
#include <yoke/queue/bounded_queue.hpp>
#include <yoke/schedule.hpp>

#include <atomic>
#include <chrono>
#include <functional>
#include <limits>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

using namespace std::chrono_literals;
using Catch::Matchers::ContainsSubstring;

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

/// A receiver with wishes, and with something to lose.
struct asking {
    yoke::task_options wishes;
    int* completions;
    std::unique_ptr<int> luggage = std::make_unique<int>(1);
    void set_value(int) noexcept { ++*completions; }
    void set_error(std::exception_ptr) noexcept { ++*completions; }
    void set_stopped() noexcept { ++*completions; }
    [[nodiscard]] const yoke::task_options& options() const noexcept { return wishes; }
};

/// As `asking`, but as most of the library's own: it cannot be assigned to.
struct asking_once : asking {
    explicit asking_once(asking all) : asking(std::move(all)) {}
    asking_once(asking_once&&) = default;
    asking_once& operator=(asking_once&&) = delete;
};

/// A pool that has not heard of options, and in which a test sees what comes to it.
template <class Pool>
class unlooking {
public:
    explicit unlooking(Pool& pool) : pool_(pool) {}
    template <class R, class F, class... Args>
        requires yoke::callable_with<F, Args...> && yoke::receiver_of<R, yoke::call_result<F, Args...>>
    void execute(R&& receiver, F&& f, Args&&... args) {
        if (yoke::options_of(receiver).timeout != yoke::time_span())
            throw yoke::unsupported("task_options::timeout, in execute");
        pool_.execute(std::forward<R>(receiver), std::forward<F>(f), std::forward<Args>(args)...);
    }
    void shutdown() { pool_.shutdown(); }
    void shutdown(yoke::cancel_pending_t tag) { pool_.shutdown(tag); }
    [[nodiscard]] std::size_t concurrency() const { return pool_.concurrency(); }

private:
    Pool& pool_;
};

template <class E>
yoke::future<void> go_on_there(E& ex, const std::function<void()>& call) {
    co_await yoke::schedule(ex);
    call();
}

struct refused_options {
    std::string name;
    yoke::task_options options;
    std::string value;      // in the text
    bool by_stage = false;  // stage_options has it, too
};

/// What threads cannot do. `by_priority`: of a pool with that policy.
std::vector<refused_options> not_on_threads(bool by_priority) {
    std::vector<refused_options> all;
    // (One option is set after the other: of aggregates g++ 12 believes that their stop tokens are uninitialized.)
    const auto add = [&all](const char* name, auto set, const char* value, bool by_stage) {
        refused_options& added = all.emplace_back();
        added.name = name;
        set(added.options);
        added.value = value;
        added.by_stage = by_stage;
    };
    using options = yoke::task_options;
    add(
        "timeout", [](options& to) { to.timeout = 20ms; }, "(20000000)", true);
    add(
        "timeout", [](options& to) { to.timeout = yoke::time_span::max(); }, "(9223372036854775807)", true);
    add(
        "attempts", [](options& to) { to.attempts = 2; }, "(2)", true);
    add(
        "grace", [](options& to) { to.grace = 0s; }, "(0)", false);
    add(
        "queue_timeout", [](options& to) { to.queue_timeout = 1h; }, "(3600000000000)", false);
    if (!by_priority) {
        add(
            "priority", [](options& to) { to.priority = -1; }, "(-1)", true);
        add(
            "priority", [](options& to) { to.priority = 7; }, "(7)", true);
    }
    return all;
}

}  // namespace

TEMPLATE_TEST_CASE("what an executor on threads cannot honour is refused on every road", "",
                   yoke::inline_executor, yoke::thread_pool, yoke::basic_thread_pool<yoke::fifo>,
                   yoke::basic_thread_pool<yoke::priority<>>) {
    constexpr bool by_priority = std::is_same_v<TestType, yoke::basic_thread_pool<yoke::priority<>>>;
    TestType ex;
    auto view = yoke::with(ex, {});
    bool ran = false;
    int completions = 0;
    const auto call = [&ran](const std::unique_ptr<int>& given) {
        ran = true;
        return *given;
    };
    // Each road is given the options, and an argument that it must leave where it is.
    using road = std::function<void(const yoke::task_options&, std::unique_ptr<int>&)>;
    std::vector<std::pair<std::string, road>> roads = {
        {"with", [&](auto& o, auto&) { static_cast<void>(yoke::with(ex, o)); }},
        {"with a view", [&](auto& o, auto&) { static_cast<void>(yoke::with(view, o)); }},
        {"with a temporary view",
         [&](auto& o, auto&) { static_cast<void>(yoke::with(yoke::with(ex, {}), o)); }},
    };
    const auto add = [&](const std::string& where, auto& to) {
        roads.push_back(
            {"submit" + where, [&](auto& o, auto& a) { to.submit(o, call, std::move(a)).get(); }});
        roads.push_back({"yoke::submit" + where,
                         [&](auto& o, auto& a) { yoke::submit(to, o, call, std::move(a)).get(); }});
        roads.push_back(
            {"try_submit" + where, [&](auto& o, auto& a) { to.try_submit(o, call, std::move(a))->get(); }});
        if constexpr (requires(yoke::task_options o, std::unique_ptr<int> a) {
                          ex.detach(o, call, std::move(a));
                      })
            roads.push_back({"detach" + where, [&](auto& o, auto& a) { to.detach(o, call, std::move(a)); }});
        const auto executes = [&](auto& o, auto& a, auto receiver) {
            try {
                to.execute(std::move(receiver), call, std::move(a));
            } catch (...) {
                CHECK(receiver.luggage != nullptr);
                CHECK(receiver.wishes.priority == o.priority);
                throw;
            }
        };
        roads.push_back({"execute" + where, [&, executes](auto& o, auto& a) {
                             executes(o, a, asking{o, &completions});
                         }});
        roads.push_back(
            {"execute, with a receiver that is not assigned to," + where, [&, executes](auto& o, auto& a) {
                 executes(o, a, asking_once(asking{o, &completions}));
             }});
    };
    add("", ex);
    add(" through a view", view);
    const auto stage_on = [](auto&& on, const yoke::task_options& o) {
        yoke::from({1, 2, 3}) |
            yoke::stage(
                std::forward<decltype(on)>(on), [](int i) { return i; },
                {.name = "first", .timeout = o.timeout, .attempts = o.attempts, .priority = o.priority}) |
            yoke::collect();
    };
    for (const auto& [name, options, value, by_stage] : not_on_threads(by_priority)) {
        for (const auto& [where, begin] : roads) {
            INFO(where << ", " << name);
            auto argument = std::make_unique<int>(1);
            const auto says = ContainsSubstring("task_options::" + name + " " + value);
            CHECK_THROWS_AS(begin(options, argument), yoke::unsupported);
            CHECK_THROWS_WITH(begin(options, argument), says);
            CHECK_THROWS_WITH(begin(options, argument), ContainsSubstring("process_pool"));
            CHECK(argument != nullptr);
        }
        if (!by_stage) continue;
        const auto says = ContainsSubstring("task_options::" + name + " " + value);
        CHECK_THROWS_WITH(stage_on(ex, options), ContainsSubstring("stage 1 (first)"));
        CHECK_THROWS_AS(stage_on(ex, options), yoke::unsupported);
        CHECK_THROWS_WITH(stage_on(ex, options), says);
        CHECK_THROWS_WITH(stage_on(view, options), says);
        CHECK_THROWS_WITH(stage_on(yoke::with(ex, {}), options), says);
    }
    const std::vector<std::pair<std::string, yoke::task_options>> bad = {
        {"timeout", {.timeout = -1ns}},
        {"timeout", {.timeout = std::chrono::duration<double>(std::numeric_limits<double>::quiet_NaN())}},
        {"attempts", {.attempts = 0}},
        {"grace", {.grace = -1ns}},
        {"queue_timeout", {.queue_timeout = std::chrono::hours::min()}},
    };
    for (const auto& [name, options] : bad) {
        for (const auto& [where, begin] : roads) {
            INFO(where << ", " << name);
            auto argument = std::make_unique<int>(1);
            CHECK_THROWS_AS(begin(options, argument), std::invalid_argument);
            CHECK_THROWS_WITH(begin(options, argument), ContainsSubstring("task_options::" + name));
            CHECK(argument != nullptr);
        }
    }
    ex.wait();
    CHECK_FALSE(ran);
    CHECK(completions == 0);
    // What it can honour it takes, on the same roads.
    const yoke::task_options good{.stop = std::stop_source().get_token(), .priority = by_priority ? 5 : 0};
    for (const auto& [where, begin] : roads) {
        INFO(where);
        ran = false;
        auto argument = std::make_unique<int>(1);
        CHECK_NOTHROW(begin(good, argument));
        ex.wait();
        CHECK(ran == (argument == nullptr));
    }
    CHECK(completions == 4);
    ex.shutdown();
}

TEST_CASE("an executor that refuses a task only when it comes: whatever gave the task hands the refusal on") {
    yoke::thread_pool pool(2);
    unlooking refusing(pool);
    auto view = yoke::with(refusing, {.timeout = 1s});
    using view_type = decltype(view);
    yoke::timer timer;
    std::atomic<int> ran{0};
    const auto call = [&ran] { ++ran; };
    std::vector<int> numbers(100, 1);
    const auto source = [&ran](yoke::page_request) {
        ++ran;
        return std::vector<int>();
    };
    yoke::bounded_queue<int> queue(4);
    using road = std::function<void()>;
    const std::vector<std::pair<std::string, road>> roads = {
        {"submit", [&] { yoke::submit(view, call).get(); }},
        {"submit, options of the task", [&] { yoke::submit(refusing, {.timeout = 1s}, call).get(); }},
        {"then", [&] { pool.submit([] {}).then(view, call).get(); }},
        {"after", [&] { timer.after(view, 0ms, call).get(); }},
        {"every", [&] { timer.every(view, 1ms, call).get(); }},
        {"schedule", [&] { go_on_there(view, call).get(); }},
        {"task_group",
         [&] {
             yoke::task_group<view_type> group(view);
             group.run(call);
             group.wait();
         }},
        {"when_all", [&] { yoke::when_all(pool.submit([] {}), pool.submit([] {}).then(view, call)).get(); }},
        {"map", [&] { static_cast<void>(yoke::map(view, numbers, [&](int i) { return ran += i; })); }},
        {"for_each", [&] { yoke::for_each(view, numbers, [&](int i) { ran += i; }); }},
        {"reduce",
         [&] {
             static_cast<void>(yoke::reduce(view, numbers, 0, [&](int a, int b) { return ++ran, a + b; }));
         }},
        {"fetch", [&] { static_cast<void>(yoke::fetch(view, source, {.limit = 10}).next()); }},
        {"consume", [&] { static_cast<void>(yoke::consume(view, 2, queue, [&](int) { ++ran; }).get()); }},
        {"stage",
         [&] {
             yoke::from({1, 2, 3}) | yoke::stage(view, [&](int i) { return ran += i; }) | yoke::collect();
         }},
    };
    const auto dropped = yoke::dropped_errors();
    for (const auto& [name, begin] : roads) {
        INFO(name);
        std::string said;
        try {
            begin();
        } catch (const yoke::unsupported& refused) {
            said = refused.what();
        } catch (const yoke::stage_error& refused) {
            said = refused.what();  // with the stage's name
        }
        CHECK_THAT(said, ContainsSubstring("task_options::timeout, in execute"));
    }
    pool.wait();
    CHECK(ran == 0);
    CHECK(yoke::dropped_errors() == dropped);  // who was refused has heard of it
}

TEST_CASE("of each option the one that was given nearest to the task counts") {
    // Every combination of an option given, or not, to the view, to the view of that, and to the task.
    const std::vector<yoke::task_options> given = {
        {.timeout = 1s}, {.attempts = 2}, {.priority = 3}, {.grace = 4s}, {.queue_timeout = 5s}};
    const auto times = [](yoke::task_options options, int by) {
        if (by == 0) return yoke::task_options{};
        if (options.timeout != yoke::time_span()) options.timeout = std::chrono::seconds(by);
        if (options.attempts != 1) options.attempts = 1 + by;
        if (options.priority != 0) options.priority = by;
        if (options.grace != yoke::time_span::max()) options.grace = std::chrono::seconds(by);
        if (options.queue_timeout != yoke::time_span()) options.queue_timeout = std::chrono::seconds(by);
        return options;
    };
    const auto same = [](const yoke::task_options& a, const yoke::task_options& b) {
        return a.timeout == b.timeout && a.attempts == b.attempts && a.priority == b.priority &&
               a.grace == b.grace && a.queue_timeout == b.queue_timeout;
    };
    yoke::task_options seen;
    spy ex{&seen};
    yoke_test::remote_executor<spy> remote(ex);
    const auto call = [] { return 1; };
    int completions = 0;
    for (std::size_t field = 0; field != given.size(); ++field) {
        for (int inner = 0; inner != 3; ++inner) {
            for (int outer = 0; outer != 3; ++outer) {
                for (int own = 0; own != 3; ++own) {
                    INFO("field " << field << ", inner " << inner << ", outer " << outer << ", own " << own);
                    const auto of_task = times(given[field], own == 0 ? 0 : 10 + own);
                    const auto expected = times(given[field], own != 0     ? 10 + own
                                                              : outer != 0 ? 20 + outer
                                                              : inner != 0 ? 30 + inner
                                                                           : 0);
                    auto view = yoke::with(yoke::with(ex, times(given[field], inner == 0 ? 0 : 30 + inner)),
                                           times(given[field], outer == 0 ? 0 : 20 + outer));
                    STATIC_REQUIRE(std::is_same_v<decltype(view), yoke::executor_with<spy>>);
                    view.submit(of_task, call).get();
                    CHECK(same(seen, expected));
                    yoke::submit(view, of_task, call).get();
                    CHECK(same(seen, expected));
                    view.execute(asking{of_task, &completions}, call);
                    CHECK(same(seen, expected));
                    if (field > 2) continue;  // that stage_options does not have
                    const yoke::stage_options of_stage{.timeout = of_task.timeout,
                                                       .attempts = of_task.attempts,
                                                       .priority = of_task.priority};
                    auto far =
                        yoke::with(yoke::with(remote, times(given[field], inner == 0 ? 0 : 30 + inner)),
                                   times(given[field], outer == 0 ? 0 : 20 + outer));
                    yoke::from({1}) |
                        yoke::stage(
                            far, [](int i) { return i; }, of_stage) |
                        yoke::collect();
                    CHECK(same(seen, expected));
                    if (field != 2) continue;
                    yoke::from({1}) |
                        yoke::stage(view, [](int i) { return i; }, {.priority = of_task.priority}) |
                        yoke::collect();
                    CHECK(same(seen, expected));
                }
            }
        }
    }
    // Together: each field by itself.
    auto view = yoke::with(yoke::with(ex, {.timeout = 1s, .attempts = 2, .priority = 3}),
                           {.attempts = 4, .grace = 5s});
    view.submit({.priority = 6, .queue_timeout = 7s}, call).get();
    CHECK(same(seen, {.timeout = 1s, .attempts = 4, .priority = 6, .grace = 5s, .queue_timeout = 7s}));
}

namespace {

/// Ways to begin a task with the stop tokens of a view, of the view of that, and of its own, if it can have one. Each
/// returns what must live until the task is done.
template <class E>
using stop_roads = std::vector<
    std::pair<std::string, std::function<std::shared_ptr<void>(E&, std::stop_token, std::stop_token,
                                                               std::stop_token, std::function<void()>)>>>;

template <class E>
stop_roads<E> all_stop_roads(yoke::timer& timer) {
    static int completions = 0;
    struct ignoring {
        yoke::task_options wishes;
        void set_value() noexcept { ++completions; }
        void set_error(std::exception_ptr) noexcept { ++completions; }
        void set_stopped() noexcept { ++completions; }
        [[nodiscard]] const yoke::task_options& options() const noexcept { return wishes; }
    };
    const auto keep = [](auto value) { return std::make_shared<decltype(value)>(std::move(value)); };
    using token = std::stop_token;
    using call = std::function<void()>;
    stop_roads<E> roads = {
        // The view is gone before the task begins.
        {"submit",
         [=](E& ex, token a, token b, token c, call f) {
             return keep(yoke::with(yoke::with(ex, {.stop = a}), {.stop = b}).submit({.stop = c}, f));
         }},
        {"yoke::submit",
         [=](E& ex, token a, token b, token c, call f) {
             auto view = yoke::with(yoke::with(ex, {.stop = a}), {.stop = b});
             return keep(yoke::submit(view, {.stop = c}, f));
         }},
        {"execute",
         [=](E& ex, token a, token b, token c, call f) {
             yoke::with(yoke::with(ex, {.stop = a}), {.stop = b}).execute(ignoring{{.stop = c}}, f);
             return nullptr;
         }},
        // Only the views have tokens; the third is that of another view.
        {"then",
         [=](E& ex, token a, token b, token c, call f) {
             auto view = keep(yoke::with(yoke::with(yoke::with(ex, {.stop = a}), {.stop = b}), {.stop = c}));
             yoke::inline_executor here;
             return keep(std::pair(view, here.submit([] {}).then(*view, f)));
         }},
        {"after",
         [=, &timer](E& ex, token a, token b, token c, call f) {
             auto view = keep(yoke::with(yoke::with(yoke::with(ex, {.stop = a}), {.stop = b}), {.stop = c}));
             auto due = timer.after(*view, 0ms, f);
             // It is on the executor when the timer has come to what is due after it.
             yoke::inline_executor here;
             timer.after(here, 0ms, [] {}).get();
             return keep(std::pair(view, std::move(due)));
         }},
        {"schedule",
         [=](E& ex, token a, token b, token c, call f) {
             auto view = keep(yoke::with(yoke::with(yoke::with(ex, {.stop = a}), {.stop = b}), {.stop = c}));
             auto function = keep(f);
             return keep(std::tuple(view, function, go_on_there(*view, *function)));
         }},
    };
    if constexpr (requires(E & ex, call f) { ex.try_submit(f); }) {
        roads.push_back({"try_submit", [=](E& ex, token a, token b, token c, call f) {
                             auto view = yoke::with(yoke::with(ex, {.stop = a}), {.stop = b});
                             return keep(view.try_submit({.stop = c}, f));
                         }});
        roads.push_back({"detach", [=](E& ex, token a, token b, token c, call f) {
                             yoke::with(yoke::with(ex, {.stop = a}), {.stop = b}).detach({.stop = c}, f);
                             return nullptr;
                         }});
    }
    return roads;
}

/// Which of three sources are there, as bits, and which of these is asked to stop; 3: none.
template <class E, class Run>
void try_stop_roads(E& ex, Run run) {
    yoke::timer timer;
    for (const auto& [name, begin] : all_stop_roads<E>(timer)) {
        for (unsigned there = 0; there != 8; ++there) {
            for (unsigned asked = 0; asked != 4; ++asked) {
                if (asked != 3 && (there >> asked & 1U) == 0) continue;
                INFO(name << ", there " << there << ", asked " << asked);
                std::vector<std::stop_source> sources(3);
                const auto token = [&](unsigned i) {
                    return (there >> i & 1U) != 0 ? sources[i].get_token() : std::stop_token();
                };
                std::atomic<int> ran{0};
                const auto kept = begin(ex, token(0), token(1), token(2), [&ran] { ++ran; });
                if (asked != 3) sources[asked].request_stop();
                run();
                CHECK(ran == (asked == 3 ? 1 : 0));
            }
        }
    }
}

}  // namespace

TEMPLATE_TEST_CASE("all stop tokens of a task count, on every road", "[concurrent]", yoke::thread_pool,
                   yoke::basic_thread_pool<yoke::fifo>, yoke::basic_thread_pool<yoke::priority<>>) {
    TestType pool(1);
    pool.pause();
    try_stop_roads(pool, [&pool] {
        pool.resume();
        pool.wait();
        pool.pause();
    });
    pool.resume();
}

TEST_CASE("all stop tokens count on an executor without submit, and for who runs the task while he waits") {
    yoke_test::manual_executor ex;
    try_stop_roads(ex, [&ex] {
        while (ex.run_one()) {}
    });
    std::stop_source first;
    std::stop_source second;
    auto view = yoke::with(yoke::with(ex, {.stop = first.get_token()}), {.stop = second.get_token()});
    auto stopped = view.submit([] {});
    first.request_stop();
    CHECK_THROWS_AS(stopped.get(), yoke::cancelled);
    while (ex.run_one()) {}
}

TEST_CASE("requests to stop race with each other and with the ends of their tasks", "[concurrent]") {
    yoke::thread_pool pool(2);
    int wrong = 0;
    for (int round = 0; round != 300; ++round) {
        std::stop_source first;
        std::stop_source second;
        std::atomic<int> ran{0};
        std::vector<yoke::future<void>> tasks;
        std::thread asks;
        {
            auto view = yoke::with(pool, {.stop = first.get_token()});
            for (int i = 0; i != 4; ++i)
                tasks.push_back(view.submit({.stop = second.get_token()}, [&ran] { ++ran; }));
            asks = std::thread([&first] { first.request_stop(); });
            for (int i = 0; i != 4; ++i)
                tasks.push_back(view.submit({.stop = second.get_token()}, [&ran] { ++ran; }));
        }
        second.request_stop();
        int values = 0;
        for (auto& task : tasks) {
            try {
                task.get();
                ++values;
            } catch (const yoke::cancelled&) {}  // NOLINT(bugprone-empty-catch)
        }
        asks.join();
        if (ran != values) ++wrong;
    }
    CHECK(wrong == 0);
}

TEST_CASE("a detached task with options that throws is counted as one without") {
    yoke::thread_pool pool(1);
    static std::atomic<int> told{0};
    const auto before =
        yoke::on_dropped_error([](std::exception_ptr, const yoke::dropped_error_origin&) { ++told; });
    std::stop_source one;
    std::stop_source other;
    const auto fail = [] { throw std::domain_error("detached"); };
    pool.detach(fail);
    pool.detach({.stop = one.get_token()}, fail);
    yoke::with(pool, {.stop = one.get_token()}).detach(fail);
    yoke::with(pool, {.stop = one.get_token()}).detach({.stop = other.get_token()}, fail);
    pool.wait();
    yoke::on_dropped_error(before);
    CHECK(pool.dropped_errors() == 4);
    CHECK(told == 4);
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
