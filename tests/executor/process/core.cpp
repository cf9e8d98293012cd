// SPDX-License-Identifier: MIT
// labels: concurrent
//
// The process pool as a whole with threads in the place of processes, so that the thread sanitizer sees it: the pool, its
// collector, the monitor and the worker's main function are the real ones. In the place of the fork server is a thread that
// speaks its protocol and starts a thread for each worker; it comes in by way of the table of system calls.
#include "catch.hpp"

#include "support/process_watch.hpp"

#include <yoke/executor/process_pool.hpp>

#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <exception>
#include <map>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

using namespace std::chrono_literals;
using namespace yoke::detail;

namespace {

/// A worker that is to die after so many tasks, in the middle of the next; 0: none is.
std::atomic<std::uint64_t> dies_after{0};
std::atomic<std::uint64_t> forks_fail{0};

/// The worker's main function, but for its death: it claims a task and is gone.
int dies_with_a_task(const worker_terms& terms) noexcept {
    const shared_arena& arena = process_host::instance().arena();
    const process_board board(arena.at(terms.board_offset), terms.slots, terms.workers);
    const auto worker = static_cast<std::uint16_t>(terms.index);
    std::uint64_t tail = 0;
    for (std::uint64_t tasks = 0;;) {
        if (const auto index = board.claim(worker, tail)) {
            board.pass_on();
            if (++tasks > dies_after) return 0;
            worker_task(board, arena, *index, worker).run();
        } else if (board.header().stop != 0 || board.desk(worker).leave != 0) {
            return 0;
        } else {
            static_cast<void>(board.sleep(worker));
        }
    }
}

/// In the place of the fork server.
class thread_server {
public:
    /// Serves at the other end of `socket`.
    explicit thread_server(int socket) : socket_(socket), thread_([this] { serve(); }) {}
    thread_server(const thread_server&) = delete;
    thread_server& operator=(const thread_server&) = delete;
    ~thread_server() { thread_.join(); }

private:
    void tell(const server_event& event) {
        const std::lock_guard lock(mutex_);
        static_cast<void>(::send(socket_.get(), &event, sizeof event, MSG_NOSIGNAL));
    }
    void serve() {
        tell({.what = server_event::hello, .pid = ::getpid()});
        server_request request;
        while (::recv(socket_.get(), &request, sizeof request, 0) == static_cast<ssize_t>(sizeof request) &&
               request.what != server_request::leave) {
            if (request.what == server_request::spawn) spawn(request);
        }
        for (auto& [number, worker] : workers_) worker.join();
        socket_ = unique_fd();  // by which the host hears of the end
    }
    void spawn(const server_request& request) {
        if (forks_fail != 0 && forks_fail-- != 0)
            return tell({.what = server_event::spawn_failed, .worker = request.worker, .code = EAGAIN});
        const int pid = ++last_pid_;
        tell({.what = server_event::spawned, .pid = pid, .worker = request.worker});
        workers_.emplace(request.worker, std::thread([this, request, pid] {
                             const bool dies = dies_after != 0;
                             const int status =
                                 dies ? dies_with_a_task(request.terms) : request.entry(request.terms);
                             tell({.what = server_event::died,
                                   .pid = pid,
                                   .worker = request.worker,
                                   .code = dies ? CLD_KILLED : CLD_EXITED,
                                   .status = dies ? SIGKILL : status});
                         }));
    }

    unique_fd socket_;
    std::mutex mutex_;
    std::atomic<int> last_pid_{1'000'000};
    std::map<std::uint64_t, std::thread> workers_;
    std::thread thread_;
};
int servers_end = -1;
std::unique_ptr<thread_server> server;

/// A host whose workers are threads, while it lives.
class threads_as_processes {
public:
    threads_as_processes() {
        process_host::instance().stop();  // the real server
        sys.socketpair = [](int domain, int type, int protocol, int ends[2]) {
            const int result = ::socketpair(domain, type, protocol, ends);
            servers_end = ends[1];
            return result;
        };
        sys.fork = [] {
            server = std::make_unique<thread_server>(::dup(servers_end));
            return ::getpid();  // of the child that would fork the server
        };
        sys.waitpid = [](pid_t pid, int* status, int) {
            *status = 0;
            return pid;
        };
        sys.pidfd_open = [](pid_t) { return -1; };
        runtime_ = std::make_unique<yoke::runtime>();
        REQUIRE(server != nullptr);
    }
    ~threads_as_processes() {
        runtime_.reset();
        server = nullptr;
        sys = before_;
        dies_after = 0;
    }

private:
    const sys_ops before_ = sys;
    std::unique_ptr<yoke::runtime> runtime_;
};

std::uint64_t tripled(std::uint64_t n) { return 3 * n + 1; }
std::vector<std::uint64_t> many(std::uint64_t n) { return std::vector(100, 3 * n + 1); }
std::uint64_t length_of(const std::vector<std::uint64_t>& all) { return all.size(); }
std::uint64_t complains(std::uint64_t n) { throw std::out_of_range(std::to_string(n)); }

struct counted {
    std::atomic<std::uint64_t> values{0};
    std::atomic<std::uint64_t> errors{0};
    std::atomic<std::uint64_t> stopped{0};
};
struct counting_receiver {
    counted* to;
    std::uint64_t expected;
    void set_value(std::uint64_t value) noexcept { ++(value == expected ? to->values : to->errors); }
    void set_error(const std::exception_ptr&) noexcept { ++to->errors; }
    void set_stopped() noexcept { ++to->stopped; }
};

/// Everything that tasks can be, from several threads at once. Returns how many were lost.
std::uint64_t run_tasks(yoke::process_pool& pool, std::uint64_t each) {
    std::atomic<std::uint64_t> wrong{0};
    std::atomic<std::uint64_t> lost{0};
    counted executed;
    std::atomic<std::uint64_t> sent{0};
    std::vector<std::thread> submitters;
    for (std::uint64_t s = 0; s < 3; ++s) {
        submitters.emplace_back([&, s] {
            std::vector<yoke::future<std::uint64_t>> dropped;
            for (std::uint64_t n = s * each; n < (s + 1) * each; ++n) {
                try {
                    switch (n % 8) {
                    case 0: wrong += pool.submit(many, n).get() != std::vector(100, 3 * n + 1); break;
                    case 1:
                        wrong += pool.submit(length_of, std::vector<std::uint64_t>(n % 300)).get() != n % 300;
                        break;
                    case 2:
                        try {
                            static_cast<void>(pool.submit(complains, n).get());
                            ++wrong;
                        } catch (const std::out_of_range& thrown) {
                            wrong += thrown.what() != std::to_string(n);
                        }
                        break;
                    case 3: {
                        auto result = pool.submit(tripled, n);
                        if (!result.cancel()) wrong += result.get() != 3 * n + 1;
                        break;
                    }
                    case 4: {
                        std::stop_source stop;
                        auto result = pool.submit({.stop = stop.get_token()}, tripled, n);
                        stop.request_stop();
                        try {
                            wrong += result.get() != 3 * n + 1;
                        } catch (const yoke::cancelled&) {}
                        break;
                    }
                    case 5:
                        ++sent;
                        pool.execute(counting_receiver{&executed, 3 * n + 1}, tripled, n);
                        break;
                    case 6: dropped.push_back(pool.submit(tripled, n)); break;
                    default:
                        wrong += pool.submit({.attempts = 2, .priority = static_cast<int>(n % 3)}, tripled, n)
                                     .get() != 3 * n + 1;
                    }
                } catch (const yoke::worker_lost&) {
                    ++lost;
                }
            }
            for (std::size_t i = 0; i < dropped.size(); i += 2) dropped[i] = {};
        });
    }
    for (std::thread& thread : submitters) thread.join();
    pool.wait();
    CHECK(wrong == 0);
    CHECK(executed.values + executed.errors == sent);
    return lost + executed.errors;
}

}  // namespace

