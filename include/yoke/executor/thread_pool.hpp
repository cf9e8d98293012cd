// SPDX-License-Identifier: MIT
#pragma once

/// A crew of threads that runs tasks.
///
///     yoke::thread_pool pool;                  // as many threads as this process may use
///     yoke::future<int> answer = pool.submit([](int x) { return x + 1; }, 41);
///     pool.detach(log_line, "started");        // nobody waits for this one
///     answer.get();                            // 42
///
/// Everything that concept/executor.hpp promises holds. In particular:
///
/// - A task may submit to its own pool and wait for the future, to any depth and on a pool of one thread:
///   a thread that waits for a future runs the awaited task itself if nobody has begun it (and nothing else). So a
///   pool of one thread is no lock: tasks that must not meet need one, or a pipeline's limit. A pool that was made
///   with an initialization leaves all its tasks to its own threads, in every kind of wait:
///
///   | the waiting thread | a pool without initialization | a pool whose threads are initialized |
///   |---|---|---|
///   | is a worker of this pool | runs the awaited task | runs the awaited task |
///   | runs a task of another executor | runs the awaited task | sleeps |
///   | runs no task; needs this very one (get, then, when_all, task_group, bulk) | runs it | sleeps |
///   | runs no task; any of several will do (when_any, as_completed, map, fetch, pipeline) | sleeps | sleeps |
///   | runs no task; waits for a coroutine that is in schedule() | sleeps | sleeps |
/// - The destructor waits for all accepted tasks. A pool destroyed by one of its own tasks cannot wait for
///   that; its threads go on, finish what was accepted and end by themselves.
/// - `max_pending` bounds the tasks that have not begun. With all places taken `submit` waits, `try_submit`
///   fails, and inside a task, which must not wait, the new task runs at once in the caller.
/// - Threads are started when there is work for them, one by one, so a pool that is not used costs next to
///   nothing. The submission that finds no thread at all starts the first one, or throws std::system_error if it
///   cannot; if a further one cannot be started, those that run do the work, and it is tried again later.
/// - After fork() the child has no threads: there, using the pool throws `forked` and destroying it does
///   nothing.
///
/// The policy says in which order tasks begin, and is all that differs between the pools:
///
/// | policy | order |
/// |---|---|
/// | `work_stealing` | a worker's own youngest first, then the oldest from outside, then other workers' oldest |
/// | `fifo` | in the order of submission |
/// | `priority<>` | the greatest `task_options::priority` first, equals in the order of submission |

#include <yoke/concept/executor.hpp>
#include <yoke/detail/base/config.hpp>
#include <yoke/detail/base/function_ref.hpp>
#include <yoke/detail/future/task_scope.hpp>
#include <yoke/error.hpp>
#include <yoke/executor/thread/bulk_state.hpp>
#include <yoke/executor/thread/core.hpp>
#include <yoke/executor/thread/fork_join.hpp>
#include <yoke/executor/thread/tasks.hpp>
#include <yoke/executor/thread_pool_options.hpp>
#include <yoke/future.hpp>
#include <yoke/observe/pool_statistics.hpp>
#include <yoke/schedule.hpp>
#include <yoke/time_span.hpp>

#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <iterator>
#include <memory>
#include <optional>
#include <stdexcept>
#include <stop_token>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace yoke {

namespace detail {

/// std::less<> without <functional>.
struct less {
    constexpr bool operator()(int a, int b) const noexcept { return a < b; }
};

}  // namespace detail

/// Every worker has its own queue and takes from the others when it is empty: for many small tasks, and for
/// tasks that submit tasks.
struct work_stealing {
    using queues = detail::work_stealing_queues;
};

/// One queue: tasks begin in the order in which they were submitted.
struct fifo {
    using queues = detail::fifo_queues;
};

/// One queue: the greatest `task_options::priority` begins first. `Compare{}(a, b)` says that priority `a`
/// comes after `b` (as in std::priority_queue) and must not throw.
template <class Compare = detail::less>
struct priority {
    using queues = detail::priority_queues<Compare>;
};

