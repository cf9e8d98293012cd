// SPDX-License-Identifier: MIT
//
// What the state behind a future promises to those who are told of it, and that a completion which anybody can see means
// that all that the work held is gone, whatever kind of work it was.
#include "catch.hpp"
#include "support/executors.hpp"

#include <yoke/algorithm/consume.hpp>
#include <yoke/algorithm/fetch.hpp>
#include <yoke/algorithm/invoke.hpp>
#include <yoke/algorithm/map.hpp>
#include <yoke/algorithm/pipeline.hpp>
#include <yoke/algorithm/reduce.hpp>
#include <yoke/algorithm/timer.hpp>
#include <yoke/detail/future/state.hpp>
#include <yoke/error.hpp>
#include <yoke/executor/inline_executor.hpp>
#include <yoke/executor/task_group.hpp>
#include <yoke/executor/thread_pool.hpp>
#include <yoke/executor/with.hpp>
#include <yoke/future.hpp>
#include <yoke/future/completion.hpp>
#include <yoke/queue/bounded_queue.hpp>
#include <yoke/schedule.hpp>

#include <atomic>
#include <chrono>
#include <functional>
#include <latch>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

using namespace std::chrono_literals;
using yoke_test::manual_executor;
using yoke_test::thread_executor;

namespace {

/// A state that waits for another one, as a `then` does.
class waiting_state final : public yoke::detail::future_state<int> {
public:
    explicit waiting_state(future_core* awaited) : future_state<int>(1), awaited_(awaited) {}

private:
    yoke::detail::state_ref<future_core> help_here(std::size_t&) noexcept override {
        want();
        if (awaited_ == nullptr) return {};
        awaited_->acquire();
        return yoke::detail::state_ref<future_core>(awaited_);
    }
    future_core* awaited_;
};

/// Counts what it is told. At the first news it has more of them, after somebody has helped again.
struct counting_continuation final : yoke::detail::continuation {
    explicit counting_continuation(yoke::detail::future_core& of) : state(of) {}
    yoke::detail::state_ref<yoke::detail::future_core> future_done() noexcept override {
        ++ends;
        return {};
    }
    yoke::detail::state_ref<yoke::detail::future_core> future_news() noexcept override {
        if (++news == 1 && again) {
            state.help();
            state.news();
        }
        return {};
    }
    yoke::detail::future_core& state;
    bool again = false;
    int news = 0;
    int ends = 0;
};

template <class State>
yoke::detail::state_ref<State> hold(State* state) {
    return yoke::detail::state_ref<State>(state);
}

/// While one of these lives, the work holds something.
class held {
public:
    explicit held(std::atomic<int>& count) : count_(&count) { ++*count_; }
    held(const held& other) : count_(other.count_) { ++*count_; }
    held(held&& other) noexcept : count_(std::exchange(other.count_, nullptr)) {}
    held& operator=(held other) noexcept {
        std::swap(count_, other.count_);
        return *this;
    }
    ~held() {
        if (count_ == nullptr) return;
        // Long enough for a thread that was told too early to look.
        std::this_thread::yield();
        --*count_;
    }

private:
    std::atomic<int>* count_;
};

yoke::future<void> coroutine_with_local(yoke::thread_pool& pool, std::atomic<int>& count, bool fails) {
    co_await pool.schedule();
    const held local(count);
    if (fails) throw std::domain_error("coroutine");
}
yoke::future<void> coroutine_with_parameter(yoke::thread_pool& pool, held, bool fails) {
    co_await pool.schedule();
    if (fails) throw std::domain_error("coroutine");
}
yoke::future<void> awaiting(yoke::future<void> inner) { co_await std::move(inner); }

yoke::future<int> child(yoke::thread_pool& pool, std::mutex& mutex) {
    co_await pool.schedule();
    const std::lock_guard lock(mutex);
    co_return 1;
}
yoke::future<int> parent(yoke::thread_pool& pool, std::mutex& mutex) {
    const int given = co_await child(pool, mutex);
    const std::lock_guard lock(mutex);  // the child is done, so nobody has it
    co_return given + 1;
}

/// A receiver that looks at the count when it is told.
struct looking_receiver {
    std::atomic<int>* count;
    int* seen;
    void set_value() noexcept { *seen = *count; }
    void set_error(std::exception_ptr) noexcept { *seen = *count; }
    void set_stopped() noexcept { *seen = *count; }
};

}  // namespace

