// SPDX-License-Identifier: MIT
#include <yoke/dropped_error.hpp>

#include <yoke/algorithm/consume.hpp>
#include <yoke/algorithm/fetch.hpp>
#include <yoke/algorithm/invoke.hpp>
#include <yoke/algorithm/map.hpp>
#include <yoke/algorithm/pipeline.hpp>
#include <yoke/algorithm/reduce.hpp>
#include <yoke/algorithm/timer.hpp>
#include <yoke/executor/inline_executor.hpp>
#include <yoke/executor/task_group.hpp>
#include <yoke/executor/thread_pool.hpp>
#include <yoke/executor/with.hpp>
#include <yoke/future.hpp>
#include <yoke/future/completion.hpp>
#include <yoke/queue/bounded_queue.hpp>
#include <yoke/schedule.hpp>

#include "catch.hpp"

#include <atomic>
#include <chrono>
#include <functional>
#include <latch>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#if defined(__unix__)
#include <sys/wait.h>
#include <unistd.h>
#endif

using namespace std::chrono_literals;
using yoke::thread_pool;

namespace {

/// What the handler has heard.
struct heard_errors {
    std::mutex mutex;
    std::vector<std::string> texts;
    std::vector<std::string> origins;
} heard;

std::string text_of(const std::exception_ptr& error) {
    try {
        std::rethrow_exception(error);
    } catch (const std::exception& known) {
        return known.what();
    } catch (int number) {
        return std::to_string(number);
    } catch (...) {
        return "?";
    }
}

void hear(std::exception_ptr error, const yoke::dropped_error_origin& origin) {
    const std::lock_guard lock(heard.mutex);
    heard.texts.push_back(text_of(error));
    heard.origins.emplace_back(origin.text);
}

/// Has the handler hear of errors, from none on.
class hearing {
public:
    hearing() : before_(yoke::on_dropped_error(&hear)), count_(yoke::dropped_errors()) {
        const std::lock_guard lock(heard.mutex);
        heard.texts.clear();
        heard.origins.clear();
    }
    ~hearing() { yoke::on_dropped_error(before_); }
    hearing(const hearing&) = delete;
    hearing& operator=(const hearing&) = delete;

    [[nodiscard]] std::vector<std::string> texts() const {
        const std::lock_guard lock(heard.mutex);
        return heard.texts;
    }
    [[nodiscard]] std::vector<std::string> origins() const {
        const std::lock_guard lock(heard.mutex);
        return heard.origins;
    }
    [[nodiscard]] std::uint64_t counted() const { return yoke::dropped_errors() - count_; }

private:
    const yoke::dropped_error_handler before_;
    const std::uint64_t count_;
};

/// Where a failing task waits until it may fail.
struct gate {
    std::latch begun{1};
    std::latch open{1};
    std::atomic<bool> someone_began{false};
    yoke::bounded_queue<int> queue{2};  // for consumers

