// SPDX-License-Identifier: MIT
// labels: process
//
// Workers that die in the moment in which their pool ends: a thread kills one of them, or all, while another calls
// shutdown(), shutdown(cancel_pending) or the destructor. Every task has one outcome, which is one that it can have; nobody
// waits for ever, and nothing is left behind.
#include "catch.hpp"
#include "support/process_watch.hpp"

#include <yoke/executor/process_pool.hpp>

#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <optional>
#include <string>
#include <thread>
#include <vector>

using namespace std::chrono_literals;

namespace {

constexpr int rounds_of_a_kind = yoke_test::patience > 1 ? 40 : 200;
constexpr std::size_t tasks = 24;

struct shared_board {
    std::atomic<bool> open{false};  ///< tasks begin their work when it is, and the killer aims
    std::array<std::atomic<int>, tasks> starts;
};
shared_board& board = yoke_test::make_shared_object<shared_board>();

/// Long enough for a signal to hit it, short enough for some to be over.
std::size_t work(std::size_t task, int microseconds) {
    ++board.starts[task];
    while (!board.open) std::this_thread::yield();
    const auto end = std::chrono::steady_clock::now() + std::chrono::microseconds(microseconds);
    while (std::chrono::steady_clock::now() < end) {}
    return task;
}

/// What became of the tasks.
struct tally {
    explicit tally(std::size_t count) : settled(count) {}
    std::vector<std::atomic<int>> settled;
    std::atomic<int> values{0};
    std::atomic<int> lost{0};
    std::atomic<int> cancelled{0};
    std::atomic<int> wrong{0};

    void value(std::size_t task, std::size_t got) {
        ++settled[task];
        ++values;
        if (got != task || board.starts[task] < 1) ++wrong;
    }
    /// `may_be_cancelled`: somebody has called shutdown(cancel_pending).
    void error(std::size_t task, const std::exception_ptr& error, bool may_be_cancelled, int attempts) {
        ++settled[task];
        try {
            std::rethrow_exception(error);
        } catch (const yoke::worker_lost& e) {
            ++lost;
            if (e.signal() != SIGKILL || board.starts[task] > e.attempts()) ++wrong;
            if (may_be_cancelled ? e.attempts() > attempts : e.attempts() != attempts) ++wrong;
        } catch (const yoke::cancelled&) {
            ++cancelled;
            if (!may_be_cancelled || (attempts == 1 && board.starts[task] != 0)) ++wrong;
        } catch (...) {
            ++wrong;
        }
    }
};

/// Every second task is one of these, and has no future.
struct receiver {
    tally* to;
    std::size_t task;
    bool may_be_cancelled;
    void set_value(std::size_t got) noexcept { to->value(task, got); }
    void set_error(const std::exception_ptr& error) noexcept { to->error(task, error, may_be_cancelled, 1); }
    void set_stopped() noexcept {
        to->error(task, std::make_exception_ptr(yoke::cancelled()), may_be_cancelled, 1);
    }
};

enum class ending { drain, cancel, destroy };

struct sum {
    int values = 0;
    int lost = 0;
    int cancelled = 0;
};

void dawdle(int microseconds) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::microseconds(microseconds);
    while (std::chrono::steady_clock::now() < end) {}
}