TEST_CASE("news that come while others are told are told in a second round") {
    auto front = hold(new yoke::detail::future_state<int>(1));
    auto state = hold(new waiting_state(front.get()));
    counting_continuation told(*state);
    told.again = true;
    REQUIRE(state->tell(told));
    state->help();
    state->news();
    CHECK(told.news == 2);
    state->set_value(1);
    CHECK(told.ends == 1);
    front->set_value(1);
}

TEST_CASE("news go further only where somebody has helped, and once for each time") {
    auto front = hold(new yoke::detail::future_state<int>(1));
    auto state = hold(new waiting_state(front.get()));
    counting_continuation told(*state);
    REQUIRE(state->tell(told));
    state->news();
    CHECK(told.news == 0);
    state->help();
    state->news();
    state->news();
    CHECK(told.news == 1);
    state->set_value(1);
    state->help();
    state->news();
    CHECK(told.news == 1);
    CHECK(told.ends == 1);
    front->set_value(1);
}

TEST_CASE("a coroutine gives back its locals before anybody hears that it is done", "[concurrent]") {
    yoke::thread_pool pool(2);
    std::mutex mutex;
    for (int round = 0; round != 200; ++round) REQUIRE(parent(pool, mutex).get() == 2);
}

namespace {

/// How a piece of work ends.
enum class outcome { value, error, cancel };
constexpr outcome outcomes[] = {outcome::value, outcome::error, outcome::cancel};

/// Work that holds something, and ends as it is told to (cancel: it does not begin).
struct holding_work {
    held holds;
    outcome how;
    template <class... Ignored>
    int operator()(Ignored&&...) const {
        if (how == outcome::error) throw std::domain_error("work");
        return 1;
    }
};

/// Waits for a future and says how many things are held once its end is visible. `how` is how it must end.
template <class R>
int left_when_done(yoke::future<R> done, const std::atomic<int>& count, bool helps) {
    if (helps) {
        done.wait();
    } else {
        (void)done.wait_until(std::chrono::steady_clock::time_point::max());
    }
    const int left = count;
    try {
        static_cast<void>(done.get());
    } catch (const std::domain_error&) {  // NOLINT(bugprone-empty-catch)
    } catch (const yoke::cancelled&) {}   // NOLINT(bugprone-empty-catch)
    return left;
}

/// Does something that is over when it returns or throws.
template <class Call>
void end_of(Call&& call) {
    try {
        call();
    } catch (const std::domain_error&) {   // NOLINT(bugprone-empty-catch)
    } catch (const yoke::cancelled&) {     // NOLINT(bugprone-empty-catch)
    } catch (const yoke::stage_error&) {   // NOLINT(bugprone-empty-catch)
    } catch (const yoke::task_errors&) {   // NOLINT(bugprone-empty-catch)
    } catch (const yoke::fetch_error&) {}  // NOLINT(bugprone-empty-catch)
}

/// A queue that is referred to by copies of itself, as a handle is.
struct held_queue {
    using value_type = int;
    held holds;
    std::shared_ptr<yoke::bounded_queue<int>> queue;
    std::optional<int> pop() { return queue->pop(); }
    void close() { queue->close(); }
};

}  // namespace