namespace detail {

/// A stay inside the pool's door, as a task that runs here. Throws pool_closed or forked. Inside a task of the pool it is a
/// part of that.
template <class Core>
class visit {
public:
    explicit visit(Core& pool)
        : pool_(inside_task_of(&pool) ? nullptr : &pool), scope_(&pool, &pool.drops()) {
        if (pool_ == nullptr) return;
        if (pool.forked()) throw forked();
        if (!pool.begin_visit()) throw pool_closed();
    }
    visit(const visit&) = delete;
    visit& operator=(const visit&) = delete;
    ~visit() {
        if (pool_ != nullptr) pool_->end_visit();
    }

private:
    Core* const pool_;
    const task_scope scope_;
};

}  // namespace detail

/// A pool of threads. All members may be called from any thread, and from inside the pool's tasks.
template <class Policy>
class basic_thread_pool {
    using core = detail::pool_core<typename Policy::queues>;
    using admitted = detail::admitted_task<core>;
    using when_full = typename admitted::when_full;

public:
    /// As many threads as this process may use: min(affinity, CPU quota), at least 1.
    basic_thread_pool() : basic_thread_pool(thread_pool_options{}) {}

    /// `threads` threads; 0 means the default.
    explicit basic_thread_pool(std::size_t threads)
        : basic_thread_pool(thread_pool_options{.threads = threads}) {}

    /// Starts no thread yet. Throws std::invalid_argument if an option makes no sense.
    explicit basic_thread_pool(const thread_pool_options& options) {
        core_ = new core(detail::to_setup(options));
    }

    /// Starts all threads at once; each calls a copy of `init` with its number, 0 to threads - 1, before its first
    /// task. No other thread ever runs a task of the pool. A task of another executor that submits to it while it is
    /// full (`max_pending`) waits for a place; so tasks of two such pools that submit to each other can block: give
    /// one of them no bound, or use try_submit. Throws std::system_error if a thread cannot be started, or the first
    /// exception of an `init`; the threads that were started are ended first. (To do something when a thread ends,
    /// see `pool_observer::worker_ended`.)
    template <std::invocable<std::size_t> Init>
    basic_thread_pool(const thread_pool_options& options, const Init& init) {
        std::unique_ptr<core, void (*)(core*)> made(new core(detail::to_setup(options, init)),
                                                    [](core* failed) { failed->abandon(); });
        made->start_all();
        core_ = made.release();
    }

    basic_thread_pool(const basic_thread_pool&) = delete;
    basic_thread_pool& operator=(const basic_thread_pool&) = delete;

    /// `shutdown()`, then waits for all accepted tasks (see `drain_time`) and ends the threads. See above for a pool
    /// destroyed by its own task or in a forked child.
    ~basic_thread_pool() { core_->abandon(); }

    /// How many threads there may be.
    [[nodiscard]] std::size_t concurrency() const noexcept { return core_->concurrency(); }

    /// Throws for options that this pool cannot honour: unsupported, or std::invalid_argument.
    static void check_options(const task_options& options) {
        constexpr bool by_priority = requires(typename core::node & task) { task.priority; };
        detail::check_options_on_threads(
            options, by_priority ? "a thread pool" : "a thread pool without priorities", by_priority);
    }

    /// Runs `f(args...)` on a thread of the pool and completes `receiver` there. Decay-copies all. Waits for
    /// a place if the pool is full; inside a task it runs the call here instead. Throws pool_closed after
    /// shutdown, forked in a forked child, std::system_error if there is no thread and none can be started, all with
    /// the arguments untouched; and what copying them throws, in which case nothing is queued.
    template <class Receiver, class F, class... Args>
        requires callable_with<F, Args...> && receiver_of<Receiver, call_result<F, Args...>>
    void execute(Receiver&& receiver, F&& f, Args&&... args) {
        using call =
            detail::received_call<core, std::decay_t<Receiver>, std::decay_t<F>, std::decay_t<Args>...>;
        if constexpr (detail::has_options<std::decay_t<Receiver>>) check_options(options_of(receiver));
        admitted right(*core_, when_full::wait);
        if constexpr (detail::fits_slot<core, std::decay_t<Receiver>, std::decay_t<F>,
                                        std::decay_t<Args>...>) {
            if (right.template queue_in_slot<detail::slot_task<core, call>>(
                    std::forward<Receiver>(receiver), std::forward<F>(f), std::forward<Args>(args)...))
                return;
        }
        const int priority = options_of(receiver).priority;
        auto* const made = new detail::block_task<core, call>(
            *core_, std::forward<Receiver>(receiver), std::forward<F>(f), std::forward<Args>(args)...);
        std::move(right).queue(*made, priority);
    }

