// SPDX-License-Identifier: MIT
// labels: process
//
// A child of the program, or of a task, that uses what it has inherited: row H2 of the list of faults. Every road to
// the parent's pools, futures, queues and memory either throws `forked` in the child or has no effect, never hangs, and
// the parent's tasks are as if there had been no child.
#include "catch.hpp"

#include "support/process_watch.hpp"

#include <yoke/algorithm/consume.hpp>
#include <yoke/algorithm/fetch.hpp>
#include <yoke/algorithm/map.hpp>
#include <yoke/algorithm/pipeline.hpp>
#include <yoke/algorithm/timer.hpp>
#include <yoke/executor/inline_executor.hpp>
#include <yoke/executor/process_pool.hpp>
#include <yoke/executor/shared_memory_resource.hpp>
#include <yoke/executor/task_group.hpp>
#include <yoke/executor/thread_pool.hpp>
#include <yoke/future/completion.hpp>
#include <yoke/queue/bounded_queue.hpp>
#include <yoke/queue/shared_queue.hpp>
#include <yoke/worker_local.hpp>

#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <memory>
#include <memory_resource>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

using namespace std::chrono_literals;

namespace {

struct shared_board {
    std::atomic<int> gate{0};
    std::atomic<int> started{0};
    std::atomic<int> run_in_a_child{0};  ///< tasks of the parent's
};
shared_board& board = yoke_test::make_shared_object<shared_board>();
const pid_t program = ::getpid();

int same(int x) { return x; }
int hold(int x) {
    ++board.started;
    while (board.gate == 0) std::this_thread::yield();
    return x;
}
int on_a_thread(int x) {
    if (::getpid() != program) ++board.run_in_a_child;
    return x;
}

using queue_handle = yoke::shared_queue<int>::handle_type;

struct two_rows {
    std::vector<int> operator()(const yoke::page_request&) const { return {1, 2}; }
};
using pages_of_two =
    decltype(yoke::fetch(std::declval<yoke::thread_pool&>(), two_rows{}, yoke::fetch_options{}));

/// Two of each kind of thing that a child can inherit. There are futures of tasks that run, that have not begun, and
/// that are done.
struct estate {
    estate() {
        running.push_back(processes->submit(hold, 1));
        running.push_back(processes->submit(hold, 2));
        running.push_back(threads->submit(hold, 3));
        running.push_back(threads->submit(hold, 4));
        while (board.started != 4) std::this_thread::yield();
        for (int i = 0; i < 8; ++i) {
            unbegun.push_back(processes->submit(same, i));
            unbegun.push_back(threads->submit(on_a_thread, i));
        }
        stoppable.push_back(processes->submit({.stop = stop.get_token()}, same, 5));
        stoppable.push_back(threads->submit({.stop = stop.get_token()}, on_a_thread, 5));
        following.push_back(processes->submit(same, 6).then(*threads, on_a_thread));
        following.push_back(threads->submit(on_a_thread, 6).then(*processes, same));
        following.push_back(coroutine(*threads));
        std::vector<yoke::future<int>> some;
        some.push_back(threads->submit(on_a_thread, 7));
        all.emplace(yoke::when_all(std::move(some)));
        std::vector<yoke::future<int>> others;
        others.push_back(processes->submit(same, 8));
        others.push_back(threads->submit(on_a_thread, 8));
        in_turn.emplace(yoke::as_completed(std::move(others)));
        late = clock.after(*threads, 1h, [] {});
        series = clock.every(*threads, 1h, [] {});
        group->run([] { on_a_thread(0); });
        static_cast<void>(items->push(1));
        static_cast<void>(shared_items->push(1));
        consumed = yoke::consume(*threads, 1, *consumed_items, [](int) {});
    }
    static yoke::future<int> coroutine(yoke::thread_pool& pool) {
        co_return co_await pool.submit(on_a_thread, 9);
    }