TEST_CASE("when a completion is visible, all that the work held is gone, whatever kind of work it was",
          "[concurrent]") {
    yoke::thread_pool pool(2);
    thread_executor threads;
    manual_executor never;
    yoke::timer timer;
    std::atomic<int> count{0};
    // Begins the work; the future of those that can be cancelled is then cancelled while the pool does nothing.
    using make = std::function<yoke::future<void>(outcome)>;
    const auto work = [&count](outcome how) { return [call = holding_work{held(count), how}] { call(); }; };
    const auto first = [](outcome how) {
        if (how == outcome::error) throw std::domain_error("first");
    };
    const auto consumers = [&](outcome how) {
        held_queue queue{held(count), std::make_shared<yoke::bounded_queue<int>>(4)};
        (void)queue.queue->push(1);
        (void)queue.queue->push(2);
        queue.close();
        return yoke::consume(pool, 2, std::move(queue), holding_work{held(count), how});
    };
    struct kind {
        std::string name;
        make begin;
        bool cancels = false;
    };
    const std::vector<kind> kinds = {
        {"submit", [&](outcome how) { return pool.submit(work(how)); }, true},
        {"submit through a view",
         [&](outcome how) {
             return yoke::with(pool, {.stop = std::stop_source().get_token()}).submit(work(how));
         },
         true},
        {"submit with an argument",
         [&](outcome how) { return pool.submit([first, how](const held&) { first(how); }, held(count)); },
         true},
        {"an executor without submit", [&](outcome how) { return yoke::submit(threads, work(how)); }},
        {"then", [&](outcome how) { return pool.submit([] {}).then(pool, work(how)); }, true},
        {"then that is skipped",
         [&](outcome how) {
             return pool.submit([first, how] { first(how); }).then(pool, work(outcome::value));
         },
         true},
        {"bulk", [&](outcome how) { return pool.bulk(10, [call = work(how)](std::size_t) { call(); }); },
         true},
        {"coroutine with a local",
         [&](outcome how) { return coroutine_with_local(pool, count, how == outcome::error); }},
        {"coroutine with a parameter",
         [&](outcome how) { return coroutine_with_parameter(pool, held(count), how == outcome::error); }},
        {"awaiting coroutine",
         [&](outcome how) { return awaiting(coroutine_with_local(pool, count, how == outcome::error)); }},
        {"after", [&](outcome how) { return timer.after(pool, 0ms, work(how)); }, true},
        {"every", [&](outcome) { return timer.every(pool, 1ms, work(outcome::error)); }, true},
        {"when_all",
         [&](outcome how) {
             std::vector<yoke::future<void>> some;
             for (int i = 0; i != 3; ++i) some.push_back(pool.submit(work(how)));
             return yoke::when_all(std::move(some));
         }},
        {"results that when_all drops",
         [&](outcome) {
             return yoke::when_all(pool.submit([] { throw std::domain_error("first"); }),
                                   pool.submit([&count] { return held(count); }))
                 .then(pool, [](auto) {});
         }},
        {"when_any",
         [&](outcome how) {
             std::vector<yoke::future<void>> some;
             some.push_back(yoke::submit(never, [] {}));
             some.push_back(pool.submit(work(how)));
             return yoke::when_any(std::move(some)).then(pool, [](auto) {});
         }},
        {"consume", [&](outcome how) { return consumers(how).then(pool, [](auto) {}); }},
    };
    for (const auto& [name, begin, cancels] : kinds) {
        for (const outcome how : outcomes) {
            if (how == outcome::cancel && !cancels) continue;
            for (const bool helps : {false, true}) {
                INFO(name << ", outcome " << static_cast<int>(how) << ", helps " << helps);
                int left = 0;
                for (int round = 0; round != 30; ++round) {
                    if (how != outcome::cancel) {
                        left += left_when_done(begin(how), count, helps);
                        continue;
                    }
                    pool.pause();
                    auto done = begin(how);
                    CHECK(done.cancel());
                    left += count;
                    CHECK(done.cancel());  // as it is so already
                    pool.resume();
                    left += left_when_done(std::move(done), count, helps);
                }
                CHECK(left == 0);
            }
        }
    }
    for (const outcome how : {outcome::value, outcome::error}) {
        int left = 0;
        for (int round = 0; round != 30; ++round) left += left_when_done(consumers(how), count, false);
        INFO("the future of consume itself, outcome " << static_cast<int>(how));
        CHECK(left == 0);
    }
}