    /// Runs `f(args...)` on a thread of the pool and returns the future of its result. Waits and throws as
    /// execute does.
    template <class F, class... Args>
        requires callable_with<F, Args...>
    auto submit(F&& f, Args&&... args) -> future<call_result<F, Args...>> {
        return submit(task_options{}, std::forward<F>(f), std::forward<Args>(args)...);
    }
    /// The same with options: `stop`, which is looked at when the task's turn comes, and, on a priority pool,
    /// `priority`. Threads cannot be stopped from outside and do not die, so all others are refused (`check_options`).
    template <class F, class... Args>
        requires callable_with<F, Args...>
    auto submit(const task_options& options, F&& f, Args&&... args) -> future<call_result<F, Args...>> {
        check_options(options);
        return submit_admitted(admitted(*core_, when_full::wait), options, std::forward<F>(f),
                               std::forward<Args>(args)...);
    }

    /// As submit, but returns nullopt, the arguments untouched, if `max_pending` tasks wait already.
    template <class F, class... Args>
        requires callable_with<F, Args...>
    auto try_submit(F&& f, Args&&... args) -> std::optional<future<call_result<F, Args...>>> {
        return try_submit(task_options{}, std::forward<F>(f), std::forward<Args>(args)...);
    }
    template <class F, class... Args>
        requires callable_with<F, Args...>
    auto try_submit(const task_options& options, F&& f, Args&&... args)
        -> std::optional<future<call_result<F, Args...>>> {
        check_options(options);
        admitted right(*core_, when_full::fail);
        if (!right) return std::nullopt;
        return submit_admitted(std::move(right), options, std::forward<F>(f), std::forward<Args>(args)...);
    }

    /// Runs `f(args...)` on a thread of the pool, and nobody waits for it. If it throws, `dropped_errors()`
    /// counts it. Waits and throws as execute does.
    template <class F, class... Args>
        requires callable_with<F, Args...>
    void detach(F&& f, Args&&... args) {
        execute(detail::nobody(), std::forward<F>(f), std::forward<Args>(args)...);
    }
    /// The same with options, as `submit` takes them.
    template <class F, class... Args>
        requires callable_with<F, Args...>
    void detach(const task_options& options, F&& f, Args&&... args) {
        detail::execute_with(*this, detail::nobody(), detail::merged_options(options), std::forward<F>(f),
                             std::forward<Args>(args)...);
    }

    /// Calls `f(i)` for each i from 0 up to `count`, in any order, several at the same time, and returns a future for all of them.
    /// `f` is copied once; one object is called from several threads. For many small calls: they are not tasks but
    /// shares of at most `concurrency()` tasks, so a call costs next to nothing, and who waits for the future takes a share too.
    ///
    /// After a call has thrown no further one begins; when all have ended the exception of the lowest i that threw is in the
    /// future. `cancel()` succeeds until the first call begins. Waits and throws as execute does.
    template <class F>
        requires callable_with<F, std::size_t> && std::invocable < std::decay_t<F>
    &, std::size_t > [[nodiscard]] future<void> bulk(std::size_t count, F&& f) {
        using state = detail::bulk_state<std::decay_t<F>>;
        using hand = detail::bulk_hand<std::decay_t<F>>;
        using hand_call = detail::received_call<core, hand, detail::lend_hand<std::decay_t<F>>>;
        admitted right(*core_, when_full::wait);
        const std::size_t hands = count < concurrency() ? count : concurrency();
        detail::state_ref<state> work(new state(count, hands, home(), std::forward<F>(f)));
        auto outcome =
            detail::future_access::make<void>(detail::state_ref<detail::future_state<void>>(work.share()));
        if (count == 0) return outcome;
        auto* const first = new detail::block_task<core, hand_call>(
            *core_, hand(work.share()), detail::lend_hand<std::decay_t<F>>{work.get()});
        std::move(right).queue(*first, 0);
        try {
            for (std::size_t more = 1; more < hands; ++more)
                execute(hand(work.share()), detail::lend_hand<std::decay_t<F>>{work.get()});
        } catch (...) {}  // then the hands that there are do it all
        return outcome;
    }