    /// The task.
    [[nodiscard]] auto failing() {
        return [this](auto&&...) {
            if (!someone_began.exchange(true)) begun.count_down();
            open.wait();
            throw std::runtime_error("lost");
        };
    }
};

/// Something that holds an error when it is done.
struct holder {
    virtual ~holder() = default;
    virtual void wait() = 0;
};
template <class R>
struct future_holder final : holder {
    explicit future_holder(yoke::future<R> given) : held(std::move(given)) {}
    void wait() override {
        static_cast<void>(held.wait_for(std::chrono::hours(1)));  // in the pool, not here
    }
    yoke::future<R> held;
};
template <class R>
std::unique_ptr<holder> hold(yoke::future<R> given) {
    return std::make_unique<future_holder<R>>(std::move(given));
}

yoke::future<int> goes_there_and_fails(thread_pool& pool, gate& g) {
    co_await pool.schedule();
    g.failing()();
    co_return 1;
}
yoke::future<void> awaits(yoke::future<void> failing) { co_await failing; }

struct looking_source {
    gate* g;
    std::vector<int> operator()(yoke::page_request) const {
        g->failing()();
        return {};
    }
};

struct road {
    const char* name;
    std::unique_ptr<holder> (*start)(thread_pool&, yoke::timer&, gate&);
    bool dropped_on_the_way = false;
    std::size_t fewest = 1;  // errors
    std::size_t most = 1;
};

const road all_roads[] = {
    {"submit", [](thread_pool& pool, yoke::timer&, gate& g) { return hold(pool.submit(g.failing())); }},
    {"free submit",
     [](thread_pool& pool, yoke::timer&, gate& g) { return hold(yoke::submit(pool, g.failing())); }},
    {"with",
     [](thread_pool& pool, yoke::timer&, gate& g) {
         auto view = yoke::with(pool, {});
         return hold(view.submit(g.failing()));
     }},
    {"bulk",
     [](thread_pool& pool, yoke::timer&, gate& g) {
         return hold(pool.bulk(3, [f = g.failing()](std::size_t) { f(); }));
     },
     false, 1, 3},
    {"then",
     [](thread_pool& pool, yoke::timer&, gate& g) {
         return hold(pool.submit([] { return 1; }).then(pool, [f = g.failing()](int) { f(); }));
     }},
    {"then on a failed future",
     [](thread_pool& pool, yoke::timer&, gate& g) {
         return hold(pool.submit(g.failing()).then(pool, [] {}).then(pool, [] { return 1; }));
     }},
    {"then by way of the inline executor",
     [](thread_pool& pool, yoke::timer&, gate& g) {
         static yoke::inline_executor here;
         return hold(pool.submit(g.failing()).then(here, [] {}));
     }},
    {"a future that a function was given and dropped",
     [](thread_pool& pool, yoke::timer&, gate& g) {
         return hold(pool.submit(g.failing()).then(pool, [](yoke::future<void>) {}));
     },
     true},
    {"timer::after", [](thread_pool& pool, yoke::timer& timer,
                        gate& g) { return hold(timer.after(pool, 1ms, g.failing())); }},
    {"timer::every", [](thread_pool& pool, yoke::timer& timer,
                        gate& g) { return hold(timer.every(pool, 1ms, g.failing())); }},
    {"a coroutine",
     [](thread_pool& pool, yoke::timer&, gate& g) { return hold(goes_there_and_fails(pool, g)); }},
    {"a coroutine that awaits",
     [](thread_pool& pool, yoke::timer&, gate& g) { return hold(awaits(pool.submit(g.failing()))); }},
    {"when_all of a vector",
     [](thread_pool& pool, yoke::timer&, gate& g) {
         std::vector<yoke::future<void>> all;
         all.push_back(pool.submit([] {}));
         for (int i = 0; i != 3; ++i) all.push_back(pool.submit(g.failing()));
         return hold(yoke::when_all(std::move(all)));
     },
     false, 3, 3},
    {"when_all of a tuple",
     [](thread_pool& pool, yoke::timer&, gate& g) {
         return hold(yoke::when_all(pool.submit([] { return 1; }), pool.submit(g.failing()),
                                    pool.submit(g.failing())));
     },
     false, 2, 2},
    {"when_any",
     [](thread_pool& pool, yoke::timer&, gate& g) {
         std::vector<yoke::future<void>> all;
         all.push_back(pool.submit(g.failing()));
         return hold(yoke::when_any(std::move(all)));
     }},
    {"consume",
     [](thread_pool& pool, yoke::timer&, gate& g) {
         REQUIRE(g.queue.push(1));
         REQUIRE(g.queue.push(1));
         return hold(yoke::consume(pool, 2, g.queue, [f = g.failing()](int) { f(); }));
     },
     false, 2, 2},
};

}  // namespace

TEST_CASE(
    "an error that nobody receives is told and counted once, on every road, before the drop and after it",
    "[concurrent]") {
    for (const bool first_dropped : {true, false}) {
        for (const road& each : all_roads) {
            INFO(each.name << (first_dropped ? ", dropped first" : ", failed first"));
            const hearing now;
            thread_pool pool({.threads = 3, .name = "crew"});
            yoke::timer timer;
            gate g;
            auto held = each.start(pool, timer, g);
            if (first_dropped) {
                g.begun.wait();
                held.reset();
                g.open.count_down();
            } else {
                g.open.count_down();
                held->wait();
                pool.wait();
                // What is left aside because another error is handed on is dropped at once.
                if (!each.dropped_on_the_way) CHECK(now.counted() < each.most);
                held.reset();
            }
            pool.wait();
            const std::vector<std::string> texts = now.texts();
            CHECK(texts == std::vector<std::string>(texts.size(), "lost"));
            CHECK(texts.size() >= each.fewest);
            CHECK(texts.size() <= each.most);
            CHECK(now.counted() == texts.size());
            CHECK(pool.dropped_errors() == texts.size());
            CHECK(pool.statistics().dropped_errors == texts.size());
            for (const std::string& origin : now.origins())
                CHECK(origin.rfind("thread pool 'crew': ", 0) == 0);
        }
    }
}