namespace {

/// What gives back its functions, and the values in them, before it returns or throws: on any executor.
template <class E>
void check_calls_hold_nothing() {
    std::optional<E> made(std::in_place);
    E& ex = *made;
    std::atomic<int> count{0};
    std::stop_source stop;
    auto stopped = yoke::with(ex, {.stop = stop.get_token()});
    stop.request_stop();
    using call = std::function<void(outcome)>;
    std::vector<std::pair<std::string, call>> calls;
    const auto add = [&](const std::string& name, auto run) {
        calls.emplace_back(name, [&, run](outcome how) {
            // Nothing may be left of the function, once the statement that has called is over.
            end_of([&] {
                if (how == outcome::cancel) {
                    run(stopped, holding_work{held(count), how});
                } else {
                    run(ex, holding_work{held(count), how});
                }
            });
        });
    };
    const std::vector<int> few(30, 1);
    const auto numbers = [&few] { return few; };
    add("map", [=](auto& on, auto f) { static_cast<void>(yoke::map(on, numbers(), std::move(f))); });
    add("map in chunks",
        [=](auto& on, auto f) { static_cast<void>(yoke::map(on, numbers(), std::move(f), {.chunk = 3})); });
    add("map of items that hold something", [&count](auto& on, auto f) {
        std::vector<held> items;
        for (int i = 0; i != 20; ++i) items.emplace_back(count);
        static_cast<void>(yoke::map(on, std::move(items), std::move(f)));
    });
    add("for_each", [=](auto& on, auto f) { yoke::for_each(on, numbers(), std::move(f)); });
    add("for_each in chunks",
        [=](auto& on, auto f) { yoke::for_each(on, numbers(), std::move(f), {.chunk = 3}); });
    add("reduce", [=](auto& on, auto f) { static_cast<void>(yoke::reduce(on, numbers(), 0, std::move(f))); });
    add("transform_reduce", [=](auto& on, auto f) {
        static_cast<void>(yoke::transform_reduce(on, numbers(), 0, std::plus<>(), std::move(f)));
    });
    add("fetch to its end", [](auto& on, auto f) {
        const auto source = [f = std::move(f)](yoke::page_request page) {
            return page.offset < 50 ? std::vector<int>(10, f()) : std::vector<int>();
        };
        for (const auto& page : yoke::fetch(on, source, {.limit = 10})) static_cast<void>(page);
    });
    add("fetch that is dropped", [](auto& on, auto f) {
        const auto source = [f = std::move(f)](yoke::page_request) { return std::vector<int>(10, f()); };
        static_cast<void>(yoke::fetch(on, source, {.limit = 10}).next());
    });
    add("pipeline", [&count](auto& on, auto f) {
        std::vector<held> items;
        for (int i = 0; i != 20; ++i) items.emplace_back(count);
        auto keep = [f](held&& item) { return f(), std::move(item); };
        static_cast<void>(yoke::from(std::move(items)) | yoke::stage(on, keep) | yoke::stage(on, f) |
                          yoke::collect());
    });
    if constexpr (requires { ex.invoke(holding_work{held(count), outcome::value}); })
        add("invoke", [&ex](auto&, auto f) {
            auto other = f;
            static_cast<void>(yoke::invoke(ex, std::move(f), std::move(other)));
        });
    if constexpr (yoke::local_executor<E>)
        add("task_group", [](auto& on, auto f) {
            yoke::task_group group(on);
            for (int i = 0; i != 3; ++i) group.run(f);
            group.wait();
        });
    for (const auto& [name, begin] : calls) {
        for (const outcome how : outcomes) {
            INFO(name << ", outcome " << static_cast<int>(how));
            made.emplace();  // at the same place; one that starts a thread for each task joins them now
            int left = 0;
            for (int round = 0; round != 10; ++round) {
                begin(how);
                left += count;
            }
            CHECK(left == 0);
        }
    }
}

}  // namespace

TEMPLATE_TEST_CASE("when a call is over, all that it held is gone, on every executor", "[concurrent]",
                   yoke::inline_executor, yoke::thread_pool, yoke::basic_thread_pool<yoke::fifo>,
                   yoke::basic_thread_pool<yoke::priority<>>, yoke_test::thread_executor) {
    check_calls_hold_nothing<TestType>();
}