    void check_and_end() {
        board.gate = 1;
        for (int i = 0; i < 4; ++i) REQUIRE(running[static_cast<std::size_t>(i)].get() == i + 1);
        for (int i = 0; i < 16; ++i) REQUIRE(unbegun[static_cast<std::size_t>(i)].get() == i / 2);
        for (auto& each : stoppable) REQUIRE(each.get() == 5);
        REQUIRE(following[0].get() == 6);
        REQUIRE(following[1].get() == 6);
        REQUIRE(following[2].get() == 9);
        REQUIRE(all->get() == std::vector{7});
        for (int i = 0; i < 2; ++i) REQUIRE(in_turn->next()->get() == 8);
        REQUIRE_FALSE(late.ready());
        REQUIRE(late.cancel());
        REQUIRE(series.cancel());
        group->wait();
        REQUIRE(items->pop() == 1);
        REQUIRE(shared_items->pop() == 1);
        REQUIRE(*numbers == std::pmr::vector<int>(100, 1));
        REQUIRE(consumed_items->push(1));
        consumed_items->close();
        REQUIRE(consumed.get() == 1);
        REQUIRE(pages->next()->rows.size() == 2);
        for (int i = 0; i < 100; ++i) REQUIRE(processes->submit(same, i).get() == i);
        REQUIRE(processes->worker_pids() == workers);
        REQUIRE(board.run_in_a_child == 0);
    }