namespace {

/// Calls that all begin before any of them fails.
constexpr int together = 3;
struct meeting {
    std::latch all{together};
    auto failing() {
        return [this](auto&&...) {
            all.arrive_and_wait();
            throw std::runtime_error("lost");
        };
    }
};
struct failing_pages {
    meeting* met;
    std::vector<int> operator()(yoke::page_request) const {
        met->failing()();
        return {};
    }
};

struct fan {
    const char* name;
    void (*run)(thread_pool&, meeting&);  // throws one error
    std::uint64_t left_aside = together - 1;
};
const std::vector<int> three_items{1, 2, 3};
const fan all_fans[] = {
    {"when_all",
     [](thread_pool& pool, meeting& met) {
         std::vector<yoke::future<void>> all;
         for (int i = 0; i != together; ++i) all.push_back(pool.submit(met.failing()));
         yoke::when_all(std::move(all)).get();
     }},
    {"bulk", [](thread_pool& pool, meeting& met) { pool.bulk(together, met.failing()).get(); }},
    {"for_each", [](thread_pool& pool, meeting& met) { yoke::for_each(pool, three_items, met.failing()); }},
    {"for_each in chunks",
     [](thread_pool& pool, meeting& met) { yoke::for_each(pool, three_items, met.failing(), {.chunk = 1}); }},
    {"for_each that sets failed items aside",
     [](thread_pool& pool, meeting& met) {
         std::vector<yoke::failed_items> failed;
         yoke::for_each(pool, three_items, met.failing(),
                        {.failed = &failed, .on_error = yoke::error_policy::set_aside});
         REQUIRE(failed.size() == together);
         std::rethrow_exception(failed[0].error);
     },
     0},
    {"reduce",
     [](thread_pool& pool, meeting& met) {
         static_cast<void>(yoke::transform_reduce(pool, three_items, 0, std::plus<>(), [&](int) {
             met.failing()();
             return 0;
         }));
     }},
    {"fetch",
     [](thread_pool& pool, meeting& met) {
         for (auto& page :
              yoke::fetch(pool, failing_pages{&met}, {.limit = 1, .total = together, .window = together}))
             static_cast<void>(page);
     }},
    {"fetch as completed, whose errors() has them all",
     [](thread_pool& pool, meeting& met) {
         for (auto& page : yoke::fetch(pool, failing_pages{&met},
                                       {.limit = 1,
                                       .total = together,
                                       .window = together,
                                       .order = yoke::fetch_order::as_completed}))
             static_cast<void>(page);
     },
     0},
    {"pipeline",
     [](thread_pool& pool, meeting& met) {
         static_cast<void>(yoke::from(three_items) |
                           yoke::stage(pool,
                                       [&met](int) {
                                           met.failing()();
                                           return 0;
                                       },
                                       {.limit = together}) |
                           yoke::collect());
     }},
    {"consume",
     [](thread_pool& pool, meeting& met) {
         yoke::bounded_queue<int> queue(together);
         for (const int item : three_items) REQUIRE(queue.push(item));
         static_cast<void>(yoke::consume(pool, together, queue, met.failing()).get());
     }},
    {"one consumer that goes on",
     [](thread_pool& pool, meeting&) {
         yoke::bounded_queue<int> queue(together);
         for (const int item : three_items) REQUIRE(queue.push(item));
         queue.close();
         static_cast<void>(yoke::consume(pool, 1, queue, [](int) { throw std::runtime_error("lost"); },
                                         {.on_error = yoke::consume_errors::go_on})
                               .get());
     }},
    {"invoke, which throws them all",
     [](thread_pool& pool, meeting& met) { yoke::invoke(pool, met.failing(), met.failing(), met.failing()); },
     0},
};

}  // namespace

