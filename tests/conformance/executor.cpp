// SPDX-License-Identifier: MIT
// labels: concurrent process
//
// What concept/executor.hpp promises, asked of every executor there is. A new model joins by adding a `subject` and its
// name to the list; everything that runs is a captureless function with values as arguments, so that it
// can cross to another process, and tells what it did on a board in memory that workers share.
#include "catch.hpp"

#include <yoke/executor/inline_executor.hpp>
#include <yoke/executor/process_pool.hpp>
#include <yoke/executor/thread_pool.hpp>
#include <yoke/executor/with.hpp>
#include <yoke/future.hpp>
#include <yoke/wire/registered_exception.hpp>

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <ctime>
#include <fstream>
#include <latch>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

namespace {

/// Registered, so that it crosses to another process as itself.
struct numbered_failure : std::runtime_error {
    explicit numbered_failure(int n) : std::runtime_error("number " + std::to_string(n)), number(n) {}
    int number;
};

}  // namespace

template <>
struct yoke::codec<numbered_failure> {
    static void encode(wire_writer& out, const numbered_failure& e) { yoke::encode(out, e.number); }
    static numbered_failure decode(wire_reader& in) { return numbered_failure(yoke::decode<int>(in)); }
};

namespace {

const yoke::registered_exception<numbered_failure> numbered_failure_crosses;
[[noreturn]] void throw_numbered_failure(int number) { throw numbered_failure(number); }

/// Lies in memory that is mapped before main() begins, so that a fork server and its workers have it too.
struct board {
    std::atomic<int> gate{0};
    std::atomic<int> started{0};
    std::atomic<int> ran{0};
};

board& the_board() {
    static board* const shared = [] {
        void* const memory =
            ::mmap(nullptr, sizeof(board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (memory == MAP_FAILED) throw std::bad_alloc();
        return new (memory) board;
    }();
    return *shared;
}
[[maybe_unused]] board& mapped_before_main = the_board();

void wipe_board() {
    the_board().gate = 0;
    the_board().started = 0;
    the_board().ran = 0;
}

void hold_until_gate_opens() {
    ++the_board().started;
    while (the_board().gate == 0) std::this_thread::yield();
    ++the_board().ran;
}
void await_started(int n) {
    while (the_board().started < n) std::this_thread::yield();
}

// How to make each executor with n workers and, if it is not 0, a bound on what may be pending.

template <class E>
struct subject;

template <>
struct subject<yoke::inline_executor> {
    static std::unique_ptr<yoke::inline_executor> make(std::size_t, std::size_t = 0) {
        return std::make_unique<yoke::inline_executor>();
    }
};
template <class Policy>
struct subject<yoke::basic_thread_pool<Policy>> {
    static auto make(std::size_t n, std::size_t max_pending = 0) {
        yoke::thread_pool_options options;
        options.threads = n;
        if (max_pending != 0) options.max_pending = max_pending;
        return std::make_unique<yoke::basic_thread_pool<Policy>>(options);
    }
};
template <>
struct subject<yoke::process_pool> {
    static auto make(std::size_t n, std::size_t max_pending = 0) {
        yoke::process_pool_options options;
        options.workers = n;
        if (max_pending != 0) options.max_pending = max_pending;
        return std::make_unique<yoke::process_pool>(options);
    }
};

using all_executors =
    std::tuple<yoke::inline_executor, yoke::thread_pool, yoke::basic_thread_pool<yoke::fifo>,
               yoke::basic_thread_pool<yoke::priority<>>, yoke::process_pool>;
using asynchronous_executors = std::tuple<yoke::thread_pool, yoke::basic_thread_pool<yoke::fifo>,
                                          yoke::basic_thread_pool<yoke::priority<>>, yoke::process_pool>;
using local_executors =
    std::tuple<yoke::inline_executor, yoke::thread_pool, yoke::basic_thread_pool<yoke::fifo>,
               yoke::basic_thread_pool<yoke::priority<>>>;

/// Processor time of another process.
double cpu_ms_of(int pid) {
    std::ifstream stat("/proc/" + std::to_string(pid) + "/stat");
    std::string word;
    double ticks = 0;
    for (int field = 1; field <= 15 && stat >> word; ++field)
        if (field >= 14) ticks += std::stod(word);  // utime and stime; a worker's name has no space in it
    return 1000.0 * ticks / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

struct tally {
    std::atomic<int> values{0};
    std::atomic<int> errors{0};
    std::atomic<int> stopped{0};
    [[nodiscard]] int all() const { return values + errors + stopped; }
};

/// Counts completions. Move-only, as receivers are.
class counting_receiver {
public:
    explicit counting_receiver(tally& to, std::stop_token stop = {}) : to_(&to) {
        options_.stop = std::move(stop);
    }
    counting_receiver(counting_receiver&&) = default;
    counting_receiver& operator=(counting_receiver&&) = default;

    template <class... Values>
    void set_value(Values&&...) noexcept {
        ++to_->values;
    }
    void set_error(std::exception_ptr) noexcept { ++to_->errors; }
    void set_stopped() noexcept { ++to_->stopped; }
    [[nodiscard]] const yoke::task_options& options() const noexcept { return options_; }

private:
    tally* to_;
    yoke::task_options options_;
};

int next(int x) { return x + 1; }
void mark() { ++the_board().ran; }
[[noreturn]] void throw_far() { throw std::out_of_range("index 7 of 3"); }
[[noreturn]] void throw_int() { throw 42; }

struct domain_failure : std::runtime_error {
    using std::runtime_error::runtime_error;
};
[[noreturn]] void throw_domain_failure() { throw domain_failure("row 9"); }

std::string joined(const std::vector<std::string>& words, char by) {
    std::string out;
    for (const auto& word : words) {
        if (!out.empty()) out += by;
        out += word;
    }
    return out;
}

}  // namespace

TEMPLATE_LIST_TEST_CASE("submit brings back the result of a function called with copies", "", all_executors) {
    const auto ex = subject<TestType>::make(2);
    REQUIRE(ex->concurrency() >= 1);
    REQUIRE(ex->submit(next, 41).get() == 42);
    REQUIRE(ex->submit([](int a, double b) { return a * b; }, 3, 0.5).get() == 1.5);
    REQUIRE(ex->submit(joined, std::vector<std::string>{"one", "two", "three"}, '-').get() ==
            "one-two-three");
    REQUIRE(yoke::submit(
                *ex, [](std::string s) { return s + s; }, std::string("ab"))
                .get() == "abab");
    wipe_board();
    ex->submit(mark).get();
    REQUIRE(the_board().ran == 1);
}

TEMPLATE_LIST_TEST_CASE("arguments are copied when the task is submitted", "", all_executors) {
    const auto ex = subject<TestType>::make(1);
    std::string text = "before";
    auto out = ex->submit([](std::string s) { return s; }, text);
    text = "after";
    REQUIRE(out.get() == "before");
}

TEMPLATE_LIST_TEST_CASE("each accepted task completes its receiver exactly once", "", all_executors) {
    tally seen;
    {
        const auto ex = subject<TestType>::make(2);
        for (int i = 0; i < 500; ++i) {
            ex->execute(counting_receiver(seen), next, i);
            if (i % 5 == 0) ex->execute(counting_receiver(seen), throw_far);
        }
    }  // the destructor waits
    REQUIRE(seen.values == 500);
    REQUIRE(seen.errors == 100);
    REQUIRE(seen.stopped == 0);
}

TEMPLATE_LIST_TEST_CASE("a standard exception arrives as itself, with its text", "", all_executors) {
    const auto ex = subject<TestType>::make(1);
    auto out = ex->submit(throw_far);
    try {
        out.get();
        FAIL("nothing was thrown");
    } catch (const std::out_of_range& e) {
        REQUIRE(std::string(e.what()) == "index 7 of 3");
    }
    REQUIRE(ex->submit(next, 1).get() == 2);  // the executor goes on
}

TEMPLATE_LIST_TEST_CASE("any other exception arrives as itself here, described from elsewhere", "",
                        all_executors) {
    const auto ex = subject<TestType>::make(1);
    if constexpr (yoke::local_executor<TestType>) {
        REQUIRE_THROWS_AS(ex->submit(throw_int).get(), int);
        REQUIRE_THROWS_AS(ex->submit(throw_domain_failure).get(), domain_failure);
    } else {
        try {
            ex->submit(throw_int).get();
            FAIL("nothing was thrown");
        } catch (const yoke::remote_error& e) {
            REQUIRE(std::string(e.what()) == "int: 42");
        }
        try {
            ex->submit(throw_domain_failure).get();
            FAIL("nothing was thrown");
        } catch (const yoke::remote_error& e) {
            REQUIRE_THAT(e.type(), Catch::Matchers::ContainsSubstring("domain_failure"));
            REQUIRE(e.text() == "row 9");
        }
    }
    REQUIRE(ex->submit(next, 1).get() == 2);
}

TEMPLATE_LIST_TEST_CASE("a registered exception arrives as itself from everywhere", "", all_executors) {
    const auto ex = subject<TestType>::make(1);
    try {
        ex->submit(throw_numbered_failure, 42).get();
        FAIL("nothing was thrown");
    } catch (const numbered_failure& e) {
        REQUIRE(e.number == 42);
        REQUIRE(std::string(e.what()) == "number 42");
    }
    REQUIRE(ex->submit(next, 1).get() == 2);
}

TEMPLATE_LIST_TEST_CASE("after shutdown submit throws and leaves the arguments untouched", "",
                        all_executors) {
    const auto ex = subject<TestType>::make(1);
    ex->shutdown();
    std::vector<std::string> words(100, "word");
    REQUIRE_THROWS_AS(ex->submit(joined, std::move(words), ','), yoke::pool_closed);
    REQUIRE_THROWS_AS(ex->try_submit(joined, std::move(words), ','), yoke::pool_closed);
    tally seen;
    REQUIRE_THROWS_AS(ex->execute(counting_receiver(seen), joined, std::move(words), ','), yoke::pool_closed);
    REQUIRE(words.size() == 100);
    REQUIRE(seen.all() == 0);
}

TEMPLATE_LIST_TEST_CASE("shutdown lets accepted work finish", "", asynchronous_executors) {
    wipe_board();
    tally seen;
    const auto ex = subject<TestType>::make(1);
    ex->execute(counting_receiver(seen), hold_until_gate_opens);
    for (int i = 0; i < 50; ++i) ex->execute(counting_receiver(seen), mark);
    ex->shutdown();
    ex->shutdown();  // idempotent
    the_board().gate = 1;
    ex->wait();
    REQUIRE(seen.values == 51);
    REQUIRE(the_board().ran == 51);
}

TEMPLATE_LIST_TEST_CASE("shutdown with cancel_pending stops what has not begun and nothing else", "",
                        asynchronous_executors) {
    wipe_board();
    tally seen;
    const auto ex = subject<TestType>::make(1);
    ex->execute(counting_receiver(seen), hold_until_gate_opens);
    await_started(1);
    for (int i = 0; i < 50; ++i) ex->execute(counting_receiver(seen), mark);
    auto waiting = ex->submit(next, 1);
    ex->shutdown(yoke::cancel_pending);
    ex->shutdown(yoke::cancel_pending);
    REQUIRE_THROWS_AS(waiting.get(), yoke::cancelled);
    the_board().gate = 1;
    ex->wait();
    REQUIRE(seen.values == 1);
    REQUIRE(seen.stopped == 50);
    REQUIRE(the_board().ran == 1);
}

TEMPLATE_LIST_TEST_CASE("the destructor runs everything that was accepted", "", asynchronous_executors) {
    wipe_board();
    {
        const auto ex = subject<TestType>::make(2);
        for (int i = 0; i < 200; ++i) (void)ex->submit(mark);
    }
    REQUIRE(the_board().ran == 200);
}

TEMPLATE_LIST_TEST_CASE("shutdown may come from two threads at once", "", all_executors) {
    for (int round = 0; round < 5; ++round) {
        const auto ex = subject<TestType>::make(2);
        for (int i = 0; i < 20; ++i) (void)ex->submit(next, i);
        std::thread other([&ex] { ex->shutdown(); });
        ex->shutdown();
        other.join();
        REQUIRE_THROWS_AS(ex->submit(next, 1), yoke::pool_closed);
    }
}

TEMPLATE_LIST_TEST_CASE("of submits that race a shutdown each is either refused or completed", "",
                        asynchronous_executors) {
    for (int round = 0; round < 10; ++round) {
        tally seen;
        std::atomic<int> refused{0};
        constexpr int threads = 4;
        constexpr int each = 100;
        const auto ex = subject<TestType>::make(2);
        std::latch go(threads + 1);
        std::vector<std::thread> submitters;
        for (int t = 0; t < threads; ++t) {
            submitters.emplace_back([&] {
                go.arrive_and_wait();
                for (int i = 0; i < each; ++i) {
                    try {
                        ex->execute(counting_receiver(seen), next, i);
                    } catch (const yoke::pool_closed&) {
                        ++refused;
                    }
                }
            });
        }
        go.arrive_and_wait();
        if (round % 2 == 0) {
            ex->shutdown();
        } else {
            ex->shutdown(yoke::cancel_pending);
        }
        for (auto& thread : submitters) thread.join();
        ex->wait();
        REQUIRE(seen.all() + refused == threads * each);
    }
}

TEMPLATE_LIST_TEST_CASE("cancel tells whether the task will not run or is running", "",
                        asynchronous_executors) {
    wipe_board();
    const auto ex = subject<TestType>::make(1);
    auto running = ex->submit(hold_until_gate_opens);
    await_started(1);
    auto waiting = ex->submit(mark);
    REQUIRE_FALSE(running.cancel());
    REQUIRE(waiting.cancel());
    REQUIRE_THROWS_AS(waiting.get(), yoke::cancelled);
    the_board().gate = 1;
    running.get();
    ex->wait();
    REQUIRE(the_board().ran == 1);
}

TEMPLATE_LIST_TEST_CASE("a stop request before the start completes the task as stopped", "",
                        asynchronous_executors) {
    wipe_board();
    tally seen;
    std::stop_source stop;
    const auto ex = subject<TestType>::make(1);
    auto running = ex->submit(hold_until_gate_opens);
    await_started(1);
    ex->execute(counting_receiver(seen, stop.get_token()), mark);
    auto by_future = ex->submit({.stop = stop.get_token()}, mark);
    auto view = yoke::with(*ex, {.stop = stop.get_token()});
    auto by_view = yoke::submit(view, mark);
    stop.request_stop();
    the_board().gate = 1;
    REQUIRE_THROWS_AS(by_future.get(), yoke::cancelled);
    REQUIRE_THROWS_AS(by_view.get(), yoke::cancelled);
    running.get();
    ex->wait();
    REQUIRE(seen.stopped == 1);
    REQUIRE(the_board().ran == 1);
}

TEMPLATE_LIST_TEST_CASE("a stop request after the start changes nothing", "", asynchronous_executors) {
    wipe_board();
    std::stop_source stop;
    const auto ex = subject<TestType>::make(1);
    auto running = ex->submit({.stop = stop.get_token()}, hold_until_gate_opens);
    await_started(1);
    stop.request_stop();
    the_board().gate = 1;
    running.get();
    REQUIRE(the_board().ran == 1);
}

TEMPLATE_LIST_TEST_CASE("max_pending bounds the queue: try_submit fails, submit waits, nothing is dropped",
                        "", asynchronous_executors) {
    wipe_board();
    const auto ex = subject<TestType>::make(1, 2);
    auto running = ex->submit(hold_until_gate_opens);
    await_started(1);
    std::vector<yoke::future<int>> accepted;
    for (int i = 0; i < 100; ++i) {
        if (auto out = ex->try_submit(next, i)) {
            accepted.push_back(std::move(*out));
        } else {
            break;
        }
    }
    REQUIRE(accepted.size() >= 1);
    REQUIRE(accepted.size() <= 2);
    REQUIRE_FALSE(ex->try_submit(next, 1).has_value());
    std::atomic<bool> through{false};
    std::thread waits([&] {
        auto late = ex->submit(next, 1000);
        through = true;
        (void)late.get();
    });
    REQUIRE_FALSE(through);
    the_board().gate = 1;
    waits.join();
    REQUIRE(through);
    for (std::size_t i = 0; i < accepted.size(); ++i) REQUIRE(accepted[i].get() == static_cast<int>(i) + 1);
}

TEMPLATE_LIST_TEST_CASE("a submit that waits for room is let go by shutdown", "", asynchronous_executors) {
    wipe_board();
    const auto ex = subject<TestType>::make(1, 1);
    auto running = ex->submit(hold_until_gate_opens);
    await_started(1);
    while (ex->try_submit(next, 0)) {}
    std::atomic<bool> refused{false};
    std::latch begun(1);
    std::thread waits([&] {
        begun.count_down();
        try {
            (void)ex->submit(next, 1);
        } catch (const yoke::pool_closed&) {
            refused = true;
        }
    });
    begun.wait();
    ex->shutdown();
    waits.join();  // would hang if the waiting submit were not woken: the gate is still shut
    REQUIRE(refused);
    the_board().gate = 1;
    running.get();
}

TEMPLATE_LIST_TEST_CASE("wait returns when everything accepted has completed", "", all_executors) {
    tally seen;
    const auto ex = subject<TestType>::make(2);
    for (int i = 0; i < 100; ++i) ex->execute(counting_receiver(seen), next, i);
    ex->wait();
    REQUIRE(seen.values == 100);
    REQUIRE(ex->submit(next, 0).get() == 1);  // and the executor goes on
}

TEMPLATE_LIST_TEST_CASE("dropping futures neither blocks nor stops their tasks", "", all_executors) {
    wipe_board();
    const auto ex = subject<TestType>::make(2);
    for (int i = 0; i < 300; ++i) (void)ex->submit(mark);
    ex->wait();
    REQUIRE(the_board().ran == 300);
}

TEMPLATE_LIST_TEST_CASE("many threads may submit at once", "", all_executors) {
    const auto ex = subject<TestType>::make(2);
    std::atomic<long> sum{0};
    std::vector<std::thread> submitters;
    for (int t = 0; t < 4; ++t) {
        submitters.emplace_back([&, t] {
            for (int i = 0; i < 200; ++i) sum += ex->submit(next, t * 200 + i).get();
        });
    }
    for (auto& thread : submitters) thread.join();
    REQUIRE(sum == 800L * 799 / 2 + 800);
}

TEMPLATE_LIST_TEST_CASE("a future of any executor can be awaited in a coroutine", "", all_executors) {
    const auto ex = subject<TestType>::make(1);
    auto twice = [](TestType& on, int x) -> yoke::future<int> {
        const int once = co_await on.submit(next, x);
        co_return co_await on.submit(next, once);
    };
    REQUIRE(twice(*ex, 40).get() == 42);
}

TEMPLATE_LIST_TEST_CASE("executor_of tells at compile time what an executor can run", "", all_executors) {
    STATIC_REQUIRE(yoke::executor<TestType>);
    STATIC_REQUIRE(yoke::executor_of<TestType, int (*)(int), int>);
    STATIC_REQUIRE_FALSE(yoke::executor_of<TestType, int (*)(int), std::string>);
    int outside = 0;
    auto captures = [&outside] { return outside; };
    STATIC_REQUIRE(yoke::executor_of<TestType, decltype(captures)> == yoke::local_executor<TestType>);
}

TEMPLATE_LIST_TEST_CASE("a task may wait for tasks of its own pool of size 1, to any depth", "",
                        local_executors) {
    const auto ex = subject<TestType>::make(1);
    struct nest {
        TestType& on;
        int operator()(int depth) const { return depth == 0 ? 0 : 1 + on.submit(nest{on}, depth - 1).get(); }
    };
    REQUIRE(ex->submit(nest{*ex}, 300).get() == 300);
}

TEMPLATE_LIST_TEST_CASE("a task may shut its own executor down", "", local_executors) {
    const auto ex = subject<TestType>::make(1);
    ex->submit([&ex] { ex->shutdown(); }).get();
    REQUIRE_THROWS_AS(ex->submit(next, 1), yoke::pool_closed);
}

TEMPLATE_LIST_TEST_CASE("an idle executor uses no CPU", "", asynchronous_executors) {
    const auto ex = subject<TestType>::make(2);
    REQUIRE(ex->submit(next, 1).get() == 2);
    // Processor time, not elapsed time, so a busy machine changes nothing. Two workers that spin would use 400 ms.
    const auto used = [&] {
        double ms = 1000.0 * static_cast<double>(std::clock()) / CLOCKS_PER_SEC;
        if constexpr (requires { ex->worker_pids(); })
            for (const int pid : ex->worker_pids()) ms += cpu_ms_of(pid);
        return ms;
    };
    const double before = used();
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    REQUIRE(used() - before < 50);
}

TEST_CASE("without a size a pool takes what the machine gives this process") {
    const yoke::thread_pool threads;
    const yoke::process_pool processes;
    REQUIRE(threads.concurrency() >= 1);
    REQUIRE(threads.concurrency() == processes.concurrency());
    REQUIRE(threads.concurrency() <= std::max(1U, std::thread::hardware_concurrency()));
}