    std::unique_ptr<yoke::process_pool> processes = std::make_unique<yoke::process_pool>(std::size_t{2});
    const std::vector<int> workers = processes->worker_pids();
    yoke::shared_memory_resource memory;
    std::unique_ptr<std::pmr::vector<int>> numbers = std::make_unique<std::pmr::vector<int>>(100, 1, &memory);
    yoke::shared_span<int> span{*numbers};
    std::unique_ptr<yoke::shared_queue<int>> shared_items = std::make_unique<yoke::shared_queue<int>>(4);
    std::unique_ptr<yoke::thread_pool> threads = std::make_unique<yoke::thread_pool>(2);
    std::unique_ptr<yoke::bounded_queue<int>> items = std::make_unique<yoke::bounded_queue<int>>(4);
    std::unique_ptr<yoke::bounded_queue<int>> consumed_items = std::make_unique<yoke::bounded_queue<int>>(4);
    yoke::bounded_queue<int>::producer producer = items->register_producer();
    std::optional<yoke::timer> clock_storage{std::in_place};
    yoke::timer& clock = *clock_storage;
    std::unique_ptr<yoke::task_group<yoke::thread_pool>> group =
        std::make_unique<yoke::task_group<yoke::thread_pool>>(*threads);
    yoke::worker_local<int> local{[] { return 0; }};
    std::stop_source stop;
    std::vector<yoke::future<int>> running;
    std::vector<yoke::future<int>> unbegun;
    std::vector<yoke::future<int>> stoppable;
    std::vector<yoke::future<int>> following;
    std::optional<yoke::future<std::vector<int>>> all;
    std::optional<yoke::completion_range<int>> in_turn;
    yoke::future<void> late;
    yoke::future<void> series;
    yoke::future<std::uint64_t> consumed;
    std::optional<pages_of_two> pages{
        yoke::fetch(*threads, two_rows{}, yoke::fetch_options{.limit = 2, .total = 4})};
};

enum class fate { throws, has_no_effect };
struct road {
    const char* name;
    fate expected;
    void (*go)(estate&);
};

/// Every future there is.
template <class Use>
void each_future(estate& all, Use use) {
    for (auto* some : {&all.running, &all.unbegun, &all.stoppable, &all.following})
        for (auto& one : *some) use(one);
    use(*all.all);
    use(all.late);
    use(all.series);
    use(all.consumed);
}
/// Calls; what all of the calls throw is thrown on. Ends the child if one does not throw.
template <class Use>
void each_future_throws(estate& all, Use use) {
    each_future(all, [&](auto& one) {
        try {
            use(one);
        } catch (const yoke::forked&) {
            return;
        }
        ::_exit(3);
    });
    throw yoke::forked();
}

const road roads[] = {
    {"get", fate::throws,
     [](estate& e) { each_future_throws(e, [](auto& f) { static_cast<void>(f.get()); }); }},
    {"wait", fate::throws, [](estate& e) { each_future_throws(e, [](auto& f) { f.wait(); }); }},
    {"wait_for", fate::throws,
     [](estate& e) { each_future_throws(e, [](auto& f) { static_cast<void>(f.wait_for(1ms)); }); }},
    {"ready", fate::throws,
     [](estate& e) { each_future_throws(e, [](auto& f) { static_cast<void>(f.ready()); }); }},
    {"cancel", fate::has_no_effect,
     [](estate& e) {
         each_future(e, [](auto& f) {
             if (f.cancel()) ::_exit(3);
         });
     }},
    {"drop", fate::has_no_effect, [](estate& e) { each_future(e, [](auto& f) { f = {}; }); }},
    {"then", fate::throws, [](estate& e) { static_cast<void>(e.unbegun[0].then(*e.threads, on_a_thread)); }},
    {"co_await", fate::throws,
     [](estate& e) {
         const auto wait = [](yoke::future<int> f) -> yoke::future<int> { co_return co_await std::move(f); };
         static_cast<void>(wait(std::move(e.unbegun[0])).get());
     }},
    {"when_all", fate::throws, [](estate& e) { static_cast<void>(yoke::when_all(std::move(e.unbegun))); }},
    {"when_any", fate::throws, [](estate& e) { static_cast<void>(yoke::when_any(std::move(e.unbegun))); }},
    {"as_completed", fate::throws,
     [](estate& e) { static_cast<void>(yoke::as_completed(std::move(e.unbegun))); }},
    {"the next that completes", fate::throws, [](estate& e) { static_cast<void>(e.in_turn->next()); }},
    {"drop a completion range", fate::has_no_effect, [](estate& e) { e.in_turn.reset(); }},
    {"request_stop", fate::has_no_effect, [](estate& e) { e.stop.request_stop(); }},
    {"submit to processes", fate::throws, [](estate& e) { static_cast<void>(e.processes->submit(same, 1)); }},
    {"try_submit to processes", fate::throws,
     [](estate& e) { static_cast<void>(e.processes->try_submit(same, 1)); }},
    {"map on processes", fate::throws,
     [](estate& e) {
         static_cast<void>(yoke::map(*e.processes, std::vector{1, 2}, same));
     }},
    {"resize processes", fate::throws, [](estate& e) { e.processes->resize(1); }},
    {"wait for processes", fate::throws, [](estate& e) { e.processes->wait(); }},
    {"worker_pids", fate::throws, [](estate& e) { static_cast<void>(e.processes->worker_pids()); }},
    {"shut processes down", fate::has_no_effect, [](estate& e) { e.processes->shutdown(); }},
    {"cancel what is pending on processes", fate::has_no_effect,
     [](estate& e) { e.processes->shutdown(yoke::cancel_pending); }},
    {"destroy a process pool", fate::has_no_effect, [](estate& e) { e.processes.reset(); }},
    {"submit to threads", fate::throws, [](estate& e) { static_cast<void>(e.threads->submit(same, 1)); }},
    {"map on threads", fate::throws,
     [](estate& e) {
         static_cast<void>(yoke::map(*e.threads, std::vector{1, 2}, same));
     }},
    {"wait for threads", fate::throws, [](estate& e) { e.threads->wait(); }},
    {"resize threads", fate::throws, [](estate& e) { e.threads->resize(1); }},
    {"cancel what is pending on threads", fate::has_no_effect,
     [](estate& e) { e.threads->shutdown(yoke::cancel_pending); }},
    {"destroy a thread pool", fate::has_no_effect, [](estate& e) { e.threads.reset(); }},
    {"run in a group", fate::throws, [](estate& e) { e.group->run([] {}); }},
    {"wait for a group", fate::throws, [](estate& e) { e.group->wait(); }},
    {"destroy a group", fate::has_no_effect, [](estate& e) { e.group.reset(); }},
    {"the next page", fate::throws, [](estate& e) { static_cast<void>(e.pages->next()); }},
    {"drop a fetch", fate::has_no_effect, [](estate& e) { e.pages.reset(); }},
    {"timer after", fate::throws,
     [](estate& e) { static_cast<void>(e.clock.after(*e.threads, 1ms, [] {})); }},
    {"destroy a timer", fate::has_no_effect, [](estate& e) { e.clock_storage.reset(); }},
    {"push to a queue", fate::throws, [](estate& e) { static_cast<void>(e.items->push(2)); }},
    {"pop from a queue", fate::throws, [](estate& e) { static_cast<void>(e.items->pop()); }},
    {"pop from an empty queue", fate::throws, [](estate& e) { static_cast<void>(e.consumed_items->pop()); }},
    {"a pill for a queue", fate::throws,
     [](estate& e) { static_cast<void>(e.items->push(yoke::poison_pill)); }},
    {"close a queue", fate::has_no_effect, [](estate& e) { e.items->close(); }},
    {"leave as the last producer", fate::has_no_effect, [](estate& e) { e.producer.leave(); }},
    {"destroy a queue", fate::has_no_effect, [](estate& e) { e.items.reset(); }},
    {"push to a shared queue", fate::throws, [](estate& e) { static_cast<void>(e.shared_items->push(2)); }},
    {"pop from a shared queue", fate::throws, [](estate& e) { static_cast<void>(e.shared_items->pop()); }},
    {"try_pop from a shared queue", fate::throws,
     [](estate& e) { static_cast<void>(e.shared_items->try_pop()); }},
    {"a pill for a shared queue", fate::throws,
     [](estate& e) { static_cast<void>(e.shared_items->push(yoke::poison_pill)); }},
    {"close a shared queue", fate::throws, [](estate& e) { e.shared_items->close(); }},
    {"size of a shared queue", fate::throws, [](estate& e) { static_cast<void>(e.shared_items->size()); }},
    {"send a shared queue's handle", fate::throws,
     [](estate& e) { static_cast<void>(yoke::encoded(e.shared_items->handle())); }},
    {"destroy a shared queue", fate::has_no_effect, [](estate& e) { e.shared_items.reset(); }},
    {"allocate shared memory", fate::throws, [](estate& e) { e.numbers->resize(100'000); }},
    {"ask for shared memory", fate::throws, [](estate& e) { static_cast<void>(e.memory.bytes_in_use()); }},
    {"send a shared span", fate::throws, [](estate& e) { static_cast<void>(yoke::encoded(e.span)); }},
    {"give shared memory back", fate::has_no_effect, [](estate& e) { e.numbers.reset(); }},
    {"a value of the thread's own", fate::has_no_effect, [](estate& e) { e.local.local() = 1; }},
    {"a pool of the child's own", fate::has_no_effect,
     [](estate& e) {
         {
             yoke::process_pool own(1);
             yoke::shared_queue<int> queue(1);
             if (own.submit(same, 7).get() != 7 || !queue.push(1)) ::_exit(3);
             // The parent's things stay the parent's.
             try {
                 e.shared_items->close();
                 ::_exit(3);
             } catch (const yoke::forked&) {}
             if (e.unbegun[0].cancel()) ::_exit(3);
         }
         yoke::detail::process_host::instance().stop();
     }},
    {"all destructors", fate::has_no_effect, [](estate& e) { e.~estate(); }},
};

/// In the child.
[[noreturn]] void travel(const road& here, estate& inherited) {
    ::alarm(20);
    bool threw = false;
    try {
        here.go(inherited);
    } catch (const yoke::forked&) {
        threw = true;
    } catch (...) {
        ::_exit(2);
    }
    ::_exit(threw == (here.expected == fate::throws) ? 0 : 1);
}
int outcome_of(pid_t child) {
    int status = 0;
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {}
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

}  // namespace

TEST_CASE("what a child of the program does with what it has inherited does not reach the parent",
          "[process]") {
    const yoke::runtime rt;
    const yoke_test::watchdog dog("a child of the program", 60s);
    // Before the fork the parent's collector and workers are as busy as they can be.
    const bool under_load = GENERATE(false, true);
#if defined(YOKE_ADDRESS_SANITIZER)
    // Its allocator does not get ready for a fork beside threads that use it, as the C library's does.
    if (under_load) return;
#endif
    board.gate = board.started = board.run_in_a_child = 0;
    auto all = std::make_unique<estate>();
    std::atomic<bool> over{false};
    std::optional<yoke::process_pool> busy;
    std::thread load;
    int wrong = 0;
    if (under_load) {
        busy.emplace(std::size_t{2});
        load = std::thread([&] {
            for (int i = 0; !over; ++i)
                if (busy->submit(same, i).get() != i) ++wrong;
        });
    }
    for (const road& here : roads) {
        const pid_t child = ::fork();
        if (child == 0) travel(here, *all);
        const int outcome = outcome_of(child);
        CAPTURE(here.name);
        CHECK(outcome == 0);
    }
    over = true;
    if (load.joinable()) load.join();
    REQUIRE(wrong == 0);
    all->check_and_end();
}

namespace {

// The same for a child of a task, which has inherited what its worker has.

std::optional<yoke::worker_local<int>> global_local;

struct workers_road {
    const char* name;
    bool throws;  ///< an error of the library's
    void (*go)(queue_handle&, yoke::shared_span<int>&);
};
const workers_road workers_roads[] = {
    {"push", true, [](queue_handle& q, yoke::shared_span<int>&) { static_cast<void>(q.push(1)); }},
    {"try_push", true, [](queue_handle& q, yoke::shared_span<int>&) { static_cast<void>(q.try_push(1)); }},
    {"pop", true, [](queue_handle& q, yoke::shared_span<int>&) { static_cast<void>(q.pop()); }},
    {"pill", true,
     [](queue_handle& q, yoke::shared_span<int>&) { static_cast<void>(q.push(yoke::poison_pill)); }},
    {"close", true, [](queue_handle& q, yoke::shared_span<int>&) { q.close(); }},
    {"is_closed", true, [](queue_handle& q, yoke::shared_span<int>&) { static_cast<void>(q.is_closed()); }},
    {"a pool", true, [](queue_handle&, yoke::shared_span<int>&) { yoke::process_pool own(1); }},
    {"shared memory", true, [](queue_handle&, yoke::shared_span<int>&) { yoke::shared_memory_resource own; }},
    {"a value of its own", false, [](queue_handle&, yoke::shared_span<int>&) { global_local->local() = 3; }},
    {"a thread pool", false,
     [](queue_handle&, yoke::shared_span<int>&) {
         yoke::thread_pool own(1);
         if (own.submit(same, 1).get() != 1) ::_exit(3);
     }},
    {"print and exit", false, [](queue_handle&, yoke::shared_span<int>&) { std::exit(0); }},
};

/// The child goes the road, and, if `comes_back`, then comes back from the task.
int fork_and_go(int number, queue_handle queue, yoke::shared_span<int> span, bool bare, bool comes_back) {
    const long child = bare ? ::syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0) : ::fork();
    if (child == 0) {
        ::alarm(20);
        bool threw = false;
        const workers_road& here = workers_roads[number];
        try {
            here.go(queue, span);
        } catch (const yoke::error&) {
            threw = true;
        }
        if (threw != here.throws) ::_exit(3);
        if (comes_back) return 0;
        ::_exit(0);
    }
    const int outcome = outcome_of(static_cast<pid_t>(child));
    if (number == std::size(workers_roads) - 1) return outcome;  // exit(0)
    return comes_back && outcome == EXIT_FAILURE ? 0 : outcome;
}

}  // namespace

TEST_CASE("what a child of a task does with what it has inherited does not reach pool or worker",
          "[process]") {
    yoke::detail::process_host::instance().stop();
    global_local.emplace([] { return 1; });
    const yoke::runtime rt;  // the workers have a copy of what was made before
    const yoke_test::watchdog dog("a child of a task", 30s);
    const bool bare = GENERATE(false, true);
    const bool comes_back = GENERATE(false, true);
    yoke::process_pool pool(2);
    yoke::shared_queue<int> queue(4);
    yoke::shared_memory_resource memory;
    std::pmr::vector<int> numbers(100, 1, &memory);
    const yoke::shared_span<int> span(numbers);
    REQUIRE(queue.push(5));
    for (int number = 0; number < static_cast<int>(std::size(workers_roads)); ++number) {
        CAPTURE(workers_roads[number].name);
        CHECK(pool.submit(fork_and_go, number, queue.handle(), span, bare, comes_back).get() == 0);
        std::vector<yoke::future<int>> innocent;
        for (int i = 0; i < 20; ++i) innocent.push_back(pool.submit(same, i));
        for (int i = 0; i < 20; ++i) REQUIRE(innocent[static_cast<std::size_t>(i)].get() == i);
    }
    REQUIRE(queue.size() == 1);
    REQUIRE(queue.pop() == 5);
    REQUIRE(numbers == std::pmr::vector<int>(100, 1, &memory));
    REQUIRE(pool.worker_pids().size() == 2);
}

namespace {

/// Forks where the collector calls it, or a waiting thread, and comes back in both.
struct forking_receiver {
    void set_value(int) noexcept {
        if (const pid_t child = ::fork(); child != 0) board.started = child;
    }
    void set_error(const std::exception_ptr&) noexcept {}
    void set_stopped() noexcept {}
};

}  // namespace

TEST_CASE("a receiver, a task on threads or a timer's that forks and comes back in both leaves one of each",
          "[process]") {
    const yoke::runtime rt;
    const yoke_test::watchdog dog("forks on the library's threads");
    board.started = board.run_in_a_child = 0;
    board.gate = 0;
    // Its collector makes a child that must not collect, nor wake workers, nor give rooms.
    yoke::process_pool processes(2);
    const auto one_child = [](auto&& make) {
        board.started = 0;
        make();
        REQUIRE(yoke_test::eventually([] { return board.started != 0; }));
        REQUIRE(outcome_of(board.started) == EXIT_FAILURE);
    };
    const auto fork_here = [] {
        if (const pid_t child = ::fork(); child != 0) board.started = child;
    };
    yoke::thread_pool threads(2);
    yoke::timer clock;
    yoke::inline_executor here;
    for (int round = 0; round < 5; ++round) {
        one_child([&] { processes.execute(forking_receiver(), same, 1); });
        one_child([&] { threads.detach(fork_here); });
        one_child([&] { clock.after(here, 0ms, fork_here).wait(); });
        std::vector<yoke::future<int>> innocent;
        for (int i = 0; i < 100; ++i) innocent.push_back(processes.submit(same, i));
        for (int i = 0; i < 100; ++i) innocent.push_back(threads.submit(on_a_thread, i));
        for (int i = 0; i < 200; ++i) REQUIRE(innocent[static_cast<std::size_t>(i)].get() == i % 100);
    }
    REQUIRE(board.run_in_a_child == 0);
}

TEST_CASE("a source or a sink that forks and comes back in both: the child's run throws forked, the parent's "
          "is whole",
          "[process]") {
    const yoke::runtime rt;
    const yoke_test::watchdog dog("forks in a pipeline");
    yoke::thread_pool threads(2);
    const bool in_sink = GENERATE(false, true);
    pid_t child = -1;
    const auto fork_once = [&](bool here, int item) {
        if (here && item == 10 && child == -1) child = ::fork();
    };
    std::vector<int> results;
    const auto source = [&, next = 0]() mutable -> std::optional<int> {
        if (next == 20) return std::nullopt;
        fork_once(!in_sink, next);
        return next++;
    };
    try {
        yoke::from(source) | yoke::stage(threads, on_a_thread, {.limit = 2}) |
            yoke::for_each_result([&](int i) {
                fork_once(in_sink, i);
                results.push_back(i);
            });
    } catch (const yoke::forked&) {
        if (child == 0) ::_exit(7);
        throw;
    }
    if (child == 0) ::_exit(1);
    REQUIRE(results.size() == 20);
    REQUIRE(outcome_of(child) == 7);
}