TEST_CASE("of calls that fail together one error is thrown, and each of the others is told and counted once",
          "[concurrent]") {
    for (const fan& each : all_fans) {
        INFO(each.name);
        const hearing now;
        thread_pool pool({.threads = together, .name = "crew"});
        meeting met;
        CHECK_THROWS(each.run(pool, met));
        pool.wait();
        CHECK(now.counted() == each.left_aside);
        CHECK(now.texts() == std::vector<std::string>(each.left_aside, "lost"));
    }
}

TEST_CASE("errors of detached tasks and of a group that nobody waited for are told", "[concurrent]") {
    const hearing now;
    thread_pool pool(2);
    pool.detach([] { throw std::runtime_error("detached"); });
    pool.detach([] { throw 42; });
    pool.wait();
    CHECK(now.counted() == 2);
    CHECK(pool.dropped_errors() == 2);
    CHECK(now.origins() == std::vector<std::string>(2, "thread pool 'yoke': a detached task"));
    {
        yoke::task_group group(pool);
        for (int i = 0; i != 3; ++i) group.run([] { throw std::runtime_error("in a group"); });
    }
    pool.wait();
    CHECK(now.counted() == 5);
    CHECK(pool.dropped_errors() == 5);
}

TEST_CASE("an error that somebody received is not dropped", "[concurrent]") {
    const hearing now;
    thread_pool pool(3);
    yoke::timer timer;
    const auto fails = [](auto&&...) { throw std::runtime_error("received"); };
    CHECK_THROWS(pool.submit(fails).get());
    CHECK_THROWS(pool.submit(fails).then(pool, [] {}).then(pool, [] {}).get());
    CHECK_THROWS(timer.after(pool, 1ms, fails).get());
    CHECK_THROWS(timer.every(pool, 1ms, fails).get());
    CHECK_THROWS(awaits(pool.submit(fails)).get());
    CHECK_THROWS(pool.bulk(1, fails).get());
    CHECK_THROWS(yoke::when_all(pool.submit(fails), pool.submit([] {})).get());
    CHECK_THROWS(yoke::for_each(pool, std::vector<int>(1, 1), fails));
    CHECK_THROWS(yoke::for_each(pool, std::vector<int>(1, 1), fails, {.chunk = 1}));
    pool.submit(fails)
        .then(pool,
              [](yoke::future<void> failed) {
                  try {
                      failed.get();
                  } catch (...) {  // received
                  }
              })
        .get();
    {
        yoke::task_group group(pool);
        for (int i = 0; i != 3; ++i) group.run(fails);
        CHECK_THROWS(group.wait());
    }
    {
        gate g;
        g.open.count_down();
        auto pages = yoke::fetch(pool, looking_source{&g}, {.limit = 10});
        CHECK_THROWS(pages.next());
    }
    pool.wait();
    CHECK(now.counted() == 0);
    CHECK(now.texts().empty());
    CHECK(pool.dropped_errors() == 0);
}

TEST_CASE("what was cancelled is no error", "[concurrent]") {
    const hearing now;
    {
        thread_pool pool(1);
        pool.pause();
        auto one = pool.submit([] {});
        auto next = pool.submit([] {}).then(pool, [] {});
        auto waits = awaits(pool.submit([] {}));
        REQUIRE(one.cancel());
        auto after = std::move(one).then(pool, [] {});
        pool.shutdown(yoke::cancel_pending);
    }
    CHECK(now.counted() == 0);
}

TEST_CASE("an error whose pool is gone is told all the same") {
    const hearing now;
    yoke::future<void> held;
    {
        thread_pool pool(1);
        held = pool.submit([] { throw std::runtime_error("late"); });
        pool.wait();
    }
    {
        thread_pool another(1);  // perhaps in its place
        held = {};
        CHECK(another.dropped_errors() == 0);
    }
    CHECK(now.texts() == std::vector<std::string>{"late"});
    CHECK(now.origins() == std::vector<std::string>{"a task whose future was dropped"});
}

TEST_CASE("an error is told when its future is dropped, also if others still hold its state") {
    const hearing now;
    yoke::inline_executor here;
    auto failed = here.submit([] { throw std::runtime_error("lost"); });
    const auto held = yoke::detail::core_of(failed);
    failed = {};
    CHECK(now.texts() == std::vector<std::string>{"lost"});
    CHECK(now.counted() == 1);
}

