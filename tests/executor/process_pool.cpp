// SPDX-License-Identifier: MIT
// labels: process
#include "catch.hpp"

#include "support/process_watch.hpp"

#include <yoke/algorithm/timer.hpp>
#include <yoke/dropped_error.hpp>
#include <yoke/executor/inline_executor.hpp>
#include <yoke/executor/process_pool.hpp>
#include <yoke/executor/thread_pool.hpp>
#include <yoke/executor/with.hpp>
#include <yoke/future/completion.hpp>

#include <signal.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <numeric>
#include <optional>
#include <set>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

using namespace std::chrono_literals;

namespace {

struct shared_board {
    std::atomic<int> gate{0};
    std::atomic<int> started{0};
    std::atomic<int> ran{0};
    std::atomic<int> held_by_workers{0};
};
shared_board& board = yoke_test::make_shared_object<shared_board>();

void wipe() {
    board.gate = 0;
    board.started = 0;
    board.ran = 0;
}
/// Keeps a worker busy until the test opens the gate.
void hold() {
    ++board.started;
    while (board.gate == 0) std::this_thread::yield();
}
void await_started(int n) {
    while (board.started < n) std::this_thread::yield();
}
void count() { ++board.ran; }

int add(int a, int b) { return a + b; }
int process() { return ::getpid(); }

struct point {
    int x = 0;
    double y = 0;
    std::string name;
    friend bool operator==(const point&, const point&) = default;
};
point moved(point p, int by) {
    p.x += by;
    p.name += "!";
    return p;
}

std::vector<std::uint32_t> counting_up(std::size_t size, std::uint32_t from) {
    std::vector<std::uint32_t> numbers(size);
    std::iota(numbers.begin(), numbers.end(), from);
    return numbers;
}
std::vector<std::uint32_t> doubled(std::vector<std::uint32_t> numbers) {
    for (auto& n : numbers) n *= 2;
    return numbers;
}
std::size_t size_of(const std::string& text) { return text.size(); }
std::string text_of(std::size_t size) { return std::string(size, 'x'); }

/// Says that it is larger than any shared memory.
struct huge {};

/// Counts how many of its kind there are, here and in the workers, and takes its time to go.
struct counted {
    explicit counted(int n) : number(n) { ++count(); }
    counted(const counted& other) : number(other.number) { ++count(); }
    counted(counted&& other) noexcept : number(other.number) { ++count(); }
    counted& operator=(const counted&) = default;
    counted& operator=(counted&&) = default;
    ~counted() {
        if (::getpid() != main_process)
            std::this_thread::sleep_for(200us);  // so that who looks too early sees it
        --count();
    }
    int number;

    static std::atomic<int>& count() { return ::getpid() == main_process ? here : board.held_by_workers; }
    static inline std::atomic<int> here{0};
    static inline const pid_t main_process = ::getpid();
};
/// What a task can hold one in: an argument, its function, a result, an exception.
counted pass_on(counted value) { return value; }
int number_of(counted value) { return value.number; }
int number_of_large(const counted& value, const std::string&) { return value.number; }
std::string large_result(counted value) { return std::string(static_cast<std::size_t>(value.number), 'r'); }
struct counting_error : std::runtime_error {
    explicit counting_error(const counted& value) : std::runtime_error("counting"), holds(value) {}
    counted holds;
};
int fail_with(counted value) { throw counting_error(value); }
int is_cancelled(counted) { throw yoke::cancelled(); }

/// Its codec throws where it is told to.
struct fragile {
    enum place { nothing, encoding, decoding } breaks = nothing;
};

struct multiply {
    int by = 1;
    int operator()(int x) const { return x * by; }
};

}  // namespace

template <>
struct yoke::codec<huge> {
    static std::size_t size(const huge&) { return std::size_t{1} << 40; }
    static void encode(wire_writer&, const huge&) {}
    static huge decode(wire_reader&) { return {}; }
};
template <>
struct yoke::codec<counted> {
    static void encode(wire_writer& out, const counted& value) { yoke::encode(out, value.number); }
    static counted decode(wire_reader& in) { return counted(yoke::decode<int>(in)); }
};
template <>
struct yoke::codec<fragile> {
    static void encode(wire_writer& out, const fragile& value) {
        if (value.breaks == fragile::encoding) throw std::domain_error("does not encode");
        out.number(static_cast<int>(value.breaks));
    }
    static fragile decode(wire_reader& in) {
        const auto breaks = static_cast<fragile::place>(in.number<int>("where it breaks"));
        if (breaks == fragile::decoding) throw std::domain_error("does not decode");
        return {breaks};
    }
};

