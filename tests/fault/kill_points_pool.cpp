// SPDX-License-Identifier: MIT
// labels: process
// own-main
//
// Workers killed between any two steps of the life of a task, a hundred at each: rows A5 (claimed, started), A6 (half a
// result, a whole one) and A7 (committed, announced) of the list of faults. Before the commit the task is lost, exactly
// once, and never runs a second time; after it the result is delivered. And those killed while they were to wake
// somebody: nobody sleeps on.
#define YOKE_TEST_POINTS
#include "support/kill_points.hpp"

#include <yoke/executor/process_pool.hpp>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

using yoke_test::kill_points;
using yoke_test::require;

namespace {

struct shared_board {
    std::atomic<int> runs{0};
    std::atomic<int> started{0};
    std::atomic<int> gate{0};
    std::atomic<int> forks_fail{0};
};
shared_board& board = yoke_test::make_shared_object<shared_board>();

pid_t fork_or_fail() {
    if (board.forks_fail == 0) return ::fork();
    errno = EAGAIN;
    return -1;
}

int run(int value) {
    ++board.runs;
    return value;
}
/// As run, with a result that needs a room of its own.
std::string run_large(int) {
    ++board.runs;
    return std::string(100'000, 'r');
}
int hold(int value) {
    ++board.started;
    while (board.gate == 0) std::this_thread::yield();
    return value;
}

/// Dies when half of it is written.
struct half_written {
    bool die = false;
};

}  // namespace

template <>
struct yoke::codec<half_written> {
    static void encode(wire_writer& out, const half_written& value) {
        out.number(1);
        if (value.die && !out.counting()) ::raise(SIGKILL);
        out.number(2);
    }
    static half_written decode(wire_reader& in) {
        static_cast<void>(in.number<int>("one"));
        static_cast<void>(in.number<int>("two"));
        return {};
    }
};

namespace {

/// `watched`: this thread sleeps on the task's own slot. Else the collector brings the result home.
template <class F>
bool value_delivered(yoke::process_pool& pool, F f, bool watched, int attempts = 1) {
    auto result = pool.submit({.attempts = attempts}, f, 7);
    if (!watched) static_cast<void>(result.wait_until(std::chrono::steady_clock::time_point::max()));
    try {
        result.get();
        return true;
    } catch (const yoke::worker_lost& lost) {
        require(lost.signal() == SIGKILL, "the signal is SIGKILL");
        return false;
    }
}

void around_a_task() {
    struct place {
        const char* name;
        int runs;        // of a task with one attempt
        bool delivered;  // its result
    };
    const place places[] = {{"slot claimed", 0, false},    {"task claimed", 0, false},
                            {"task started", 0, false},    {"result written", 1, false},
                            {"result committed", 1, true}, {"result announced", 1, true}};
    yoke::process_pool pool({.workers = 2, .crash_limit = 1000});
    for (const place& p : places) {
        for (int round = 0; round < 50; ++round) {
            board.runs = 0;
            kill_points::arm(p.name);
            const bool large = round % 2 == 1;
            const bool watched = round % 4 < 2;
            const bool delivered =
                large ? value_delivered(pool, run_large, watched) : value_delivered(pool, run, watched);
            // Who waited may have been woken a moment before the worker came by.
            kill_points::await_death();
            require(delivered == p.delivered, "the outcome is as documented at", p.name);
            require(board.runs == p.runs, "the task ran as often as documented at", p.name);
            // With a second attempt it is delivered in any case.
            board.runs = 0;
            kill_points::arm(p.name);
            require(large ? value_delivered(pool, run_large, watched, 2)
                          : value_delivered(pool, run, watched, 2),
                    "a second attempt succeeds at", p.name);
            kill_points::await_death();
            require(board.runs == p.runs + (p.delivered ? 0 : 1), "no attempt too many at", p.name);
            require(pool.submit(run, 3).get() == 3, "the pool goes on");
        }
        require(kill_points::deaths(p.name) == 100, "a hundred workers have died at", p.name);
    }
    // A result of which half is there. Its worker is its own killer.
    int halves = 0;
    for (int round = 0; round < 100; ++round) {
        try {
            static_cast<void>(pool.submit([] { return half_written{true}; }).get());
            require(false, "half a result is no result");
        } catch (const yoke::worker_lost& lost) {
            require(lost.signal() == SIGKILL, "the signal is SIGKILL");
            ++halves;
        }
    }
    require(halves == 100, "a hundred have died in the middle of a result");
}

int asleep_of(yoke::process_pool& pool) {
    const auto pids = pool.worker_pids();
    return static_cast<int>(std::count_if(pids.begin(), pids.end(),
                                          [](int pid) { return yoke_test::look_at(pid).state == 'S'; }));
}

/// Has a worker come to a search and holds it there. The task that is returned may have been left to it.
yoke::future<int> hold_on_the_search(yoke::process_pool& pool) {
    kill_points::hold("search begun");
    for (;;) {
        auto task = pool.submit({.attempts = 2}, run, 3);
        while (!task.ready() && kill_points::struck() == 0) std::this_thread::yield();
        if (kill_points::struck() != 0) return task;
    }
}

/// The worker that is to wake another dies before it does, or the one who wakes the collector dies on the way to it.
/// Whatever waits is done by somebody, who hears of it by the death alone: nothing else is repaired here.
void around_a_wake() {
    yoke::process_pool pool({.workers = 3, .max_workers = 3, .crash_limit = 1000});
    // One worker is busy, one asleep, and one on the search, who is counted on for all that is sent. It passes that on,
    // unless the collector does that at the time.
    while (kill_points::deaths("sleeper taken") != 40 && std::thread::hardware_concurrency() > 1) {
        board.started = board.gate = 0;
        auto busy = pool.submit(hold, 1);
        while (board.started == 0) std::this_thread::yield();
        auto before = hold_on_the_search(pool);
        require(yoke_test::eventually([&] { return asleep_of(pool) == 1; }), "the third worker sleeps");
        kill_points::arm("sleeper taken");
        std::vector<yoke::future<int>> rest;
        for (int i = 0; i < 20; ++i) rest.push_back(pool.submit({.attempts = 2}, run, i));
        kill_points::let_go();
        for (int i = 0; i < 20; ++i)
            require(rest[static_cast<std::size_t>(i)].get() == i, "every task is done after a death at",
                    "sleeper taken");
        require(before.get() == 3, "and so is the one before it");
        kill_points::disarm();
        if (kill_points::struck() != 0) kill_points::await_death();
        board.gate = 1;
        require(busy.get() == 1, "the busy worker was left alone");
    }
    // Nobody waits for the task's slot, so its worker calls the collector, unless that is awake.
    for (int round = 0; round < 40; ++round) {
        kill_points::arm("collector called");
        while (kill_points::struck() == 0) {
            auto result = pool.submit(run, round);
            static_cast<void>(result.wait_until(std::chrono::steady_clock::time_point::max()));
            require(result.get() == round, "a result is delivered after a death at", "collector called");
        }
        kill_points::await_death();
    }
}

/// A task comes while the only worker has looked at the ring for the last time and does not say yet that it sleeps: the
/// worker looks once more.
void sent_to_who_falls_asleep() {
    yoke::process_pool pool({.workers = 1, .max_workers = 1});
    for (int round = 0; round < 50; ++round) {
        kill_points::hold("falls asleep");
        auto first = pool.submit(run, 1);
        while (kill_points::struck() == 0) std::this_thread::yield();
        auto next = pool.submit(run, 2);
        kill_points::let_go();
        require(first.get() == 1, "the task before is done");
        require(next.get() == 2, "a task that comes as its worker falls asleep is done");
    }
}

/// A task is left to a worker that looks for one, and that worker dies; none can be forked in its place. The other one,
/// which sleeps, is woken because of the death.
void left_to_who_dies() {
    if (std::thread::hardware_concurrency() < 2) return;  // nobody looks for tasks awake
    for (int round = 0; round < 10; ++round) {
        board.started = board.gate = 0;
        yoke::process_pool pool({.workers = 2, .max_workers = 2, .crash_limit = 1000});
        auto busy = pool.submit(hold, 1);
        while (board.started == 0) std::this_thread::yield();
        kill_points::hold("search begun");
        auto first = pool.submit(run, 1);
        while (kill_points::struck() == 0) std::this_thread::yield();
        board.gate = 1;
        require(busy.get() == 1 && first.get() == 1, "the tasks before are done");
        const auto pids = pool.worker_pids();
        require(pids.size() == 2, "there are two workers");
        const int other = pids[pids[0] == kill_points::struck() ? 1 : 0];
        require(yoke_test::eventually([&] { return yoke_test::look_at(other).state == 'S'; }),
                "the worker that was busy sleeps");
        auto next = pool.submit(run, 2);
        board.forks_fail = 1;
        ::kill(kill_points::struck(), SIGKILL);
        require(next.get() == 2, "a task that a dead worker would have found is done by another");
        kill_points::let_go();
        board.forks_fail = 0;
    }
}

/// A worker that is stopped on the search, or does not get a processor, is not counted on for long: a task wakes
/// another, though nobody waits for it and nothing is repaired.
void stopped_on_the_search() {
    if (std::thread::hardware_concurrency() < 2) return;  // nobody looks for tasks awake
    yoke::detail::test_heals = true;                      // here; the workers think otherwise
    yoke::process_pool pool({.workers = 2, .max_workers = 2});
    for (int round = 0; round < 10; ++round) {
        auto before = hold_on_the_search(pool);
        require(yoke_test::eventually([&] { return asleep_of(pool) == 1; }), "the other worker sleeps");
        const std::uint32_t since = yoke::detail::coarse_ms();
        while (yoke::detail::coarse_ms() - since <= yoke::detail::search_trust_ms())
            std::this_thread::yield();
        auto next = pool.submit(run, 4);
        static_cast<void>(next.wait_until(std::chrono::steady_clock::time_point::max()));
        require(next.get() == 4, "a task does not wait for who is stopped");
        require(before.get() == 3, "nor does the one before it");
        kill_points::let_go();
        require(yoke_test::eventually([&] { return asleep_of(pool) == 2; }), "both workers sleep");
    }
    yoke::detail::test_heals = false;
}

/// A worker that is so slow between claiming a task and beginning it that the task has expired by then, and the signal that
/// ends it is slow, too. It must not go on to another task, which would be lost with it.
void expired_before_it_began() {
    yoke::process_pool pool({.workers = 2, .max_workers = 2});
    const int server = yoke::detail::process_host::instance().server_pid();
    int slow = 0;
    for (int round = 0; round < 20; ++round) {
        board.started = board.gate = board.runs = 0;
        require(yoke_test::eventually([&] {
                    const auto pids = pool.worker_pids();
                    return pids.size() == 2 && std::find(pids.begin(), pids.end(), slow) == pids.end();
                }),
                "there are two workers");
        auto busy = pool.submit(hold, 2);
        while (board.started != 1) std::this_thread::yield();
        kill_points::hold("slot claimed");
        ::kill(server, SIGSTOP);
        auto late = pool.submit({.timeout = std::chrono::milliseconds(5)}, run, 1);
        while (kill_points::struck() == 0) std::this_thread::yield();
        try {
            late.get();
            require(false, "the late task has expired");
        } catch (const yoke::task_timeout&) {}
        slow = kill_points::struck();
        kill_points::let_go();
        auto next = pool.submit(hold, 3);
        // The other worker is busy. This one sees that its task has expired, and waits for its end.
        const auto asleep = [&slow] { return yoke_test::look_at(slow).state == 'S'; };
        while (!(board.runs == 1 && asleep()) && board.started != 2) std::this_thread::yield();
        require(board.started == 1, "a worker whose task has expired takes no other");
        ::kill(server, SIGCONT);
        board.gate = 1;
        require(busy.get() == 2, "the busy worker was left alone");
        require(next.get() == 3, "the next task is not lost with the late one");
    }
}

/// No worker can be forked for a while: the pool goes on with fewer, and has all of them again when that is over. With
/// none left it says at once why.
void none_can_be_forked() {
    yoke::process_pool pool({.workers = 2, .max_workers = 2, .crash_limit = 3});
    board.forks_fail = 1;
    ::kill(pool.worker_pids().at(0), SIGKILL);
    require(yoke_test::eventually([&] { return pool.worker_pids().size() == 1; }), "one worker is left");
    for (int i = 0; i < 100; ++i) require(pool.submit(run, i).get() == i, "the other one does the tasks");
    board.forks_fail = 0;
    require(yoke_test::eventually([&] { return pool.worker_pids().size() == 2; }), "the pool is whole again");
    require(pool.submit(run, 3).get() == 3, "and serves");
    board.forks_fail = 1;
    for (const int pid : pool.worker_pids()) ::kill(pid, SIGKILL);
    require(yoke_test::eventually([&] { return pool.worker_pids().empty(); }), "no worker is left");
    std::string why;
    try {
        pool.submit(run, 1).get();
    } catch (const yoke::broken_pool& broken) {
        why = broken.what();
    }
    board.forks_fail = 0;
    require(why.find("EAGAIN") != std::string::npos && why.find("RLIMIT_NPROC") != std::string::npos,
            "the pool names the system's reason and the limit", why.c_str());
}

}  // namespace

int main() {
    kill_points::install();
    yoke::detail::test_heals = false;
    yoke::detail::sys.fork = &fork_or_fail;
    yoke::runtime rt;
    const yoke_test::watchdog dog("workers killed at every step", std::chrono::seconds(60));
    around_a_task();
    around_a_wake();
    sent_to_who_falls_asleep();
    left_to_who_dies();
    none_can_be_forked();
    stopped_on_the_search();
    expired_before_it_began();
    std::puts("nothing lost, nothing twice, nobody left asleep");
    return 0;
}
