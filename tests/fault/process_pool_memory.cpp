// SPDX-License-Identifier: MIT
// labels: process
//
// The process pool when memory runs out, at every allocation in turn: in submit, in who waits for a result, in the collector
// and in a worker. Row C7 of the list of faults: submit throws and nothing is queued; else the task's own outcome is
// std::bad_alloc, and the pool goes on. This program replaces operator new, to let the n-th allocation of a thread fail.
#include "catch.hpp"
#include "support/failing_memory.hpp"
#include "support/process_watch.hpp"

#include <yoke/executor/process_pool.hpp>

#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <exception>
#include <new>
#include <optional>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

using yoke_test::fail_every_allocation_once;
using yoke_test::living;
using yoke_test::made;
using yoke_test::until_failure;

namespace {

struct shared_board {
    std::atomic<int> runs{0};
    std::atomic<int> gate{0};
};
shared_board& board = yoke_test::make_shared_object<shared_board>();

// The tasks. One that begins with a number lets the n-th allocation in its worker fail from then on.

std::size_t length(const std::string& text) {
    until_failure = -1;
    ++board.runs;
    return text.size();
}
[[maybe_unused]] void wait_at_the_gate() {
    while (board.gate == 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
}
std::string repeat(int size) {
    until_failure = -1;
    return std::string(static_cast<std::size_t>(size), 'r');
}
void complain(const std::string& text) {
    until_failure = -1;
    throw std::out_of_range(text);
}
void die() { ::raise(SIGKILL); }
std::string repeat_without_memory(long n, int size) {
    until_failure = n;
    return std::string(static_cast<std::size_t>(size), 'r');
}
void complain_without_memory(long n, const std::string& text) {
    until_failure = n;
    throw std::out_of_range(text);
}

enum class outcome { pending, value, no_memory, right_error, wrong };

/// Notes what the task became.
struct note {
    std::atomic<outcome>* to;
    const yoke::task_options* wishes = nullptr;

    [[nodiscard]] const yoke::task_options& options() const noexcept {
        static const yoke::task_options none;
        return wishes != nullptr ? *wishes : none;
    }
    void set_value() noexcept { tell(outcome::value); }
    template <class T>
    void set_value(T&&) noexcept {
        tell(outcome::value);
    }
    void set_error(const std::exception_ptr& error) noexcept {
        try {
            std::rethrow_exception(error);
        } catch (const std::bad_alloc&) {
            tell(outcome::no_memory);
        } catch (const yoke::message_too_large&) {
            tell(outcome::no_memory);  // to note which shared memory the result would have had
        } catch (const std::out_of_range&) {
            tell(outcome::right_error);
        } catch (const yoke::worker_lost&) {
            tell(outcome::right_error);
        } catch (...) {
            tell(outcome::wrong);
        }
    }
    void set_stopped() noexcept { tell(outcome::wrong); }

private:
    void tell(outcome what) const noexcept {
        *to = what;
        to->notify_all();
    }
};
outcome await(std::atomic<outcome>& what) {
    what.wait(outcome::pending);
    return what;
}

/// On the collector's thread: the n-th allocation there fails from now on, or none does.
struct starve {
    long n;
    std::atomic<long>* left;
    void set_value(std::size_t) noexcept {
        *left = until_failure;
        until_failure = n;
        left->notify_all();
    }
    void set_error(const std::exception_ptr&) noexcept { std::abort(); }
    void set_stopped() noexcept { std::abort(); }
};
/// Returns how many more allocations would have succeeded there; negative: one has failed, or none was to.
long starve_collector(yoke::process_pool& pool, long n) {
    constexpr long unknown = -1000;
    std::atomic<long> left{unknown};
    pool.execute(starve{n, &left}, length, std::string());
    left.wait(unknown);
    return left;
}

std::uint64_t arena_used() { return yoke::detail::process_host::instance().arena().used(); }

/// Submits with the first allocation failing, then the second, until none fails. Returns how often it threw; each of the
/// others ran one task, also one that did without the memory it was refused. `held`: futures that stay, and with them the
/// memory that the pool would keep for its next tasks.
template <class Submit>
int starve_submit(yoke::process_pool& pool, std::vector<yoke::future<std::size_t>>& held, Submit&& submit) {
    int failed = 0;
    for (int n = 0;; ++n) {
        pool.wait();
        for (int i = 0; i != 2; ++i) held.push_back(pool.submit(length, std::string("four")));
        pool.wait();
        const int runs = board.runs;
        const std::uint64_t used = arena_used();
        until_failure = n;
        bool threw = false;
        try {
            submit();
        } catch (const std::bad_alloc&) {
            threw = true;
        }
        const bool none_failed = until_failure >= 0;
        until_failure = -1;
        pool.wait();
        REQUIRE(board.runs == runs + (threw ? 0 : 1));
        REQUIRE(arena_used() == used);
        REQUIRE(pool.submit(length, std::string("four")).get() == 4);
        if (none_failed) {
            REQUIRE_FALSE(threw);
            return failed;
        }
        failed += threw;
        REQUIRE(n < 100);
    }
}

}  // namespace

TEST_CASE("when memory runs out in submit to processes, it throws and nothing is queued", "[process]") {
    const yoke_test::watchdog dog("no memory in submit");
    yoke::process_pool pool(2);
    std::stop_source stop;
    std::vector<yoke::future<std::size_t>> held;
    for (const std::size_t size : {10u, 300u, 100'000u}) {  // in the task, on the heap, in shared memory
        const std::string text(size, 't');
        REQUIRE(starve_submit(pool, held, [&] { (void)pool.submit(length, text); }) >= 1);
        REQUIRE(starve_submit(pool, held, [&] {
                    (void)pool.submit({.stop = stop.get_token(), .attempts = 2, .priority = 1}, length, text);
                }) >= 1);
        REQUIRE(starve_submit(pool, held, [&] { (void)pool.try_submit(length, text).value(); }) >= 1);
        std::atomic<outcome> what{outcome::pending};
        // A small one needs no memory but the block that the task before has left.
        REQUIRE(starve_submit(pool, held, [&] { pool.execute(note{&what}, length, text); }) >=
                (size == 10 ? 0 : 1));
        REQUIRE(what == outcome::value);
    }
}

#if !defined(YOKE_ADDRESS_SANITIZER)
TEST_CASE(
    "a process pool keeps the memory of its tasks for the next ones, until it has been idle for a while",
    "[process]") {
    const yoke_test::watchdog dog("memory that is kept");
    constexpr int tasks = 1000;
    yoke::process_pool pool(1);
    const auto burst = [&] {
        std::vector<yoke::future<std::size_t>> sizes;
        for (int i = 0; i != tasks; ++i) sizes.push_back(pool.submit(length, std::string("four")));
        for (auto& size : sizes) REQUIRE(size.get() == 4);
    };
    const long before = living;
    burst();
    REQUIRE(living >= before + tasks);
    const long made_before = made;
    burst();
    REQUIRE(made < made_before + tasks);
    while (living >= before + tasks / 2) std::this_thread::sleep_for(std::chrono::milliseconds(10));
}
#endif

#if !defined(YOKE_ADDRESS_SANITIZER)
TEST_CASE("the memory of a burst's tasks goes back while the pool has work all the time", "[process]") {
    const yoke_test::watchdog dog("memory that follows the load", std::chrono::seconds(20));
    constexpr int tasks = 5000;
    yoke::process_pool pool(2);
    const long before = living;
    // One that is at work all the time, so the pool is never idle.
    board.gate = 0;
    auto busy = pool.submit(wait_at_the_gate);
    {
        std::vector<yoke::future<std::size_t>> sizes;
        for (int i = 0; i != tasks; ++i) sizes.push_back(pool.submit(length, std::string("four")));
        for (auto& size : sizes) REQUIRE(size.get() == 4);
    }
    REQUIRE(living >= before + tasks);
    while (living >= before + tasks / 10) {
        REQUIRE(pool.submit(length, std::string("four")).get() == 4);
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    board.gate = 1;
    busy.get();
}
#endif

TEST_CASE("when memory runs out in who waits for a process, its own future fails", "[process]") {
    const yoke_test::watchdog dog("no memory in get");
    yoke::process_pool pool(1);
    for (const int size : {100, 100'000}) {
        int failed = 0;
        // In some rounds the collector is faster, and nothing is allocated here.
        for (int round = 0; round != 20; ++round) {
            failed += fail_every_allocation_once([&] {
                          const long n = std::exchange(until_failure, -1);
                          auto repeated = pool.submit(repeat, size);
                          until_failure = n;
                          if (repeated.get().size() != static_cast<std::size_t>(size))
                              throw std::logic_error("the result is wrong");
                      }).threw;
            REQUIRE(pool.submit(length, std::string("four")).get() == 4);
        }
        REQUIRE(failed >= 1);
    }
}

TEST_CASE("when memory runs out in a process pool's collector, the outcome is bad_alloc or the right one",
          "[process]") {
    const yoke_test::watchdog dog("no memory in the collector", std::chrono::seconds(20));
    yoke::process_pool pool({.workers = 2, .crash_limit = 1000});
    const auto starve_outcome = [&](auto submit, outcome right) {
        int failed = 0;
        for (int n = 0;; ++n) {
            std::atomic<outcome> what{outcome::pending};
            const std::uint64_t used = arena_used();
            starve_collector(pool, n);
            submit(note{&what});
            const outcome was = await(what);
            const long left = starve_collector(pool, -1);
            pool.wait();
            REQUIRE(arena_used() == used);
            REQUIRE(pool.submit(length, std::string("four")).get() == 4);
            if (was == outcome::no_memory) ++failed;
            if (left >= 0) {
                REQUIRE(was == right);
                return failed;
            }
            REQUIRE((was == right || was == outcome::no_memory));
            REQUIRE(n < 200);
        }
    };
    REQUIRE(starve_outcome([&](note to) { pool.execute(to, repeat, 100); }, outcome::value) >= 1);
    REQUIRE(starve_outcome([&](note to) { pool.execute(to, repeat, 100'000); }, outcome::value) >= 1);
    REQUIRE(starve_outcome([&](note to) { pool.execute(to, complain, std::string(1000, 'c')); },
                           outcome::right_error) >= 1);
    REQUIRE(starve_outcome([&](note to) { pool.execute(to, die); }, outcome::right_error) >= 1);
}

TEST_CASE("when memory runs out in a continuation of a process's task, that arrives in its future",
          "[process]") {
    const yoke_test::watchdog dog("no memory in a continuation");
    yoke::process_pool pool(2);
    int failed = 0;
    for (int n = 0;; ++n) {
        starve_collector(pool, n);
        auto size = pool.submit(repeat, 1000).then(pool, length);
        std::size_t got = 0;
        try {
            got = size.get();
        } catch (const std::bad_alloc&) {
            ++failed;
        } catch (const yoke::message_too_large&) {
            ++failed;
        }
        const long left = starve_collector(pool, -1);
        if (left >= 0) {
            REQUIRE(got == 1000);
            break;
        }
        REQUIRE(n < 100);
    }
    REQUIRE(failed >= 1);
}

TEST_CASE("when memory runs out in a worker, the outcome is bad_alloc or the right one", "[process]") {
    const yoke_test::watchdog dog("no memory in a worker");
    yoke::process_pool pool(1);
    const int pid = pool.worker_pids().front();
    for (const int size : {100, 100'000}) {
        int values = 0;
        int failed = 0;
        for (long n = 0; n < 20; ++n) {
            try {
                const std::string text = pool.submit(repeat_without_memory, n, size).get();
                if (text == repeat(size)) ++values;
            } catch (const std::bad_alloc&) {
                ++failed;
            }
            REQUIRE(pool.submit(length, std::string("four")).get() == 4);
        }
        REQUIRE(values >= 1);
        REQUIRE(failed >= 1);
    }
    int right = 0;
    const std::string text(1000, 'c');
    for (long n = 0; n < 40; ++n) {
        try {
            pool.submit(complain_without_memory, n, text).get();
            FAIL("it throws");
        } catch (const std::out_of_range& error) {
            if (error.what() == text) ++right;
        } catch (const std::exception&) {}
        REQUIRE(pool.submit(length, std::string("four")).get() == 4);
    }
    REQUIRE(right >= 1);
    REQUIRE(pool.worker_pids().front() == pid);  // nobody has died of it
}

TEST_CASE("when memory runs out in the fork server, a worker is not started, and the server goes on",
          "[process]") {
    using namespace yoke::detail;
    const yoke_test::watchdog dog("no memory in the fork server");
    int unstarted = 0;
    int refused = 0;
    for (long n = 0;; ++n) {
        int ends[2];
        REQUIRE(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0);
        const unique_fd ours(ends[0]);
        unique_fd theirs(ends[1]);
        const pid_t host = ::getpid();
        const pid_t server = ::fork();
        if (server == 0) {
            until_failure = n;
            fork_server(theirs.get(), -1, host).run();
        }
        theirs = unique_fd();
        const auto next = [&] {
            server_event event;
            return ::recv(ours.get(), &event, sizeof event, 0) == static_cast<ssize_t>(sizeof event)
                       ? std::optional(event)
                       : std::nullopt;
        };
        if (!next()) {  // it had no memory to begin with: whoever made it hears that
            ++unstarted;
            REQUIRE(::waitpid(server, nullptr, 0) == server);
            continue;
        }
        constexpr int asked = 40;
        // Nobody reads while all of them are asked for.
        for (std::uint64_t worker = 1; worker <= asked; ++worker) {
            const server_request request{.what = server_request::spawn,
                                         .worker = worker,
                                         .entry = [](const worker_terms&) noexcept { return 7; }};
            REQUIRE(::send(ours.get(), &request, sizeof request, 0) == static_cast<ssize_t>(sizeof request));
        }
        int spawned = 0;
        int failed = 0;
        int died = 0;
        while (spawned + failed < asked || died < spawned) {
            const auto event = next();
            REQUIRE(event.has_value());  // the server lives
            if (event->what == server_event::spawned) ++spawned;
            if (event->what == server_event::spawn_failed) {
                REQUIRE(event->code == ENOMEM);
                ++failed;
            }
            if (event->what == server_event::died) {
                REQUIRE(event->status == 7);
                ++died;
            }
        }
        REQUIRE(failed <= 1);
        refused += failed;
        const server_request leave{.what = server_request::leave};
        REQUIRE(::send(ours.get(), &leave, sizeof leave, 0) == static_cast<ssize_t>(sizeof leave));
        REQUIRE(::waitpid(server, nullptr, 0) == server);
        if (failed == 0) break;  // all of its allocations have been refused once
    }
    REQUIRE(unstarted >= 1);
    REQUIRE(refused >= 1);  // how many there are depends on how many workers live at once
}