    /// `submit(f, item)` for each item of `range`, in order. Returns the futures. If a submission throws, the tasks that were
    /// submitted before run nevertheless.
    template <class Range, class F>
        requires requires(Range& range, F& f) { f(*std::begin(range)); }
    [[nodiscard]] auto submit_range(Range&& range, F f) {
        using item = decltype(*std::begin(range));
        std::vector<future<call_result<F&, item>>> futures;
        if constexpr (requires { std::size(range); }) futures.reserve(std::size(range));
        for (auto&& each : range) futures.push_back(submit(f, static_cast<item>(each)));
        return futures;
    }

    /// `co_await pool.schedule()`: the coroutine goes on on a thread of the pool (see schedule.hpp).
    [[nodiscard]] auto schedule() noexcept { return yoke::schedule(*this); }

    // Fork and join, see concept/executor.hpp (fork_join_executor) and algorithm/invoke.hpp.

    /// Calls all functions, perhaps at the same time, and returns their results when all have ended.
    ///
    /// A worker of this pool begins with the first, here, and offers the others to idle workers; those that nobody takes it
    /// calls itself, one after the other. That allocates nothing and costs a few nanoseconds. Waiting for one that was
    /// taken, it helps with parts of that one, and never runs anything else. So any depth works, also on a pool of one
    /// thread. The call is a part of the running task: it works after shutdown, and takes no place of `max_pending`. In a child
    /// that such a task has forked it still calls what nobody has taken before, and throws `forked` where that is not all.
    ///
    /// A thread outside all pools hands all to the pool as one task and sleeps until that has ended; it throws what `execute`
    /// throws, and cancelled. A task of another executor waits as by `submit(...).get()`, which may run all in its own thread.
    template <class F, class... More>
        requires(std::invocable<F&>&&...&& std::invocable<More&>)
    auto invoke(F&& f, More&&... more) -> detail::invoke_shape_t<F, More...> {
        using result = detail::invoke_shape_t<F, More...>;
        if (core_->forker() != nullptr) return detail::invoke_all<detail::on_this_worker>(f, more...);
        // A thread that runs one of the pool's tasks without being a worker: it waits for that task.
        if (detail::inside_task_of(core_) && home().admits_this_thread()) {
            const detail::fork_crew::guest here(core_->forks());
            if (core_->forker() != nullptr) return detail::invoke_all<detail::on_this_worker>(f, more...);
            return detail::invoke_all<detail::in_order>(f, more...);
        }
        // The results stay here: so what hands a call over is compiled once, not for each that is handed over.
        if constexpr (std::is_void_v<result>) {
            const auto all = [&] { this->invoke(f, more...); };
            hand_over(detail::function_ref(all));
        } else {
            std::optional<result> results;
            const auto all = [&] { results.emplace(this->invoke(f, more...)); };
            hand_over(detail::function_ref(all));
            return *std::move(results);
        }
    }
    /// Calls f here and now, as a part of a task, with this thread as one more worker: what f forks is offered to the
    /// workers of the pool, of whom one fewer is woken. If four threads from outside do so already, f is called all the
    /// same, but forks in vain.
    /// Throws what f throws, pool_closed (not inside a task of this pool) and forked.
    template <std::invocable F>
    auto take_part(F&& f) -> std::invoke_result_t<F> {
        if (core_->forker() != nullptr) return std::forward<F>(f)();
        const detail::visit<core> inside(*core_);
        const detail::fork_crew::guest here(core_->forks());
        return std::forward<F>(f)();
    }
    /// True if the calling thread is a worker of this pool, or takes part, so that invoke() begins at once and here.
    [[nodiscard]] bool forks_here() const noexcept { return core_->forker() != nullptr; }
    /// True if a further invoke() may find an idle worker: the calling worker has forked nothing that still waits to be
    /// taken. Only if forks_here().
    [[nodiscard]] bool wants_forks() const noexcept { return core_->forker()->wants_forks(); }
    /// False if the pool's threads are initialized: then the loops and sort leave all calls to them.
    [[nodiscard]] bool admits_callers() const noexcept { return !core_->initialized(); }
    /// Which threads may run the pool's tasks while they wait for them; for who makes a view of a pool.
    [[nodiscard]] detail::task_home home() const noexcept { return core_->home(); }
    /// Throws pool_closed after shutdown, except inside a task of this pool, and forked in a forked child.
    void require_open() const {
        if (core_->forked()) throw forked();
        if (core_->closed() && !detail::inside_task_of(core_)) throw pool_closed();
    }