/// The workers of a pool, by descriptors, so that a signal never hits a stranger with the number of one that is gone.
class targets {
public:
    explicit targets(const yoke::process_pool& pool, std::size_t workers) {
        std::vector<int> pids;
        yoke_test::eventually([&] { return (pids = pool.worker_pids()).size() == workers; });
        for (const int pid : pids) open_.push_back(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
    }
    targets(const targets&) = delete;
    targets& operator=(const targets&) = delete;
    ~targets() {
        for (const int worker : open_) ::close(worker);
    }
    [[nodiscard]] std::size_t size() const { return open_.size(); }
    void kill(std::size_t which) const {
        ::syscall(SYS_pidfd_send_signal, open_[which], SIGKILL, nullptr, 0);
    }

private:
    std::vector<int> open_;
};

/// One pool, ended and killed at about the same time; `round` says when exactly, and whom.
void end_under_fire(ending how, int round, sum& all) {
    board.open = false;
    for (auto& starts : board.starts) starts = 0;
    const bool cancels = how == ending::cancel;
    tally to(tasks);
    std::vector<yoke::future<std::size_t>> futures;
    std::vector<int> attempts;
    std::optional<targets> workers;
    std::thread killer;
    {
        yoke::process_pool pool({.workers = 2, .crash_limit = 1'000});
        workers.emplace(pool, 2);
        REQUIRE(workers->size() == 2);
        for (std::size_t task = 0; task != tasks; ++task) {
            const int length = 20 + static_cast<int>(task) * round % 300;
            if (task % 2 == 0) {
                pool.execute(receiver{&to, task, cancels}, work, task, length);
                continue;
            }
            attempts.push_back(task % 4 == 1 ? 1 : 3);
            futures.push_back(pool.submit({.attempts = attempts.back()}, work, task, length));
        }
        killer = std::thread([&workers, round] {
            const auto number = static_cast<std::size_t>(round);
            board.open = true;
            dawdle(round * 13 % 400);
            workers->kill(number % 2);
            if (number % 5 == 0) workers->kill(1 - number % 2);
        });
        while (!board.open) {}
        dawdle(round * 7 % 300);
        if (how == ending::drain) pool.shutdown();
        if (cancels) pool.shutdown(yoke::cancel_pending);
        if (how != ending::destroy && round % 2 == 0) pool.wait();
    }
    killer.join();
    for (std::size_t i = 0; i != futures.size(); ++i) {
        const std::size_t task = 2 * i + 1;
        if (!futures[i].ready()) ++to.wrong;
        try {
            to.value(task, futures[i].get());
        } catch (...) {
            to.error(task, std::current_exception(), cancels, attempts[i]);
        }
    }
    REQUIRE(to.wrong == 0);
    for (const auto& times : to.settled) REQUIRE(times == 1);
    all.values += to.values;
    all.lost += to.lost;
    all.cancelled += to.cancelled;
}

sum many_rounds(ending how, const char* name, int rounds) {
    const yoke_test::watchdog dog(name, 30s);
    sum all;
    for (int round = 0; round != rounds; ++round) end_under_fire(how, round, all);
    return all;
}

}  // namespace

TEST_CASE("a pool ends while its workers die: each task has one outcome, and nothing is left", "[process]") {
    yoke::detail::process_host& host = yoke::detail::process_host::instance();
    for (const auto how : {ending::drain, ending::cancel, ending::destroy})
        many_rounds(how, "the first rounds", 3);  // what the program keeps, it has now
    const int server = host.server_pid();
    const std::uint64_t arena_used = host.arena().used();
    const std::size_t server_descriptors =
        yoke_test::names_in("/proc/" + std::to_string(server) + "/fd").size();
    const yoke_test::holdings before;

    const sum drained = many_rounds(ending::drain, "shutdown() and deaths", rounds_of_a_kind);
    const sum stopped = many_rounds(ending::cancel, "shutdown(cancel_pending) and deaths", rounds_of_a_kind);
    const sum destroyed = many_rounds(ending::destroy, "the destructor and deaths", rounds_of_a_kind);
    std::printf("values, lost, cancelled: %d %d %d drained, %d %d %d cancelled, %d %d %d destroyed\n",
                drained.values, drained.lost, drained.cancelled, stopped.values, stopped.lost,
                stopped.cancelled, destroyed.values, destroyed.lost, destroyed.cancelled);
    for (const sum& each : {drained, stopped, destroyed}) {
        REQUIRE(each.values + each.lost + each.cancelled == rounds_of_a_kind * static_cast<int>(tasks));
        REQUIRE(each.values > 0);
        REQUIRE(each.lost > 0);
    }
    REQUIRE(stopped.cancelled > 0);

    REQUIRE(host.server_pid() == server);
    REQUIRE(host.arena().used() == arena_used);
    REQUIRE(yoke_test::eventually([&] { return yoke_test::children_of(server).empty(); }));
    REQUIRE(yoke_test::names_in("/proc/" + std::to_string(server) + "/fd").size() == server_descriptors);
    REQUIRE(
        yoke_test::eventually([&] { return yoke_test::difference(before, yoke_test::holdings()).empty(); }));
}
