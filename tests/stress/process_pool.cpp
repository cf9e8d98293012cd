// SPDX-License-Identifier: MIT
// labels: process
//
// Everything that can happen to the tasks of a process pool, at once and at random: workers that crash, that are killed
// from outside one at a time and all together, stopped and continued; deadlines to begin and to end, cancels, stop requests,
// second attempts, priorities, bounds, resizes, pools that are shut down over their tasks. Every task has exactly one
// outcome, which is one that it can have, and nothing is left behind.
//
//     YOKE_STRESS_TASKS=1000000 YOKE_STRESS_SEED=1 test.stress.process_pool
//
// And nothing, for long: pools between bursts of work (YOKE_STRESS_IDLE_MS, 2500 each of three times).
// And forks: of the program while its tasks run, and in the tasks (YOKE_STRESS_FORKS, 400 of the program).
//
// What is submitted and done to the workers follows from the seed; how that meets in time does not.
#include "catch.hpp"
#include "support/process_watch.hpp"

#include <yoke/algorithm/consume.hpp>
#include <yoke/algorithm/timer.hpp>
#include <yoke/executor/process_pool.hpp>
#include <yoke/executor/this_task.hpp>
#include <yoke/executor/thread_pool.hpp>
#include <yoke/queue/bounded_queue.hpp>

#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <latch>
#include <mutex>
#include <optional>
#include <set>
#include <sstream>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

using namespace std::chrono_literals;