TEST_CASE("threads in the place of processes: every task has its own outcome", "[concurrent]") {
    const threads_as_processes here;
    const yoke_test::watchdog dog("a pool of threads that pass for processes", 30s);
    yoke::process_pool pool({.workers = 3, .max_pending = 64});
    REQUIRE(run_tasks(pool, 500) == 0);
}

TEST_CASE("threads in the place of processes: workers wear out, go on leave and change in number",
          "[concurrent]") {
    const threads_as_processes here;
    const yoke_test::watchdog dog("a pool of threads that come and go", 30s);
    yoke::process_pool pool({.workers = 2, .tasks_per_worker = 20, .idle_time = 1ms});
    std::atomic<bool> over{false};
    std::thread resizer([&] {
        for (std::size_t n = 0; !over; ++n) {
            pool.resize(1 + n % 4);
            std::this_thread::yield();
        }
    });
    const std::uint64_t lost = run_tasks(pool, 300);
    over = true;
    resizer.join();
    REQUIRE(lost == 0);
}

TEST_CASE("threads in the place of processes: a worker's death loses one task", "[concurrent]") {
    const threads_as_processes here;
    const yoke_test::watchdog dog("a pool of threads that die", 30s);
    dies_after = 10;
    forks_fail = 2;  // of the workers that replace others
    std::uint64_t lost = 0;
    {
        forks_fail = 0;
        yoke::process_pool pool({.workers = 2, .crash_limit = 1'000'000});
        forks_fail = 2;
        lost = run_tasks(pool, 200);
        dies_after = 1'000'000'000;
    }
    REQUIRE(lost > 0);
}

TEST_CASE("threads in the place of processes: an initializer that throws breaks the pool with its text",
          "[concurrent]") {
    const threads_as_processes here;
    const yoke_test::watchdog dog("an initializer that throws in threads", 30s);
    for (int round = 0; round < 20; ++round) {
        yoke::process_pool pool(
            {.workers = 3, .initializer = [] { throw std::domain_error("no such place"); }});
        std::vector<std::thread> submitters;
        std::atomic<int> told{0};
        for (int s = 0; s < 3; ++s) {
            submitters.emplace_back([&] {
                try {
                    static_cast<void>(pool.submit(tripled, 1).get());
                } catch (const yoke::broken_pool& broken) {
                    if (std::string(broken.what()).find("no such place") != std::string::npos) ++told;
                }
            });
        }
        for (std::thread& thread : submitters) thread.join();
        REQUIRE(told == 3);
    }
}

TEST_CASE("threads in the place of processes: a pool ends while threads wait for its tasks", "[concurrent]") {
    const threads_as_processes here;
    const yoke_test::watchdog dog("a pool that ends under waiting threads", 30s);
    for (int round = 0; round < 30; ++round) {
        std::vector<std::thread> waiters;
        std::atomic<int> settled{0};
        {
            yoke::process_pool pool({.workers = 2});
            for (int s = 0; s < 3; ++s) {
                std::vector<yoke::future<std::uint64_t>> results;
                for (std::uint64_t n = 0; n < 20; ++n) results.push_back(pool.submit(tripled, n));
                waiters.emplace_back([&settled, results = std::move(results)]() mutable {
                    for (auto& result : results) {
                        try {
                            static_cast<void>(result.get());
                        } catch (const yoke::cancelled&) {}
                        ++settled;
                    }
                });
            }
            if (round % 2 == 0) pool.shutdown(yoke::cancel_pending);
        }
        for (std::thread& waiter : waiters) waiter.join();
        REQUIRE(settled == 60);
    }
}