TEST_CASE("when a group has been waited for, all that its tasks held is gone", "[concurrent]") {
    yoke::thread_pool pool(2);
    std::atomic<int> count{0};
    for (const outcome how : outcomes) {
        int left = 0;
        for (int round = 0; round != 30; ++round) {
            yoke::task_group group(pool);
            for (int i = 0; i != 100; ++i) group.run(holding_work{held(count), how});
            if (how == outcome::cancel) group.cancel();
            try {
                group.wait();
            } catch (const yoke::task_errors&) {}  // NOLINT(bugprone-empty-catch)
            left += count;
        }
        INFO("outcome " << static_cast<int>(how));
        CHECK(left == 0);
    }
}

TEST_CASE("what is cancelled or stopped holds nothing either") {
    manual_executor ex;
    yoke::timer timer;
    std::atomic<int> count{0};
    const auto holding = [&count] { return [holds = held(count)] {}; };
    auto submitted = yoke::submit(ex, holding());
    auto chain = yoke::submit(ex, holding()).then(ex, holding()).then(ex, holding());
    auto late = timer.after(ex, 24h, holding());
    auto series = timer.every(ex, 24h, holding());
    CHECK(count == 6);
    CHECK(submitted.cancel());
    CHECK(chain.cancel());
    CHECK(late.cancel());
    CHECK(series.cancel());
    CHECK(count == 0);
    CHECK((submitted.cancel() && chain.cancel() && late.cancel() && series.cancel()));  // as it is so already
}

TEST_CASE("a receiver is told when the call is gone", "[concurrent]") {
    std::atomic<int> count{0};
    for (const bool fails : {false, true}) {
        const auto work = [&count, fails] {
            return [holds = held(count), fails] {
                if (fails) throw std::domain_error("work");
            };
        };
        int here = -1;
        int pooled = -1;
        yoke::inline_executor inline_ex;
        inline_ex.execute(looking_receiver{&count, &here}, work());
        {
            yoke::thread_pool pool(1);
            pool.execute(looking_receiver{&count, &pooled}, work());
        }
        CHECK(here == 0);
        CHECK(pooled == 0);
    }
}

TEST_CASE("a worker whose task a waiter has begun does other work meanwhile", "[concurrent]") {
    std::atomic<bool> ended{false};
    std::latch begun(1);
    std::latch gate(1);
    std::thread waiter;
    {
        yoke::thread_pool pool(1);
        manual_executor first;
        pool.pause();
        auto last = yoke::submit(first, [] {}).then(pool, [&] {
            begun.count_down();
            gate.wait();
            ended = true;
        });
        waiter = std::thread([last = std::move(last)]() mutable { last.get(); });
        begun.wait();  // the waiter runs both, and the pool's only thread finds a task that has begun
        pool.resume();
        auto other = pool.submit([] { return std::this_thread::get_id(); });
        (void)other.wait_until(std::chrono::steady_clock::time_point::max());
        CHECK(other.get() != std::this_thread::get_id());
        CHECK_FALSE(ended);
        CHECK_FALSE(pool.wait_for(0ns));  // the waiter's task is the pool's
        gate.count_down();
        pool.wait();
        CHECK(ended);
    }
    waiter.join();
}

TEST_CASE("full pools whose thens go both ways do not wait for each other", "[concurrent]") {
    for (const bool initialized : {false, true}) {
        const yoke::thread_pool_options options{.threads = 1, .max_pending = 1};
        const auto init = [](std::size_t) {};
        auto make = [&] {
            return initialized ? std::make_unique<yoke::thread_pool>(options, init)
                               : std::make_unique<yoke::thread_pool>(options);
        };
        auto a = make();
        auto b = make();
        std::atomic<int> ran{0};
        std::vector<yoke::future<void>> all;
        for (int i = 0; i != 300; ++i) {
            yoke::thread_pool& from = i % 2 == 0 ? *a : *b;
            yoke::thread_pool& to = i % 2 == 0 ? *b : *a;
            all.push_back(
                from.submit([&ran] { ++ran; }).then(to, [&ran] { ++ran; }).then(from, [&ran] { ++ran; }));
        }
        for (auto& each : all) (void)each.wait_until(std::chrono::steady_clock::time_point::max());
        CHECK(ran == 900);
    }
}