TEST_CASE("functions, empty function objects and callable values run in another process", "[process]") {
    yoke::process_pool pool(2);
    REQUIRE(pool.submit(add, 40, 2).get() == 42);
    REQUIRE(pool.submit(&add, 40, 2).get() == 42);
    REQUIRE(pool.submit([](int x) { return x + 1; }, 41).get() == 42);
    REQUIRE(pool.submit(std::plus<int>(), 1, 2).get() == 3);
    REQUIRE(pool.submit(multiply{6}, 7).get() == 42);
    REQUIRE(pool.submit(yoke::bind_values(add, 40), 2).get() == 42);
    REQUIRE(pool.submit(process).get() != ::getpid());
    pool.submit(count).get();
    const point p{1, 2.5, "p"};
    REQUIRE(pool.submit(moved, p, 3).get() == point{4, 2.5, "p!"});
}

TEST_CASE("arguments and results of all sizes around those of a slot come through", "[process]") {
    yoke::process_pool pool(1);
    const auto in_use = yoke::detail::process_host::instance().arena().used();
    // Around the room in a slot (400 bytes, of which a call takes 16 and a result 8 besides) and the chunk in which the arena
    // grows (256 KiB).
    for (const std::size_t size :
         {std::size_t{262'127}, std::size_t{262'128}, std::size_t{262'129}, std::size_t{262'136},
          std::size_t{262'137}, std::size_t{262'144}, std::size_t{262'145}, std::size_t{0},
          std::size_t{1},       std::size_t{50},      std::size_t{63},      std::size_t{64},
          std::size_t{65},      std::size_t{383},     std::size_t{384},     std::size_t{391},
          std::size_t{392},     std::size_t{393},     std::size_t{399},     std::size_t{400},
          std::size_t{401},     std::size_t{5000},    std::size_t{300'000}, std::size_t{40'000'000}}) {
        REQUIRE(pool.submit(size_of, std::string(size, 'y')).get() == size);
        REQUIRE(pool.submit(text_of, size).get() == std::string(size, 'x'));
    }
    const auto result = pool.submit(doubled, counting_up(1'000'000, 7)).get();
    REQUIRE(result.size() == 1'000'000);
    REQUIRE(result.front() == 14);
    REQUIRE(result.back() == 2 * (7 + 999'999));
    REQUIRE(yoke::detail::process_host::instance().arena().used() == in_use);
}

TEST_CASE("a result that shared memory has no room for fails its own task", "[process]") {
    yoke::process_pool pool(1);
    REQUIRE_THROWS_AS(pool.submit([] { return huge{}; }).get(), yoke::message_too_large);
    REQUIRE(pool.submit(add, 1, 1).get() == 2);
}

TEST_CASE("an argument that shared memory has no room for is refused in the caller, untouched", "[process]") {
    yoke::process_pool pool(1);
    REQUIRE_THROWS_AS(pool.submit([](huge) {}, huge{}), yoke::message_too_large);
    REQUIRE(pool.submit(add, 1, 1).get() == 2);
    pool.wait();
}

TEST_CASE("exceptions of standard types come back as themselves, others described", "[process]") {
    yoke::process_pool pool(1);
    try {
        pool.submit([] { throw std::out_of_range("index 7 of 3"); }).get();
        FAIL("nothing was thrown");
    } catch (const std::out_of_range& error) {
        REQUIRE(std::string(error.what()) == "index 7 of 3");
    }
    const int worker = pool.submit(process).get();
    try {
        pool.submit([] { throw 42; }).get();
        FAIL("nothing was thrown");
    } catch (const yoke::remote_error& error) {
        REQUIRE(error.type() == "int");
        REQUIRE(error.worker() == worker);
    }
    // A text far larger than a slot.
    try {
        pool.submit([] { throw std::runtime_error(std::string(20'000, 'e')); }).get();
        FAIL("nothing was thrown");
    } catch (const std::runtime_error& error) {
        REQUIRE(std::string(error.what()) == std::string(20'000, 'e'));
    }
    REQUIRE(pool.submit(process).get() == worker);
}

TEST_CASE("a codec that throws fails its own task only, on either side", "[process]") {
    yoke::process_pool pool(1);
    const int worker = pool.submit(process).get();
    const auto pass = [](fragile x) { return x; };
    REQUIRE_THROWS_AS(pool.submit(pass, fragile{fragile::encoding}), std::domain_error);
    REQUIRE_THROWS_AS(pool.submit(pass, fragile{fragile::decoding}).get(), std::domain_error);
    REQUIRE_THROWS_AS(pool.submit([] { return fragile{fragile::encoding}; }).get(), std::domain_error);
    REQUIRE_THROWS_AS(pool.submit([] { return fragile{fragile::decoding}; }).get(), std::domain_error);
    REQUIRE(pool.submit(pass, fragile{fragile::nothing}).get().breaks == fragile::nothing);
    REQUIRE(pool.submit(process).get() == worker);
    pool.wait();
}

TEST_CASE("workers run tasks at the same time, each in its own process", "[process]") {
    wipe();
    yoke::process_pool pool(3);
    std::vector<yoke::future<void>> holding;
    for (int i = 0; i < 3; ++i) holding.push_back(pool.submit(hold));
    await_started(3);
    REQUIRE(pool.concurrency() == 3);
    const auto pids = pool.worker_pids();
    REQUIRE(std::set<int>(pids.begin(), pids.end()).size() == 3);
    for (const int pid : pids) REQUIRE(yoke_test::alive(pid));
    board.gate = 1;
    for (auto& f : holding) f.get();
}

TEST_CASE("many tasks from many threads all come back with their own result", "[process]") {
    const yoke_test::watchdog dog("many tasks from many threads");
    yoke::process_pool pool(2);
    std::atomic<int> wrong{0};
    std::vector<std::thread> submitters;
    for (int t = 0; t < 4; ++t) {
        submitters.emplace_back([&pool, &wrong, t] {
            std::vector<yoke::future<int>> futures;
            for (int i = 0; i < 2000; ++i) futures.push_back(pool.submit(add, i, t));
            for (int i = 0; i < 2000; ++i)
                if (futures[static_cast<std::size_t>(i)].get() != i + t) ++wrong;
        });
    }
    for (auto& s : submitters) s.join();
    REQUIRE(wrong == 0);
}

TEST_CASE("threads that wait get the outcome of their own task, however it comes about",
          "[process][concurrent]") {
    const yoke_test::watchdog dog("threads that wait");
    yoke::process_pool pool({.workers = 2, .crash_limit = 1'000'000});
    constexpr int rounds = 100;
    std::atomic<int> wrong{0};
    const auto wait_for_one = [&](int round, int thread) {
        std::stop_source stop;
        switch ((round + thread) % 5) {
        case 0: return pool.submit(add, round, thread).get() == round + thread;
        case 1:  // too large for a slot: the worker asks for room while somebody waits
            return pool.submit([](int n) { return std::string(5'000, static_cast<char>('a' + n % 26)); },
                               round)
                       .get()[4'999] == 'a' + round % 26;
        case 2:
            try {
                pool.submit([] { ::raise(SIGKILL); }).get();
                return false;
            } catch (const yoke::worker_lost&) {
                return true;
            }
        case 3:
            try {
                pool.submit({.timeout = std::chrono::milliseconds(1)}, [] { ::pause(); }).get();
                return false;
            } catch (const yoke::task_timeout&) {
                return true;
            } catch (const yoke::worker_lost&) {
                return false;
            }
        default: {
            auto result = pool.submit({.stop = stop.get_token()}, add, round, thread);
            const std::jthread stopper([&] { stop.request_stop(); });
            try {
                return result.get() == round + thread;
            } catch (const yoke::cancelled&) {
                return true;
            }
        }
        }
    };
    std::vector<std::thread> waiters;
    for (int thread = 0; thread < 4; ++thread)
        waiters.emplace_back([&, thread] {
            for (int round = 0; round < rounds; ++round)
                if (!wait_for_one(round, thread)) ++wrong;
        });
    for (auto& waiter : waiters) waiter.join();
    REQUIRE(wrong == 0);
    REQUIRE(pool.submit(add, 1, 2).get() == 3);
}

TEST_CASE("a pool that is destroyed while a thread waits for one of its tasks lets that go on",
          "[process][concurrent]") {
    const yoke_test::watchdog dog("destroyed while a thread waits");
    for (int round = 0; round < 50; ++round) {
        auto pool = std::make_unique<yoke::process_pool>(std::size_t{1});
        auto result = pool->submit(add, round, 1);
        std::atomic<int> got{0};
        std::thread waiter([&] { got = result.get(); });
        pool.reset();
        waiter.join();
        REQUIRE(got == round + 1);
    }
}

TEST_CASE("cancel takes a task back until a worker has begun it", "[process]") {
    wipe();
    yoke::process_pool pool(1);
    auto running = pool.submit(hold);
    await_started(1);
    auto in_slot = pool.submit(count);
    REQUIRE_FALSE(running.cancel());
    REQUIRE(in_slot.cancel());
    REQUIRE(in_slot.cancel());  // as it is so already
    REQUIRE_THROWS_AS(in_slot.get(), yoke::cancelled);
    // More than there are slots, so that some wait in the queue.
    std::vector<yoke::future<void>> waiting;
    for (int i = 0; i < 1000; ++i) waiting.push_back(pool.submit(count));
    for (auto& f : waiting) REQUIRE(f.cancel());
    // And again, through slots that were used before: entries of the cancelled do no harm.
    auto last = pool.submit(count);
    board.gate = 1;
    running.get();
    last.get();
    REQUIRE(board.ran == 1);
    REQUIRE_FALSE(last.valid());
}

TEST_CASE("a cancelled future may outlive its pool", "[process]") {
    std::optional<yoke::future<int>> kept;
    {
        yoke::process_pool pool(1);
        kept = pool.submit(add, 1, 2);
    }
    REQUIRE(kept->ready());
    REQUIRE_FALSE(kept->cancel());
    REQUIRE(kept->get() == 3);
}

TEST_CASE("a stop request completes what has not begun as stopped", "[process]") {
    wipe();
    yoke::process_pool pool(1);
    std::stop_source stop;
    auto running = pool.submit({.stop = stop.get_token()}, hold);
    await_started(1);
    auto waiting = pool.submit({.stop = stop.get_token()}, count);
    auto other = pool.submit(count);
    stop.request_stop();
    REQUIRE_THROWS_AS(waiting.get(), yoke::cancelled);
    auto late = pool.submit({.stop = stop.get_token()}, count);
    REQUIRE_THROWS_AS(late.get(), yoke::cancelled);
    board.gate = 1;
    running.get();
    other.get();
    REQUIRE(board.ran == 1);
}

TEST_CASE("max_pending bounds what waits to begin", "[process]") {
    const yoke_test::watchdog dog("max_pending");
    wipe();
    yoke::process_pool pool({.workers = 1, .max_pending = 2});
    auto running = pool.submit(hold);
    await_started(1);
    auto first = pool.try_submit(count);
    auto second = pool.try_submit(count);
    REQUIRE(first.has_value());
    REQUIRE(second.has_value());
    REQUIRE_FALSE(pool.try_submit(count).has_value());
    // A cancelled task makes room at once.
    REQUIRE(second->cancel());
    second = pool.try_submit(count);
    REQUIRE(second.has_value());
    std::atomic<bool> in{false};
    std::thread blocked([&] {
        auto third = pool.submit(count);
        in = true;
        third.get();
    });
    REQUIRE_FALSE(pool.try_submit(count).has_value());
    board.gate = 1;
    blocked.join();
    REQUIRE(in);
    running.get();
    pool.wait();
    REQUIRE(board.ran == 3);
}

TEST_CASE("a submit that waits for room is let go by shutdown", "[process]") {
    const yoke_test::watchdog dog("shutdown with a submit waiting");
    wipe();
    yoke::process_pool pool({.workers = 1, .max_pending = 1});
    auto running = pool.submit(hold);
    await_started(1);
    auto waiting = pool.submit(count);
    std::atomic<int> refused{0};
    std::thread blocked([&] {
        try {
            pool.submit(count).get();
        } catch (const yoke::pool_closed&) {
            ++refused;
        }
    });
    pool.shutdown();
    blocked.join();
    REQUIRE(refused == 1);
    board.gate = 1;
    running.get();
    waiting.get();
}

TEST_CASE("shutdown lets accepted tasks finish, cancel_pending stops what has not begun", "[process]") {
    wipe();
    yoke::process_pool pool(1);
    auto running = pool.submit(hold);
    await_started(1);
    std::vector<yoke::future<void>> waiting;
    for (int i = 0; i < 600; ++i) waiting.push_back(pool.submit(count));
    pool.shutdown();
    pool.shutdown();
    REQUIRE_THROWS_AS(pool.submit(count), yoke::pool_closed);
    REQUIRE_THROWS_AS(pool.try_submit(count), yoke::pool_closed);
    pool.shutdown(yoke::cancel_pending);
    pool.shutdown(yoke::cancel_pending);
    for (auto& f : waiting) REQUIRE_THROWS_AS(f.get(), yoke::cancelled);
    board.gate = 1;
    running.get();
    pool.wait();
    REQUIRE(board.ran == 0);
}

TEST_CASE("the destructor waits for all accepted tasks", "[process]") {
    wipe();
    std::vector<yoke::future<int>> results;
    {
        yoke::process_pool pool(2);
        for (int i = 0; i < 500; ++i) results.push_back(pool.submit(add, i, i));
    }
    for (int i = 0; i < 500; ++i) {
        REQUIRE(results[static_cast<std::size_t>(i)].ready());
        REQUIRE(results[static_cast<std::size_t>(i)].get() == 2 * i);
    }
}

TEST_CASE("workers leave when the pool is destroyed", "[process]") {
    std::vector<int> pids;
    {
        yoke::process_pool pool(3);
        pids = pool.worker_pids();
        REQUIRE(pids.size() == 3);
    }
    for (const int pid : pids) REQUIRE_FALSE(yoke_test::alive(pid));
}

TEST_CASE("several pools at once keep their workers and results apart", "[process]") {
    yoke::process_pool one(1);
    yoke::process_pool two(1);
    const int first = one.submit(process).get();
    const int second = two.submit(process).get();
    REQUIRE(first != second);
    REQUIRE(one.submit(process).get() == first);
    REQUIRE(two.submit(process).get() == second);
}

TEST_CASE("a task cannot use the pools of its program", "[process]") {
    yoke::process_pool pool(1);
    REQUIRE_THROWS_AS(pool.submit([] { yoke::process_pool inner(1); }).get(), yoke::deadlock_error);
    REQUIRE_THROWS_AS(pool.submit([] { yoke::runtime inner; }).get(), yoke::deadlock_error);
}

TEST_CASE("an initializer runs in each worker before its first task, and again in a replacement",
          "[process]") {
    wipe();
    yoke::process_pool pool({.workers = 2, .initializer = [] { ++board.ran; }});
    pool.submit(add, 1, 1).get();
    REQUIRE(yoke_test::eventually([] { return board.ran == 2; }));
    REQUIRE_THROWS_AS(pool.submit([] { ::raise(SIGKILL); }).get(), yoke::worker_lost);
    REQUIRE(yoke_test::eventually([] { return board.ran == 3; }));
}

TEST_CASE("an initializer that throws breaks the pool with its text", "[process]") {
    const yoke_test::watchdog dog("an initializer that throws");
    yoke::process_pool pool({.workers = 2, .initializer = [] { throw std::runtime_error("no licence"); }});
    REQUIRE_THROWS_WITH(pool.submit(add, 1, 1).get(), Catch::Matchers::ContainsSubstring("no licence"));
    REQUIRE_THROWS_AS(pool.submit(add, 1, 1), yoke::broken_pool);
}

TEST_CASE("options out of range are refused with the value", "[process]") {
    REQUIRE_THROWS_AS(yoke::process_pool({.workers = 1, .max_pending = 0}), std::invalid_argument);
    REQUIRE_THROWS_AS(yoke::process_pool(5000), std::invalid_argument);
    yoke::process_pool pool(1);
    REQUIRE_THROWS_AS(pool.submit({.timeout = -1ns}, count), std::invalid_argument);
    REQUIRE_THROWS_AS(pool.submit({.attempts = 0}, count), std::invalid_argument);
    int (*nothing)(int, int) = nullptr;
    REQUIRE_THROWS_AS(pool.submit(nothing, 1, 2), std::invalid_argument);
    pool.wait();
}

TEST_CASE("options travel with a view of the pool", "[process]") {
    yoke::process_pool pool(1);
    auto patient = yoke::with(pool, {.timeout = 20ms});
    REQUIRE_THROWS_AS(patient
                          .submit([] {
                              for (;;) ::pause();
                          })
                          .get(),
                      yoke::task_timeout);
    REQUIRE(patient.submit(add, 1, 2).get() == 3);
}

TEST_CASE("a continuation may wait for tasks of the pool that completed it", "[process]") {
    const yoke_test::watchdog dog("a continuation that waits");
    yoke::process_pool pool(1);
    const auto chain = [](yoke::process_pool& on) -> yoke::future<int> {
        const int first = co_await on.submit(add, 1, 2);
        // Resumed by the pool's collector, which has to bring home what is waited for here.
        const int second = on.submit(add, first, 10).get();
        std::vector<yoke::future<int>> more;
        for (int i = 0; i < 600; ++i) more.push_back(on.submit(add, i, 0));
        int sum = second;
        for (auto& f : more) sum += f.get();
        co_return sum;
    };
    REQUIRE(chain(pool).get() == 13 + 599 * 300);
}

TEST_CASE("waiting for the whole pool in one of its continuations is refused", "[process]") {
    const yoke_test::watchdog dog("wait in a continuation");
    yoke::process_pool pool(1);
    const auto chain = [](yoke::process_pool& on) -> yoke::future<bool> {
        co_await on.submit(add, 1, 2);
        try {
            on.wait();
        } catch (const yoke::deadlock_error&) {
            co_return true;
        }
        co_return false;
    };
    wipe();
    auto holding = pool.submit(hold);  // so that the coroutine is suspended for certain
    auto refused = chain(pool);
    board.gate = 1;
    REQUIRE(refused.get());
    holding.get();
}

TEST_CASE("waiting for the whole pool is refused in a continuation that a shutdown calls, too", "[process]") {
    const yoke_test::watchdog dog("wait in the continuation of a task that shutdown cancels");
    yoke::process_pool pool(1);
    const auto chain = [](yoke::process_pool& on) -> yoke::future<bool> {
        try {
            co_await on.submit(add, 1, 2);
        } catch (const yoke::cancelled&) {}
        try {
            on.wait();
        } catch (const yoke::deadlock_error&) {
            co_return true;
        }
        co_return false;
    };
    wipe();
    auto holding = pool.submit(hold);
    await_started(1);
    auto refused = chain(pool);
    pool.shutdown(yoke::cancel_pending);
    board.gate = 1;
    REQUIRE(refused.get());
    holding.get();
}

TEST_CASE("a pool destroyed by its own continuation finishes what it had accepted", "[process]") {
    const yoke_test::watchdog dog("a pool destroyed by its own continuation");
    wipe();
    auto pool = std::make_unique<yoke::process_pool>(std::size_t{1});
    const auto pids = pool->worker_pids();
    auto holding = pool->submit(hold);
    const auto destroy = [](std::unique_ptr<yoke::process_pool>& owned) -> yoke::future<int> {
        const int value = co_await owned->submit(add, 1, 2);
        owned.reset();
        co_return value;
    };
    auto done = destroy(pool);
    auto after = pool->submit(add, 20, 3);
    board.gate = 1;
    REQUIRE(done.get() == 3);
    REQUIRE(after.get() == 23);
    holding.get();
    REQUIRE(yoke_test::eventually([&] { return !yoke_test::alive(pids.front()); }));
}

namespace {

std::atomic<int> told{0};
void tell(std::exception_ptr, const yoke::dropped_error_origin&) { ++told; }

void wait_and_throw() {
    hold();
    throw std::runtime_error("lost");
}
void throw_at_once() { throw std::runtime_error("lost"); }
void die() { ::raise(SIGKILL); }
/// What a task finds in its worker: whether the program's handler was there, and how many errors were dropped.
int drop_in_worker() {
    const bool told_here = yoke::on_dropped_error(&tell) != nullptr;
    yoke::inline_executor here;
    static_cast<void>(here.submit([] { throw std::runtime_error("in a worker"); }));
    return told_here ? -1 : static_cast<int>(told);
}

}  // namespace

TEST_CASE("errors of its tasks that nobody receives are counted and told, before the drop and after it",
          "[process]") {
    wipe();
    told = 0;
    const auto before = yoke::on_dropped_error(&tell);
    yoke::process_pool pool({.workers = 2});
    yoke::thread_pool threads(1);
    yoke::timer timer;
    const auto all_dropped = [&](std::uint64_t expected) {
        pool.wait();
        threads.wait();
        CHECK(pool.dropped_errors() == expected);
        CHECK(static_cast<std::uint64_t>(told) == expected + threads.dropped_errors());
    };
    {
        auto first = pool.submit(wait_and_throw);
        await_started(1);
    }
    board.gate = 1;
    all_dropped(1);
    {
        auto failed = pool.submit(throw_at_once);
        static_cast<void>(failed.wait_for(1h));
        all_dropped(1);
    }
    all_dropped(2);
    static_cast<void>(pool.submit(die));
    all_dropped(3);
    static_cast<void>(threads.submit([] {}).then(pool, throw_at_once));
    threads.wait();
    all_dropped(4);
    static_cast<void>(pool.submit(throw_at_once).then(pool, process));
    all_dropped(5);
    {
        auto series = timer.every(pool, 1ms, throw_at_once);
        static_cast<void>(series.wait_for(1h));
    }
    all_dropped(6);
    static_cast<void>(pool.submit(throw_at_once).then(threads, [] {}));
    pool.wait();
    all_dropped(6 + 1 - threads.dropped_errors());
    CHECK_THROWS_AS(pool.submit(throw_at_once).get(), std::runtime_error);
    CHECK_THROWS_AS(pool.submit(throw_at_once).then(pool, process).get(), std::runtime_error);
    CHECK(told == 7);
    CHECK(pool.submit(drop_in_worker).get() == 1);
    CHECK(told == 7);

    // Of calls that fail together one error is thrown, and the others are dropped.
    const std::uint64_t dropped = pool.dropped_errors();
    std::vector<yoke::future<void>> all;
    for (int i = 0; i != 3; ++i) all.push_back(pool.submit(throw_at_once));
    CHECK_THROWS_AS(yoke::when_all(std::move(all)).get(), std::runtime_error);
    CHECK(told == 9);
    CHECK(pool.dropped_errors() == dropped + 2);
    yoke::on_dropped_error(before);
}

TEST_CASE("when the outcome of a task is visible, its worker holds nothing of the task any more",
          "[process]") {
    const yoke_test::watchdog dog("what workers hold");
    yoke::process_pool pool(2);
    board.held_by_workers = 0;
    const std::string text(100'000, 't');
    struct road {
        std::string name;
        std::function<void()> run;  // until the outcome is there
    };
    const auto until = [](auto task) {
        task.wait();
        if (board.held_by_workers != 0) return;  // seen below
        try {
            static_cast<void>(task.get());
        } catch (const yoke::error&) {}  // NOLINT(bugprone-empty-catch)
    };
    const std::vector<road> roads = {
        {"an argument", [&] { until(pool.submit(number_of, counted(1))); }},
        {"an argument beside a large one", [&] { until(pool.submit(number_of_large, counted(1), text)); }},
        {"a value in the function", [&] { until(pool.submit(yoke::bind_values(number_of, counted(1)))); }},
        {"an argument that is the result", [&] { until(pool.submit(pass_on, counted(1))); }},
        {"an argument, and a large result", [&] { until(pool.submit(large_result, counted(100'000))); }},
        {"a result", [&] { until(pool.submit([] { return counted(1); })); }},
        {"an exception", [&] { until(pool.submit(fail_with, counted(1))); }},
        {"an argument of a task that was stopped", [&] { until(pool.submit(is_cancelled, counted(1))); }},
        {"a task of a view",
         [&] { until(yoke::with(pool, {.attempts = 2}).submit({.timeout = 1h}, number_of, counted(1))); }},
        {"then", [&] { until(pool.submit(pass_on, counted(1)).then(pool, number_of)); }},
    };
    for (const auto& [name, run] : roads) {
        INFO(name);
        int left = 0;
        int here = 0;
        for (int round = 0; round != 30; ++round) {
            run();
            left += board.held_by_workers;
            here += counted::here;
            if (!yoke_test::eventually([] { return board.held_by_workers == 0; })) break;
        }
        CHECK(left == 0);
        CHECK(here == 0);
    }
}