TEST_CASE("on_dropped_error returns the handler before, and null stands for the default one") {
    const auto first = yoke::on_dropped_error(&hear);
    CHECK(yoke::on_dropped_error(nullptr) == &hear);
    CHECK(yoke::on_dropped_error(first) == nullptr);
}

TEST_CASE("an exception of the handler is swallowed, and the pool goes on", "[concurrent]") {
    const auto before = yoke::on_dropped_error(
        [](std::exception_ptr error, const yoke::dropped_error_origin&) { std::rethrow_exception(error); });
    thread_pool pool(1);
    for (int i = 0; i != 3; ++i) pool.detach([] { throw std::runtime_error("lost"); });
    CHECK(pool.submit([] { return 1; }).get() == 1);
    pool.wait();
    CHECK(pool.dropped_errors() == 3);
    yoke::on_dropped_error(before);
}

namespace {

std::atomic<int> told_first{0};
std::atomic<int> told_second{0};

}  // namespace

TEST_CASE("handlers may be swapped while errors are dropped, each error is told to one of them",
          "[concurrent]") {
    told_first = 0;
    told_second = 0;
    const yoke::dropped_error_handler first = [](std::exception_ptr, const yoke::dropped_error_origin&) {
        ++told_first;
    };
    const yoke::dropped_error_handler second = [](std::exception_ptr, const yoke::dropped_error_origin&) {
        ++told_second;
    };
    const auto before = yoke::on_dropped_error(first);
    constexpr int errors = 300;
    {
        thread_pool a(2);
        thread_pool b(2);
        for (int i = 0; i != errors; ++i) {
            a.detach([] { throw 1; });
            static_cast<void>(b.submit([] { throw 1; }));
            if (i % 10 == 0) yoke::on_dropped_error(i % 20 == 0 ? second : first);
        }
        a.wait();
        b.wait();
        CHECK(a.dropped_errors() == errors);
        CHECK(b.dropped_errors() == errors);
    }
    yoke::on_dropped_error(before);
    CHECK(told_first + told_second == 2 * errors);
}

#if defined(__unix__)

namespace {

/// What a child writes to its standard error stream in `work`.
template <class Work>
std::string written_by_child(Work work) {
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    const pid_t child = ::fork();
    if (child == 0) {
        ::dup2(ends[1], STDERR_FILENO);
        ::close(ends[0]);
        ::close(ends[1]);
        work();
        ::_exit(0);
    }
    ::close(ends[1]);
    REQUIRE(child > 0);
    std::string all;
    char some[512];
    for (ssize_t n = 0; (n = ::read(ends[0], some, sizeof some)) > 0;)
        all.append(some, static_cast<std::size_t>(n));
    ::close(ends[0]);
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    REQUIRE(status == 0);
    return all;
}

void drop_one(const char* text) {
    yoke::inline_executor here;
    static_cast<void>(here.submit([text] { throw std::runtime_error(text); }));
}

}  // namespace

TEST_CASE("by default the first dropped error is written, and the others are counted", "[process]") {
    const auto before = yoke::on_dropped_error(nullptr);
    const std::string text = written_by_child([] {
        drop_one("the first");
        drop_one("the second");
        if (yoke::dropped_errors() < 2) ::_exit(1);
    });
    yoke::on_dropped_error(before);
    CHECK(text.find(
              "yoke: an error that nobody receives, from a task whose future was dropped: the first\n") == 0);
    CHECK(text.find("the second") == std::string::npos);
    CHECK(text.find("on_dropped_error") != std::string::npos);
}

TEST_CASE("a forked child has the default handler until it installs its own", "[process]") {
    const hearing now;
    const std::string text = written_by_child([] {
        drop_one("in the child");
        const bool heard_it = !heard.texts.empty();
        const bool was_default = yoke::on_dropped_error(&hear) == nullptr;
        drop_one("to its own handler");
        if (heard_it || !was_default || heard.texts.size() != 1) ::_exit(1);
    });
    CHECK(text.find("in the child") != std::string::npos);
    CHECK(text.find("its own") == std::string::npos);
    CHECK(now.counted() == 0);
}

#endif
