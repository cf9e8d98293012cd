// SPDX-License-Identifier: MIT
// labels: process
// own-main
//
// What a program may do while it has a process pool: fork, exec, exit with the pool alive, get Ctrl-C, make and
// destroy pools by the thousand, or write all over the shared memory. Rows A14, B4, C8, E6-E8 and E12 of the list of faults.
// Each program is a process of its own.
#include "support/process_watch.hpp"
#include "support/program.hpp"

#include <yoke/executor/process_pool.hpp>
#include <yoke/executor/shared_memory_resource.hpp>
#include <yoke/queue/shared_queue.hpp>

#include <fcntl.h>
#include <signal.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <memory>
#include <memory_resource>
#include <string>
#include <thread>
#include <utility>
#include <vector>

using yoke_test::require;

namespace {

struct shared_board {
    std::atomic<int> started{0};
    std::atomic<int> gate{0};
    std::atomic<int> server{0};
    std::atomic<int> signalled{0};
    std::atomic<int> programs_handlers{0};  ///< that have run in a worker
    std::atomic<int> tasks_handlers{0};
    std::array<std::atomic<int>, 2> workers{};
};
const std::vector<std::string> open_at_start = yoke_test::names_in("/proc/self/fd");
shared_board& board = yoke_test::make_shared_object<shared_board>();

/// A handler of the program, which has no business in a worker.
void programs_handler() {
    if (yoke::detail::in_worker_process) ++board.programs_handlers;
}
void tasks_handler() { ++board.tasks_handlers; }
/// An object of the program, or of a task.
struct handled {
    void (*handler)();
    ~handled() { handler(); }
};
const handled static_object{programs_handler};

int same(int x) { return x; }
int hold(int x) {
    ++board.started;
    while (board.gate == 0) std::this_thread::yield();
    return x;
}
void await_started(int n) {
    while (board.started < n) std::this_thread::yield();
}
int server() { return yoke::detail::process_host::instance().server_pid(); }

void a_forked_child_keeps_its_hands_off() {
    auto pool = std::make_unique<yoke::process_pool>(std::size_t{2});
    yoke::shared_memory_resource shared;
    auto numbers = std::make_unique<std::pmr::vector<int>>(1000, 1, &shared);
    auto queue = std::make_unique<yoke::shared_queue<int>>(4);
    auto running = pool->submit(hold, 5);
    await_started(1);
    std::vector<yoke::future<int>> load;
    std::atomic<bool> over{false};
    std::thread submitter([&] {
        while (!over) pool->submit(same, 1).get();
    });
    for (int round = 0; round < 20; ++round) {
        const pid_t child = ::fork();
        if (child == 0) {
            int wrong = 0;
            const auto throws_forked = [&](auto&& call) {
                try {
                    call();
                    ++wrong;
                } catch (const yoke::forked&) {}
            };
            throws_forked([&] { (void)pool->submit(same, 1); });
            throws_forked([&] { (void)pool->try_submit(same, 1); });
            throws_forked([&] { pool->wait(); });
            throws_forked([&] { numbers->resize(100'000); });
            pool->shutdown();
            pool->shutdown(yoke::cancel_pending);
            pool.reset();
            numbers.reset();
            queue.reset();
            // A pool of its own.
            {
                yoke::process_pool own(1);
                if (own.submit(same, 7).get() != 7) ++wrong;
            }
            yoke::detail::process_host::instance().stop();
            ::_exit(wrong);
        }
        int status = 0;
        ::waitpid(child, &status, 0);
        require(WIFEXITED(status) && WEXITSTATUS(status) == 0,
                "a forked child can neither use nor hurt the pool");
        require(pool->submit(same, round).get() == round, "the parent's pool is as before");
    }
    over = true;
    submitter.join();
    board.gate = 1;
    require(running.get() == 5, "what ran goes on");
    require(numbers->back() == 1 && queue->push(1) && queue->pop() == 1, "memory and queue are as before");
}

void nothing_is_inherited_by_exec() {
    yoke::process_pool pool(2);
    for (const auto& name : yoke_test::names_in("/proc/self/fd")) {
        if (std::binary_search(open_at_start.begin(), open_at_start.end(), name)) continue;
        const int fd = std::atoi(name.c_str());
        const int flags = ::fcntl(fd, F_GETFD);
        require(flags < 0 || (flags & FD_CLOEXEC) != 0 || fd <= 2,
                "descriptor is closed by exec:", name.c_str());
    }
    // And a worker has none of the program's, only the standard streams.
    const auto open = pool.submit([] {
                              int count = 0;
                              for (int fd = 0; fd < 1000; ++fd) count += ::fcntl(fd, F_GETFD) >= 0 ? 1 : 0;
                              return count;
                          })
                          .get();
    require(open == 3, "a worker has its three standard streams");
    const auto end_of_input = pool.submit([] { return std::getchar(); }).get();
    require(end_of_input == EOF, "a worker's standard input is empty");
}

yoke::process_pool* kept_until_exit() {
    static yoke::process_pool pool(2);
    return &pool;
}

void exits_with_a_static_pool() {
    auto* const pool = kept_until_exit();
    const auto pids = pool->worker_pids();
    for (std::size_t i = 0; i < 2; ++i) board.workers[i] = pids[i];
    board.server = server();
    for (int i = 0; i < 100; ++i) (void)pool->submit(same, i);
    std::exit(7);
}
void exits_with_a_pool_on_the_stack() {
    yoke::process_pool pool(2);
    const auto pids = pool.worker_pids();
    for (std::size_t i = 0; i < 2; ++i) board.workers[i] = pids[i];
    board.server = server();
    auto running = pool.submit(hold, 1);
    await_started(1);
    std::exit(8);
}
bool all_gone() {
    return yoke_test::eventually([] {
        return !yoke_test::alive(board.server) && !yoke_test::alive(board.workers[0]) &&
               !yoke_test::alive(board.workers[1]);
    });
}

void register_programs_handlers() {
    std::atexit(programs_handler);
    std::at_quick_exit(programs_handler);
}
/// What a task has at its end.
void register_tasks_handlers() {
    static const handled tasks_object{tasks_handler};
    std::atexit(tasks_handler);
    std::at_quick_exit(tasks_handler);
}
void a_task_that_exits_runs_its_own_handlers_and_none_of_the_programs() {
    register_programs_handlers();  // after the runtime; others are registered in main
    auto* const pool = kept_until_exit();
    static const handled later_object{programs_handler};
    const auto lost_with = [&](void (*way)(), int status) {
        board.tasks_handlers = 0;
        try {
            pool->submit(way).get();
            require(false, "an exit is a loss");
        } catch (const yoke::worker_lost& lost) {
            require(lost.signal() == 0 && lost.status() == status, "with its status");
        }
        require(board.programs_handlers == 0, "no handler of the program runs in a worker");
        require(pool->submit(same, 3).get() == 3, "and the pool goes on");
    };
    lost_with([] { std::exit(4); }, 4);
    lost_with([] { std::quick_exit(5); }, 5);
    lost_with([] { std::_Exit(6); }, 6);
    lost_with([] { std::thread([] { std::exit(7); }).join(); }, 7);
    require(board.tasks_handlers == 0, "who registers no handlers has none");
    lost_with(
        [] {
            register_tasks_handlers();
            std::exit(8);
        },
        8);
    require(board.tasks_handlers == 2, "a task's handlers run at exit()");
    lost_with(
        [] {
            register_tasks_handlers();
            std::quick_exit(9);
        },
        9);
    require(board.tasks_handlers == 1, "a task's handlers run at quick_exit()");
    // A worker's usual end, and a child of a task.
    pool->submit([] {
            if (::fork() == 0) std::exit(0);
        })
        .get();
    { const yoke::process_pool other(1); }
    std::exit(10);
}
void what_is_printed_comes_out_once() {
    std::FILE* const file = std::tmpfile();
    ::dup2(::fileno(file), 1);
    std::ios::sync_with_stdio(false);
    yoke::detail::process_host::instance().stop();
    std::cout << "[before]";
    std::printf("[before, stdio]");
    {
        yoke::process_pool pool(1);
        std::cout << "[after]";
        for (int i = 0; i < 2; ++i) {
            try {
                pool.submit([] {
                        std::cout << "[task]";
                        std::printf("[task, stdio]");
                        std::exit(3);
                    })
                    .get();
            } catch (const yoke::worker_lost&) {}
        }
        pool.submit([] {
                std::cout << "[last]";
                std::printf("[last, stdio]");
            })
            .get();
    }
    std::cout.flush();
    const std::string text = yoke_test::content_of("/proc/self/fd/1");
    for (const auto& [piece, times] :
         {std::pair("[before]", 1), std::pair("[before, stdio]", 1), std::pair("[after]", 1),
          std::pair("[task]", 2), std::pair("[task, stdio]", 2), std::pair("[last]", 1),
          std::pair("[last, stdio]", 1)}) {
        int found = 0;
        for (auto at = text.find(piece); at != std::string::npos; at = text.find(piece, at + 1)) ++found;
        require(found == times, "what is printed comes out as often as it was printed:", piece);
    }
}

void an_interrupt_reaches_the_program_only() {
    ::setpgid(0, 0);
    ::signal(SIGINT, [](int) { board.signalled = 1; });
    yoke::process_pool pool(2);
    auto running = pool.submit(hold, 1);
    await_started(1);
    const auto before = pool.worker_pids();
    ::kill(0, SIGINT);
    while (board.signalled == 0) std::this_thread::yield();
    board.gate = 1;
    require(running.get() == 1, "a running task is not hurt by Ctrl-C");
    require(pool.submit(same, 2).get() == 2 && pool.worker_pids() == before, "nor is any worker");
    // Sent to a worker itself it is ignored, too.
    for (const int pid : before) ::kill(pid, SIGINT);
    for (int i = 0; i < 20; ++i) require(pool.submit(same, i).get() == i, "workers ignore SIGINT");
    require(pool.worker_pids() == before, "and live");
}

/// What a process has: open descriptors, and memory in RAM.
struct load {
    explicit load(int pid)
        : descriptors(yoke_test::names_in("/proc/" + std::to_string(pid) + "/fd").size()),
          pages(yoke_test::resident_pages(pid)) {}
    std::size_t descriptors;
    long pages;
};
/// Neither has more than before: 2 MiB for all pools, where a kilobyte for each would be ten. Sanitizers keep memory that was
/// freed.
void require_no_more(const load& before, const load& after, const char* whose) {
    require(after.descriptors <= before.descriptors, "no descriptor stays open in", whose);
    require(yoke_test::patience > 1 || after.pages - before.pages < 512, "no memory is kept by", whose);
}

void pools_by_the_thousand() {
    constexpr int pools = yoke_test::patience > 1 ? 300 : 10'000;
    const auto come_and_go = [](int count) {
        for (int i = 0; i < count; ++i) {
            yoke::process_pool pool(2);
            if (i % 3 == 0) require(pool.submit(same, i).get() == i, "each of many pools works");
        }
    };
    ::alarm(110);             // it takes a quarter of a minute where nothing else runs
    come_and_go(pools / 10);  // what the program and the server keep, they have now
    const yoke_test::holdings before;
    const load program_before(::getpid());
    const load server_before(server());
    const auto in_use = yoke::detail::process_host::instance().arena().used();
    come_and_go(pools);
    require(
        yoke_test::eventually([&] { return yoke_test::difference(before, yoke_test::holdings()).empty(); }),
        "nothing is left of many pools");
    require(yoke::detail::process_host::instance().arena().used() == in_use, "nor any memory");
    require(yoke_test::children_of(server()).empty(), "nor any worker");
    require_no_more(program_before, load(::getpid()), "the program");
    require_no_more(server_before, load(server()), "the server");
}

/// A task that fills the pool's own memory with a byte, or only parts of it, and dies.
void memory_is_scribbled_over() {
    struct part {
        std::uint64_t from;
        std::uint64_t size;
    };
    constexpr std::uint64_t header = sizeof(yoke::detail::board_header);
    constexpr std::uint64_t slot = sizeof(yoke::detail::task_slot);
    const part parts[] = {{0, 100'000},
                          {0, header},
                          {64, 64},
                          {128, 64},
                          {192, 64},
                          {header, 64 * slot},
                          {header, 8},
                          {header + slot, 100},
                          {header + 256 * slot, 4096},
                          {header + 250 * slot, 8000}};
    for (const part& p : parts) {
        for (const int byte : {0x00, 0x01, 0x7f, 0xff}) {
            // The only block in use is the pool's.
            const auto before = yoke::detail::process_host::instance().arena().used();
            require(before == 0, "nothing else is in the arena");
            yoke::process_pool pool(2);
            std::vector<yoke::future<int>> tasks;
            for (int i = 0; i < 50; ++i) tasks.push_back(pool.submit(same, i));
            auto vandal = pool.submit(
                [](std::uint64_t from, std::uint64_t size, int with) {
                    auto& arena = yoke::detail::process_host::instance().arena();
                    std::memset(arena.at(from), with, size);
                    ::raise(SIGKILL);
                },
                p.from, p.size, byte);
            for (int i = 50; i < 100; ++i) {
                try {
                    tasks.push_back(pool.submit(same, i));
                } catch (const yoke::broken_pool&) {
                    break;
                }
            }
            int right = 0;
            int failed = 0;
            for (std::size_t i = 0; i < tasks.size(); ++i) {
                try {
                    require(tasks[i].get() == static_cast<int>(i), "a result is right or there is none");
                    ++right;
                } catch (const std::exception&) {
                    ++failed;
                }
            }
            try {
                vandal.get();
            } catch (const std::exception&) {}
            require(static_cast<std::size_t>(right + failed) == tasks.size(), "every task settles");
        }
    }
}

}  // namespace

int main() {
    register_programs_handlers();
    const auto run = [](const char* what, auto&& program, int expected) {
        board.started = board.gate = board.server = board.signalled = 0;
        yoke_test::run_program(what, program, expected);
    };
#if defined(YOKE_ADDRESS_SANITIZER)
    // Its allocator does not get ready for a fork beside threads that use it, as the C library's does.
    std::puts("skipped: fork under load, as this is an address sanitizer");
    static_cast<void>(&a_forked_child_keeps_its_hands_off);
#else
    run("fork under load", a_forked_child_keeps_its_hands_off, 0);
#endif
    run("exec", nothing_is_inherited_by_exec, 0);
    run("exit with a static pool", exits_with_a_static_pool, 7);
    require(all_gone(), "exit with a static pool leaves no process");
    run("exit with a pool on the stack", exits_with_a_pool_on_the_stack, 8);
    require(all_gone(), "exit with a pool on the stack leaves no process");
    run("exit in a task", a_task_that_exits_runs_its_own_handlers_and_none_of_the_programs, 10);
    require(board.programs_handlers == 0, "no handler of the program has run in a worker");
    run("what is printed", what_is_printed_comes_out_once, 0);
    run("Ctrl-C", an_interrupt_reaches_the_program_only, 0);
    run("many pools", pools_by_the_thousand, 0);
    run("scribbled memory", memory_is_scribbled_over, 0);
    std::puts("all as documented");
    return 0;
}