namespace {

constexpr bool sanitized = yoke_test::patience > 1;
/// Longer than the second after which a pool that is idle tidies up.
constexpr std::uint32_t default_idle_ms = 2'500;
/// A few seconds. The whole of a million takes a quarter of a minute, without a sanitizer.
constexpr std::uint32_t default_tasks = sanitized ? 100'000 : 300'000;
constexpr std::uint32_t most_tasks = 4'000'000;
constexpr std::uint32_t window = 500;  ///< tasks that a thread submits before it looks at their outcomes
constexpr int submitters = 3;

std::uint32_t number_from(const char* variable, std::uint32_t otherwise) {
    const char* const text = std::getenv(variable);
    return text != nullptr ? static_cast<std::uint32_t>(std::strtoul(text, nullptr, 10)) : otherwise;
}

std::uint64_t mixed(std::uint64_t x) {
    x += 0x9e3779b97f4a7c15U;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9U;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebU;
    return x ^ (x >> 31);
}

/// How often each task has begun, as its workers count it.
struct shared_board {
    std::array<std::atomic<std::uint8_t>, most_tasks> starts;
};
shared_board& board = yoke_test::make_shared_object<shared_board>();

enum class kind {
    plain,      ///< returns a number
    large,      ///< takes and returns a text that needs memory of its own
    received,   ///< plain, with a receiver instead of a future
    throws,     ///< an exception
    dies,       ///< every time
    dies_once,  ///< and succeeds when it is started again
    hangs,      ///< until its deadline
    races,      ///< ends at about its deadline
    recalled,   ///< cancelled by who has submitted it
    hurried,    ///< must begin soon
    polite,     ///< goes on until it is asked to stop
    stubborn    ///< goes on when it is asked to stop
};
constexpr std::size_t kinds = 12;

/// So many of 10'000 tasks are of a kind; the rest is plain.
constexpr std::array<std::uint32_t, kinds> shares = {0, 300, 1000, 200, 20, 10, 15, 15, 500, 300, 30, 10};

kind kind_of(std::uint64_t random) {
    auto left = static_cast<std::uint32_t>(random % 10'000);
    for (std::size_t k = 1; k != kinds; ++k) {
        if (left < shares[k]) return static_cast<kind>(k);
        left -= shares[k];
    }
    return kind::plain;
}

// The tasks.

std::uint64_t value_of(std::uint32_t index) { return mixed(~std::uint64_t{index}); }
std::string text_of(std::uint32_t index) {
    return std::string(value_of(index) % 20'000, static_cast<char>('a' + index % 26));
}
void begin(std::uint32_t index) { ++board.starts[index]; }

std::uint64_t plain(std::uint32_t index) {
    begin(index);
    return value_of(index);
}
std::string large(std::uint32_t index, const std::string& text) {
    begin(index);
    return text + std::to_string(index);
}
std::uint64_t throws(std::uint32_t index) {
    begin(index);
    throw std::out_of_range(std::to_string(index));
}
/// How `dies` dies: the signal, or 0 and the status.
struct death {
    int signal;
    int status;
};
constexpr std::array<death, 4> deaths = {{{SIGKILL, 0}, {SIGABRT, 0}, {0, 0}, {0, 3}}};

std::uint64_t dies(std::uint32_t index) {
    begin(index);
    const death how = deaths[index % deaths.size()];
    if (how.signal == 0) ::_exit(how.status);
    ::signal(how.signal, SIG_DFL);
    ::raise(how.signal);
    return 0;
}
std::uint64_t dies_once(std::uint32_t index) {
    begin(index);
    if (board.starts[index] == 1) ::raise(SIGKILL);
    return value_of(index);
}
std::uint64_t hangs(std::uint32_t index) {
    begin(index);
    for (;;) ::pause();
}
constexpr auto race_time = 150us;
std::uint64_t races(std::uint32_t index) {
    begin(index);
    const auto end = std::chrono::steady_clock::now() + std::chrono::microseconds(index % 300);
    while (std::chrono::steady_clock::now() < end) {}
    return value_of(index);
}
std::uint64_t polite(std::uint32_t index) {
    begin(index);
    while (!yoke::this_task::stop_requested()) std::this_thread::yield();
    throw yoke::cancelled();
}

/// One task, as who has submitted it knows it.
struct plan {
    std::uint32_t index = 0;
    kind what = kind::plain;
    int attempts = 1;
    bool recalled = false;  ///< cancel() has said yes
    bool closing = false;   ///< the pool may be shut down over it

    [[nodiscard]] int starts() const { return board.starts[index]; }
};

/// What became of the tasks, and of the workers.
struct tally {
    std::atomic<std::uint64_t> submitted{0};
    std::atomic<std::uint64_t> values{0};
    std::atomic<std::uint64_t> thrown{0};
    std::atomic<std::uint64_t> lost{0};
    std::atomic<std::uint64_t> lost_by_kill{0};
    std::atomic<std::uint64_t> timed_out{0};
    std::atomic<std::uint64_t> not_begun{0};
    std::atomic<std::uint64_t> cancelled{0};
    std::atomic<std::uint64_t> settled{0};  ///< futures and receivers, whatever their outcome
    std::atomic<std::uint64_t> kills{0};
    std::atomic<std::uint64_t> stops{0};
    std::atomic<std::uint64_t> resizes{0};
    std::atomic<std::uint64_t> wrong{0};

    void note_kill(int pid) {
        const std::lock_guard lock(mutex);
        killed.insert(pid);
        ++kills;
    }
    [[nodiscard]] bool was_killed(int pid) {
        const std::lock_guard lock(mutex);
        return killed.contains(pid);
    }
    void expect(bool right, const plan& task, const char* what) {
        if (right) return;
        if (++wrong > 10) return;
        std::fprintf(stderr, "task %u of kind %d, started %d times of %d%s: %s\n", task.index,
                     static_cast<int>(task.what), task.starts(), task.attempts,
                     task.closing ? ", pool shut down" : "", what);
    }

    template <class T>
    void value(const plan& task, const T& got, const T& right) {
        ++values;
        expect(got == right, task, "a wrong value");
        expect(task.what != kind::throws && task.what != kind::dies && task.what != kind::hangs &&
                   task.what != kind::polite && task.what != kind::stubborn && !task.recalled,
               task, "cannot have a value");
        expect(task.starts() >= (task.what == kind::dies_once ? 2 : 1) && task.starts() <= task.attempts,
               task, "has a value");
        settle();
    }
    void stopped(const plan& task) {
        ++cancelled;
        const bool asked = task.what == kind::polite || task.what == kind::stubborn;
        expect(task.recalled || asked || task.closing, task, "was cancelled by nobody");
        // One that may be started again may have been, before the pool was shut down.
        expect(task.starts() <= (asked || task.attempts > 1 ? task.attempts : 0), task, "is cancelled");
        settle();
    }
    void error(const plan& task, const std::exception_ptr& error) {
        try {
            std::rethrow_exception(error);
        } catch (const yoke::cancelled&) {
            return stopped(task);
        } catch (const std::out_of_range& e) {
            ++thrown;
            expect(task.what == kind::throws && std::to_string(task.index) == e.what() && task.starts() == 1,
                   task, e.what());
        } catch (const yoke::worker_lost& e) {
            lose(task, e);
        } catch (const yoke::task_timeout& e) {
            ++(e.began() ? timed_out : not_begun);
            expect(e.began() ? task.what == kind::hangs || task.what == kind::races
                             : task.what == kind::hurried && task.starts() == 0,
                   task, e.what());
            expect(task.starts() <= 1, task, e.what());
        } catch (const std::exception& e) {
            expect(false, task, e.what());
        }
        expect(!task.recalled, task, "was cancelled and has another outcome");
        settle();
    }

private:
    void lose(const plan& task, const yoke::worker_lost& e) {
        ++lost;
        const bool by_kill = e.signal() == SIGKILL && was_killed(e.pid());
        bool by_itself = false;
        if (task.what == kind::dies) {
            const death how = deaths[task.index % deaths.size()];
            by_itself = e.signal() == how.signal && e.status() == how.status;
        } else if (task.what == kind::dies_once) {
            // Its first attempt, if the pool did not want to start it again.
            by_itself = e.signal() == SIGKILL && task.closing && e.attempts() == 1;
        }
        if (!by_itself) ++lost_by_kill;
        expect(by_kill || by_itself, task, e.what());
        expect(task.starts() <= e.attempts(), task, "began more often than it was started");
        expect(e.attempts() == task.attempts || (task.closing && e.attempts() < task.attempts), task,
               "was started too often or not often enough");
    }
    void settle() {
        ++settled;
        settled.notify_all();
    }

    std::mutex mutex;
    std::set<int> killed;
};

/// For tasks without a future.
struct receiver {
    tally* to;
    plan task;
    std::atomic<std::uint32_t>* outstanding;

    void set_value(std::uint64_t got) noexcept {
        to->value(task, got, value_of(task.index));
        leave();
    }
    void set_error(const std::exception_ptr& error) noexcept {
        to->error(task, error);
        leave();
    }
    void set_stopped() noexcept {
        to->stopped(task);
        leave();
    }

private:
    void leave() const noexcept {
        --*outstanding;
        outstanding->notify_all();
    }
};

struct task_with_future {
    plan task;
    yoke::future<std::uint64_t> number;
    yoke::future<std::string> text;
    std::optional<std::stop_source> stop;
};

/// How one pool of several is made and used.
struct round_terms {
    std::uint64_t random = 0;
    std::uint32_t first = 0;  ///< index of its first task
    std::uint32_t tasks = 0;
    bool priorities = false;
    bool bounded = false;
    bool shut_down = false;  ///< over the last tasks of each submitter
};

yoke::process_pool_options options_of(const round_terms& terms) {
    yoke::process_pool_options options{.workers = 3, .max_workers = 8, .crash_limit = 1'000'000};
    options.limits = {{RLIMIT_CORE, 0}};
    if (terms.bounded) options.max_pending = 100;
    if (terms.random % 3 == 0) options.tasks_per_worker = 200;
    if (terms.random % 3 == 1) options.idle_time = 1ms;
    return options;
}

/// Submits a part of a round's tasks, window by window, and sees what becomes of them.
class submitter {
public:
    submitter(yoke::process_pool& pool, tally& to, const round_terms& terms) noexcept
        : pool_(pool), to_(to), terms_(terms) {}

    /// `before_last` is called when all tasks of the last window are submitted.
    template <class F>
    void run(std::uint32_t first, std::uint32_t count, F&& before_last) {
        for (std::uint32_t done = 0; done < count; done += window) {
            const std::uint32_t many = std::min(window, count - done);
            const bool last = done + many == count;
            for (std::uint32_t i = 0; i < many; ++i) submit(first + done + i, last && terms_.shut_down);
            for (task_with_future& one : tasks_)
                if (one.stop) one.stop->request_stop();
            if (last) before_last();
            collect();
        }
    }

private:
    void submit(std::uint32_t index, bool closing) {
        const std::uint64_t random = mixed(terms_.random ^ index);
        plan task{.index = index, .what = kind_of(random), .closing = closing};
        board.starts[index] = 0;
        yoke::task_options options;
        if (terms_.priorities) options.priority = static_cast<int>((random >> 20) % 5) - 2;
        if (task.what == kind::dies) task.attempts = 1 + static_cast<int>((random >> 24) % 3);
        if (task.what == kind::dies_once) task.attempts = 20;
        if (task.what == kind::plain && (random >> 24) % 4 == 0) task.attempts = 20;
        options.attempts = task.attempts;
        if (task.what == kind::hangs) options.timeout = 1ms;
        if (task.what == kind::races) options.timeout = race_time;
        if (task.what == kind::hurried) options.queue_timeout = std::chrono::microseconds(random >> 24 & 511);
        ++to_.submitted;
        if (task.what == kind::received) {
            ++outstanding_;
            return pool_.execute(receiver{&to_, task, &outstanding_}, plain, index);
        }
        tasks_.push_back({task, {}, {}, {}});
        task_with_future& one = tasks_.back();
        if (task.what == kind::polite || task.what == kind::stubborn) {
            one.stop.emplace();
            options.stop = one.stop->get_token();
            if (task.what == kind::stubborn) options.grace = 500us;
        }
        if (task.what == kind::large)
            one.text = pool_.submit(options, large, index, text_of(index));
        else
            submit(one, options);
        // With a bound the tasks that follow have to wait for this one.
        if (one.stop && terms_.bounded) one.stop->request_stop();
        if (task.what == kind::recalled) one.task.recalled = one.number.cancel();
    }
    void submit(task_with_future& one, const yoke::task_options& options) {
        std::uint64_t (*call)(std::uint32_t) = plain;
        switch (one.task.what) {
        case kind::throws: call = throws; break;
        case kind::dies: call = dies; break;
        case kind::dies_once: call = dies_once; break;
        case kind::hangs:
        case kind::stubborn: call = hangs; break;
        case kind::races: call = races; break;
        case kind::polite: call = polite; break;
        default: break;
        }
        if (auto accepted = pool_.try_submit(options, call, one.task.index))
            one.number = std::move(*accepted);
        else
            one.number = pool_.submit(options, call, one.task.index);
    }
    void collect() {
        for (task_with_future& one : tasks_) {
            try {
                if (one.task.what == kind::large)
                    to_.value(one.task, one.text.get(),
                              text_of(one.task.index) + std::to_string(one.task.index));
                else
                    to_.value(one.task, one.number.get(), value_of(one.task.index));
            } catch (...) {
                to_.error(one.task, std::current_exception());
            }
        }
        tasks_.clear();
        for (auto left = outstanding_.load(); left != 0; left = outstanding_.load()) outstanding_.wait(left);
    }

    yoke::process_pool& pool_;
    tally& to_;
    const round_terms& terms_;
    std::vector<task_with_future> tasks_;
    std::atomic<std::uint32_t> outstanding_{0};
};

/// Sends a signal to a worker, and to nobody else, should the process be gone and its number be used again.
bool signal_worker(int pid, int server, int signal, tally* note) {
    const int worker = static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
    if (worker < 0) return false;
    const bool is_one = yoke_test::look_at(pid).parent == server;
    if (is_one && note != nullptr) note->note_kill(pid);
    const bool sent = is_one && ::syscall(SYS_pidfd_send_signal, worker, signal, nullptr, 0) == 0;
    ::close(worker);
    return sent;
}

/// Harms the workers and changes their number each time some more tasks are done, until `over`.
void harm(yoke::process_pool& pool, tally& to, std::uint64_t random, int server,
          const std::atomic<bool>& over) {
    std::uint64_t next = to.settled;
    for (;;) {
        random = mixed(random);
        next += 20 + random % 100;
        for (auto now = to.settled.load(); now < next && !over; now = to.settled.load()) to.settled.wait(now);
        if (over) return;
        const std::uint64_t what = (random >> 16) % 16;
        if (what >= 10) {
            pool.resize(1 + (random >> 24) % 6);
            ++to.resizes;
            continue;
        }
        const std::vector<int> pids = pool.worker_pids();
        if (pids.empty()) continue;
        const int one = pids[(random >> 24) % pids.size()];
        if (what == 0) {
            for (const int pid : pids) signal_worker(pid, server, SIGKILL, &to);
        } else if (what == 1) {
            if (signal_worker(one, server, SIGSTOP, nullptr)) ++to.stops;
            signal_worker(one, server, SIGCONT, nullptr);
        } else {
            signal_worker(one, server, SIGKILL, &to);
        }
    }
}

void run_round(const round_terms& terms, tally& to) {
    const int server = yoke::detail::process_host::instance().server_pid();
    {
        yoke::process_pool pool(options_of(terms));
        std::atomic<bool> over{false};
        std::latch all_submitted(submitters);
        std::thread harmer([&] { harm(pool, to, terms.random, server, over); });
        std::vector<std::thread> threads;
        for (std::uint32_t s = 0; s != submitters; ++s) {
            threads.emplace_back([&, s] {
                const std::uint32_t from = terms.tasks * s / submitters;
                const std::uint32_t to_end = terms.tasks * (s + 1) / submitters;
                submitter(pool, to, terms).run(terms.first + from, to_end - from, [&] {
                    all_submitted.arrive_and_wait();
                    if (terms.shut_down && s == 0) pool.shutdown(yoke::cancel_pending);
                });
            });
        }
        for (std::thread& thread : threads) thread.join();
        over = true;
        ++to.settled;  // not an outcome: the other thread is to look
        to.settled.notify_all();
        harmer.join();
        --to.settled;
    }
    REQUIRE(yoke_test::eventually([&] { return yoke_test::children_of(server).empty(); }));
}

void run_rounds(std::uint32_t tasks, std::uint64_t seed, tally& to) {
    const std::uint32_t each = std::max<std::uint32_t>(tasks / 20, 3'000);
    std::uint32_t round = 0;
    for (std::uint32_t first = 0; first < tasks; first += each, ++round) {
        const std::string name = "round " + std::to_string(round) + " of the stress";
        const yoke_test::watchdog dog(name, 60s);
        run_round({.random = mixed(seed + round),
                   .first = first,
                   .tasks = std::min(each, tasks - first),
                   .priorities = round % 2 == 1,
                   .bounded = round % 4 >= 2,
                   .shut_down = round % 3 == 2},
                  to);
    }
}

/// The mappings of this process which it shares with others, without their places.
std::vector<std::string> shared_mappings() {
    std::ifstream maps("/proc/self/maps");
    std::vector<std::string> shared;
    for (std::string line; std::getline(maps, line);) {
        const auto rights = line.find(' ');
        if (rights != std::string::npos && line.compare(rights + 4, 1, "s") == 0)
            shared.push_back(line.substr(rights));
    }
    return shared;
}

/// How often the threads of these processes have been given a processor; a thread that sleeps all the time is not.
std::uint64_t switches_of(const std::vector<int>& processes) {
    std::uint64_t sum = 0;
    for (const int pid : processes) {
        const std::string tasks = "/proc/" + std::to_string(pid) + "/task";
        for (const std::string& task : yoke_test::names_in(tasks)) {
            std::istringstream status(yoke_test::content_of(tasks + "/" + task + "/status"));
            for (std::string word; status >> word;) {
                std::uint64_t count = 0;
                if (word == "voluntary_ctxt_switches:" && status >> count) sum += count;
            }
        }
    }
    return sum;
}

int squared(int x) { return x * x; }

}  // namespace

namespace {

std::uint64_t mixed_in_a_worker(std::uint64_t x) { return mixed(x); }
/// Comes back in both processes.
std::uint64_t mixed_twice(std::uint64_t x) {
    if (x % 2 == 0)
        static_cast<void>(::fork());
    else
        ::syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
    return mixed(x);
}
/// Waits for a child of its own, which goes without a word.
std::uint64_t mixed_beside_a_child(std::uint64_t x) {
    const pid_t child = ::fork();
    if (child == 0) ::_exit(0);
    ::waitpid(child, nullptr, 0);
    return mixed(x);
}
std::vector<std::uint64_t> mixed_at_large(std::uint64_t x) { return std::vector(200, mixed(x)); }

/// What a child of the program does with what its parent waits for.
[[noreturn]] void use_inheritance(std::uint64_t choice, yoke::process_pool& pool,
                                  std::vector<yoke::future<std::uint64_t>>& results, std::stop_source& stop) {
    ::alarm(20);
    for (auto& result : results) {
        try {
            if (choice % 6 == 0) static_cast<void>(result.get());
            if (choice % 6 == 1) result.wait();
        } catch (const yoke::forked&) {}
        if (choice % 6 == 2 && result.cancel()) ::_exit(1);
        if (choice % 6 == 3) result = {};
    }
    if (choice % 6 == 4) stop.request_stop();
    if (choice % 6 == 5) pool.~basic_process_pool();
    ::_exit(0);
}

}  // namespace

TEST_CASE("program and tasks fork while tasks run: each task has its own value", "[process]") {
    const std::uint32_t forks = number_from(
        "YOKE_STRESS_FORKS", sanitized ? 0 : 400);  // an address sanitizer's allocator takes it ill
    const std::uint64_t seed = number_from("YOKE_STRESS_SEED", 1);
    CAPTURE(seed);
    const yoke::runtime rt;
    yoke::process_pool pool(3);
    const yoke_test::watchdog dog("forks under load", 100s);
    std::atomic<bool> over{false};
    std::atomic<int> wrong{0};
    std::vector<std::thread> load;
    for (std::uint64_t thread = 0; thread < 3; ++thread) {
        load.emplace_back([&, thread] {
            for (std::uint64_t n = thread << 32; !over; n += 50) {
                std::vector<yoke::future<std::uint64_t>> small;
                std::vector<yoke::future<std::vector<std::uint64_t>>> large;
                for (std::uint64_t i = n; i < n + 50; ++i) {
                    const std::uint64_t choice = mixed(seed + i) % 100;
                    if (choice < 5)
                        large.push_back(pool.submit(mixed_at_large, i));
                    else
                        small.push_back(pool.submit(choice == 5   ? mixed_twice
                                                    : choice == 6 ? mixed_beside_a_child
                                                                  : mixed_in_a_worker,
                                                    i));
                }
                auto next_small = small.begin();
                auto next_large = large.begin();
                for (std::uint64_t i = n; i < n + 50; ++i) {
                    if (mixed(seed + i) % 100 < 5)
                        wrong += next_large++->get() != std::vector(200, mixed(i));
                    else
                        wrong += next_small++->get() != mixed(i);
                }
            }
        });
    }
    int harmed = 0;
    for (std::uint32_t round = 0; round < forks; ++round) {
        std::stop_source stop;
        std::vector<yoke::future<std::uint64_t>> results;
        for (std::uint64_t i = 0; i < 20; ++i)
            results.push_back(pool.submit({.stop = stop.get_token()}, mixed_in_a_worker, i));
        const pid_t child = ::fork();
        if (child == 0) use_inheritance(mixed(seed + round), pool, results, stop);
        for (std::uint64_t i = 0; i < 20; ++i) wrong += results[i].get() != mixed(i);
        int status = 0;
        ::waitpid(child, &status, 0);
        if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) ++harmed;
    }
    over = true;
    for (std::thread& thread : load) thread.join();
    REQUIRE(wrong == 0);
    REQUIRE(harmed == 0);
    REQUIRE(pool.worker_pids().size() == 3);
}

TEST_CASE("pools that are idle for long use no processor, and are as good as new after it", "[process]") {
    const auto idle = std::chrono::milliseconds(number_from("YOKE_STRESS_IDLE_MS", default_idle_ms));
    yoke::process_pool processes(2);
    yoke::bounded_queue<int> queue(4);
    std::atomic<int> consumed{0};
    yoke::thread_pool threads(2);
    yoke::timer timer;
    const struct closer {
        yoke::bounded_queue<int>& queue;
        ~closer() { queue.close(); }
    } closes_if_a_check_fails{queue};
    auto consumer = threads.submit([&] {
        while (queue.pop()) ++consumed;
    });
    auto far = timer.after(threads, 1h, [] {});
    for (int round = 0; round != 3; ++round) {
        std::vector<yoke::future<int>> squares;
        for (int i = 0; i != 1000; ++i) squares.push_back(processes.submit(squared, i));
        for (int i = 0; i != 1000; ++i) threads.detach([] {});
        for (int i = 0; i != 1000; ++i) REQUIRE(squares[static_cast<std::size_t>(i)].get() == i * i);
        threads.submit([] {}).get();
        for (int i = 0; i != 100; ++i) REQUIRE(queue.push(i));
        REQUIRE(yoke_test::eventually([&] { return consumed == 100 * (round + 1); }));

        // One of those who sleep is killed each time, and replaced while nobody asks.
        const auto before = processes.worker_pids();
        REQUIRE(before.size() == 2);
        ::kill(before.front(), SIGKILL);
        REQUIRE(yoke_test::eventually([&] {
            const auto now = processes.worker_pids();
            return now.size() == 2 && std::find(now.begin(), now.end(), before.front()) == now.end();
        }));

        // The pool tidies up within a second, then nothing happens: not one thread of it is woken.
        std::this_thread::sleep_for(1500ms);
        std::vector<int> all = processes.worker_pids();
        all.push_back(yoke::detail::process_host::instance().server_pid());
        all.push_back(::getpid());
        const std::uint64_t switches = switches_of(all);
        std::this_thread::sleep_for(idle);
        const std::uint64_t ours = 1;  // this thread, which slept
        if constexpr (!sanitized) REQUIRE(switches_of(all) <= switches + ours);
    }
    queue.close();
    consumer.get();
    REQUIRE(far.cancel());
}

TEST_CASE("whatever happens to workers and tasks at once, the outcomes add up and nothing is left",
          "[process]") {
    const std::uint32_t tasks = std::min(number_from("YOKE_STRESS_TASKS", default_tasks), most_tasks);
    const std::uint32_t seed = number_from("YOKE_STRESS_SEED", 20'261);
    std::printf("YOKE_STRESS_TASKS=%u YOKE_STRESS_SEED=%u\n", tasks, seed);
    std::fflush(stdout);

    yoke::detail::process_host& host = yoke::detail::process_host::instance();
    {
        tally warm_up;  // what the program keeps, it has now
        run_rounds(3'000, seed + 1, warm_up);
        REQUIRE(warm_up.wrong == 0);
    }
    const int server = host.server_pid();
    const std::uint64_t arena_used = host.arena().used();
    const std::vector<std::string> mappings = shared_mappings();
    const yoke_test::holdings before;

    tally to;
    run_rounds(tasks, seed, to);

    std::printf(
        "%llu tasks: %llu values, %llu exceptions, %llu lost (%llu of them by %llu kills), %llu timed out, "
        "%llu not begun in time, %llu cancelled; %llu stopped and continued, %llu resizes\n",
        static_cast<unsigned long long>(to.submitted), static_cast<unsigned long long>(to.values),
        static_cast<unsigned long long>(to.thrown), static_cast<unsigned long long>(to.lost),
        static_cast<unsigned long long>(to.lost_by_kill), static_cast<unsigned long long>(to.kills),
        static_cast<unsigned long long>(to.timed_out), static_cast<unsigned long long>(to.not_begun),
        static_cast<unsigned long long>(to.cancelled), static_cast<unsigned long long>(to.stops),
        static_cast<unsigned long long>(to.resizes));
    CHECK(to.wrong == 0);
    REQUIRE(to.submitted == tasks);
    REQUIRE(to.settled == tasks);
    REQUIRE(to.values + to.thrown + to.lost + to.timed_out + to.not_begun + to.cancelled == tasks);
    REQUIRE(to.lost_by_kill <= to.kills);
    // All of it has happened.
    REQUIRE(to.lost > to.lost_by_kill);
    for (const auto& count : {&to.values, &to.thrown, &to.timed_out, &to.cancelled, &to.kills, &to.resizes})
        REQUIRE(*count > 0);

    REQUIRE(host.server_pid() == server);  // and the same server all the time
    REQUIRE(host.arena().used() == arena_used);
    REQUIRE(shared_mappings() == mappings);
    REQUIRE(
        yoke_test::eventually([&] { return yoke_test::difference(before, yoke_test::holdings()).empty(); }));
    host.stop();
    REQUIRE(yoke_test::eventually([&] { return !yoke_test::alive(server); }));
}