    /// Blocks until every accepted task has completed, receivers and continuations included; tasks submitted
    /// meanwhile may or may not be waited for. If the pool is paused, that takes until somebody resumes it; and while others
    /// submit without a pause there may never be a moment at which all is done: then wait for the futures, or a
    /// task_group, of the work that matters. Throws deadlock_error inside a task of this pool, forked in a forked child.
    void wait() { core_->wait(); }
    /// The same, but not for longer than `most`: false if there are tasks left then. A time that is not positive only asks.
    [[nodiscard]] bool wait_for(time_span most) { return core_->wait_until(detail::deadline_after(most)); }

    /// Takes no more work; what was accepted still runs, also if the pool was paused. Does not wait.
    void shutdown() noexcept { core_->shutdown(); }
    /// Takes no more work, requests `stop_token()`, and completes what has not begun as stopped, here in the caller.
    /// Does not wait for the rest.
    void shutdown(cancel_pending_t) noexcept { core_->cancel_pending(); }

    /// Is requested by `shutdown(cancel_pending)`, also by a destructor whose `drain_time` is over: tasks that take long
    /// can look at it.
    [[nodiscard]] std::stop_token stop_token() const noexcept { return core_->stop_token(); }

    /// From now on no worker takes a task, until resume(). What runs goes on, and so does a task that a worker
    /// was just taking. Who waits for a task that has not begun still runs it himself, and a task that submits
    /// to a full pool still runs that at once. Has no effect after shutdown.
    void pause() noexcept { core_->pause(); }
    void resume() noexcept { core_->resume(); }
    [[nodiscard]] bool is_paused() const noexcept { return core_->paused(); }

    /// Makes it a pool of `threads` threads. Additional ones are started when there is work for them. If there
    /// are too many, idle threads end first, and others after their present task; what they had queued is done
    /// by those that stay. May be called at any time, also in a task; does not wait. A pool with an
    /// initialization starts additional threads here and now; if that fails it throws as the constructor does,
    /// and the pool has the size it had. Throws std::invalid_argument if `threads` is 0, forked in a forked
    /// child.
    void resize(std::size_t threads) {
        if (threads == 0)
            throw std::invalid_argument("resize(0): a pool without threads could not run anything; to make "
                                        "it hold still, use pause()");
        detail::check_pool_size("resize()", threads);
        core_->resize(threads);
    }

    /// What the pool has done and is doing. Does not disturb the workers. Throws std::bad_alloc.
    [[nodiscard]] pool_statistics statistics() const {
        pool_statistics all;
        core_->add_up(all);
        return all;
    }

    /// How many errors of this pool's tasks nobody received: of detached tasks, and of futures that were dropped, before
    /// their error came or with it (see dropped_error.hpp).
    [[nodiscard]] std::uint64_t dropped_errors() const noexcept { return core_->dropped_errors(); }

private:
    template <class F, class... Args>
    static auto submit_admitted(admitted right, const task_options& options, F&& f, Args&&... args) {
        using result = call_result<F, Args...>;
        using task = detail::future_task<core, result, std::decay_t<F>, std::decay_t<Args>...>;
        auto* const made =
            new task(right.pool(), options.stop, std::forward<F>(f), std::forward<Args>(args)...);
        auto outcome =
            detail::future_access::make<result>(detail::state_ref<detail::future_state<result>>(made));
        std::move(right).queue(*made, options.priority);
        return outcome;
    }

    /// Has a task make the call, and waits for it.
    void hand_over(detail::function_ref call) {
        if (detail::inside_task()) return submit(call).get();
        detail::state_ref<detail::future_state<void>> state(new detail::future_state<void>(1));
        auto outcome = detail::future_access::make<void>(state.share());
        execute(detail::promise_receiver<void>(std::move(state)), call);
        outcome.get();
    }

    core* core_;
};

/// The pool to start with.
using thread_pool = basic_thread_pool<work_stealing>;

#if !YOKE_IS_HEADER_ONLY
// Instantiated in thread_pool.ipp.
namespace detail {
extern template class pool_core<work_stealing_queues>;
}  // namespace detail
extern template class basic_thread_pool<work_stealing>;
#endif

static_assert(fork_join_executor<thread_pool>);
static_assert(fork_join_executor<basic_thread_pool<fifo>>);
static_assert(fork_join_executor<basic_thread_pool<priority<>>>);

}  // namespace yoke
