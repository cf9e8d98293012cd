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
///   who waits for a future, inside a task or not, runs the awaited task itself if nobody has begun it (and
///   nothing else). So a pool of one thread is no lock: tasks that must not meet need one, or a pipeline's limit.
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
#include <yoke/detail/block_cache.hpp>
#include <yoke/detail/pool_core.hpp>
#include <yoke/detail/task_scope.hpp>
#include <yoke/error.hpp>
#include <yoke/executor/thread_pool_options.hpp>
#include <yoke/future.hpp>
#include <yoke/observe/pool_statistics.hpp>

#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <stop_token>
#include <tuple>
#include <type_traits>
#include <utility>

namespace yoke {

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
template <class Compare = std::less<>>
struct priority {
    using queues = detail::priority_queues<Compare>;
};

namespace detail {

/// A task with a future in one block, owned by its queue and its future together. Whoever claims it runs it.
template <class Core, class R, class F, class... Args>
class future_task final : public task_state<R, F, Args...>, public Core::node {
public:
    template <class... Call>
    future_task(Core& pool, std::stop_token stop, Call&&... call)
        : task_state<R, F, Args...>(2, std::move(stop), std::forward<Call>(call)...), pool_(pool) {}

    // For the queue.
    void run() noexcept override {
        if (this->claim()) {
            pool_.release_place();
            this->run_claimed();
            leave();
        } else {
            this->release();
        }
    }
    void stop() noexcept override {
        if (this->claim()) {
            pool_.release_place();
            this->stop_claimed();
            leave();
        } else {
            this->release();
        }
    }
    [[nodiscard]] bool overtaken() const noexcept override { return this->begun(); }

    // For the future, that is for threads that do not have the task from its queue.
    void help() noexcept override {
        if (!this->claim()) return;
        Core& pool = overtake();
        const task_scope running(&pool);
        this->run_claimed();
        pool.finish_overtaken();
    }
    bool try_cancel() noexcept override {
        if (!this->claim()) return false;
        Core& pool = overtake();
        const task_scope running(&pool);
        this->stop_claimed();
        pool.finish_overtaken();
        return true;
    }

private:
    ~future_task() override = default;

    Core& overtake() noexcept {
        pool_.note_overtaken();
        pool_.release_place();
        return pool_;
    }
    /// The end of a task that came from its queue: first what the block holds is gone, then the task is over.
    void leave() noexcept {
        Core& pool = pool_;
        if (this->unshared() && this->error()) pool.count_dropped_error();
        this->release();
        pool.finish();
    }

    Core& pool_;
};

/// A task with a receiver. Nobody but the queue knows it, so nobody can overtake it.
template <class Core, class Receiver, class F, class... Args>
class receiver_task final : public Core::node, public in_block {
public:
    template <class To, class... Call>
    receiver_task(Core& pool, To&& receiver, Call&&... call)
        : pool_(pool),
          receiver_(std::forward<To>(receiver)),
          call_(std::in_place, std::forward<Call>(call)...) {}

    void run() noexcept override {
        if (options_of(receiver_).stop.stop_requested()) return stop();
        pool_.release_place();
        complete_with_call(std::move(receiver_), [this]() -> call_result<F, Args...> {
            const end_of_call guard{call_};
            return std::apply(
                [](F& f, Args&... args) -> decltype(auto) {
                    return std::invoke(std::move(f), std::move(args)...);
                },
                *call_);
        });
        leave();
    }
    void stop() noexcept override {
        pool_.release_place();
        call_.reset();
        std::move(receiver_).set_stopped();
        leave();
    }

private:
    using call = std::tuple<F, Args...>;

    /// The call is gone before its outcome is told.
    struct end_of_call {
        std::optional<call>& done;
        ~end_of_call() { done.reset(); }
    };

    ~receiver_task() = default;

    void leave() noexcept {
        Core& pool = pool_;
        delete this;
        pool.finish();
    }

    Core& pool_;
    Receiver receiver_;
    std::optional<call> call_;
};

/// The receiver of detached tasks.
template <class Core>
class ignore_outcome {
public:
    explicit ignore_outcome(Core& pool) noexcept : pool_(&pool) {}

    template <class... Values>
    void set_value(Values&&...) noexcept {}
    void set_error(std::exception_ptr) noexcept { pool_->count_dropped_error(); }
    void set_stopped() noexcept {}

private:
    Core* pool_;
};

/// The right to queue one task: inside the door, and holding a place. Gives both back if it is not used.
template <class Core>
class admitted_task {
public:
    enum class when_full { wait, fail };

    /// Throws pool_closed, forked, or, if there is no thread and none to be had, std::system_error. With `fail` and a
    /// full pool: an empty right.
    admitted_task(Core& pool, when_full policy) {
        if (pool.forked()) throw forked();
        pool.attend();
        if (!pool.try_take_place()) {
            if (pool.closed()) throw pool_closed();
            if (policy == when_full::fail) return;
            begins_here_ = inside_task();
            if (begins_here_) {
                pool.take_extra_place();
            } else if (!pool.take_place()) {
                throw pool_closed();
            }
        }
        if (!pool.enter()) {
            pool.release_place();
            throw pool_closed();
        }
        pool_ = &pool;
    }
    admitted_task(admitted_task&& other) noexcept
        : pool_(std::exchange(other.pool_, nullptr)), begins_here_(other.begins_here_) {}
    admitted_task& operator=(admitted_task&&) = delete;
    ~admitted_task() {
        if (pool_ == nullptr) return;
        pool_->release_place();
        pool_->withdraw();
    }

    explicit operator bool() const noexcept { return pool_ != nullptr; }
    [[nodiscard]] Core& pool() const noexcept { return *pool_; }

    /// Uses the right for this task.
    void queue(typename Core::node& task, int priority) && noexcept {
        Core& pool = *std::exchange(pool_, nullptr);
        if constexpr (requires { task.priority; }) task.priority = priority;
        if (begins_here_) {
            const task_scope running(&pool);
            task.run();
        } else {
            pool.push(task);
        }
    }

private:
    Core* pool_ = nullptr;
    bool begins_here_ = false;
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
    /// task. Throws std::system_error if a thread cannot be started, or the first exception of an `init`; the threads
    /// that were started are ended first. (To do something when a thread ends, see `pool_observer::worker_ended`.)
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

    /// Runs `f(args...)` on a thread of the pool and completes `receiver` there. Decay-copies all. Waits for
    /// a place if the pool is full; inside a task it runs the call here instead. Throws pool_closed after
    /// shutdown, forked in a forked child, std::system_error if there is no thread and none can be started, all with
    /// the arguments untouched; and what copying them throws, in which case nothing is queued.
    template <class Receiver, class F, class... Args>
        requires callable_with<F, Args...> && receiver_of<Receiver, call_result<F, Args...>>
    void execute(Receiver&& receiver, F&& f, Args&&... args) {
        using task =
            detail::receiver_task<core, std::decay_t<Receiver>, std::decay_t<F>, std::decay_t<Args>...>;
        admitted right(*core_, when_full::wait);
        const int priority = options_of(receiver).priority;
        auto* const made = new task(*core_, std::forward<Receiver>(receiver), std::forward<F>(f),
                                    std::forward<Args>(args)...);
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
    /// `priority`. Threads cannot be stopped from outside and do not die, so `timeout` and `attempts` have no
    /// meaning here.
    template <class F, class... Args>
        requires callable_with<F, Args...>
    auto submit(const task_options& options, F&& f, Args&&... args) -> future<call_result<F, Args...>> {
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
        admitted right(*core_, when_full::fail);
        if (!right) return std::nullopt;
        return submit_admitted(std::move(right), options, std::forward<F>(f), std::forward<Args>(args)...);
    }

    /// Runs `f(args...)` on a thread of the pool, and nobody waits for it. If it throws, `dropped_errors()`
    /// counts it. Waits and throws as execute does.
    template <class F, class... Args>
        requires callable_with<F, Args...>
    void detach(F&& f, Args&&... args) {
        execute(detail::ignore_outcome<core>(*core_), std::forward<F>(f), std::forward<Args>(args)...);
    }

    /// Blocks until every accepted task has completed, receivers and continuations included; tasks submitted
    /// meanwhile may or may not be waited for. If the pool is paused, that takes until somebody resumes it. Throws deadlock_error
    /// inside a task of this pool, forked in a forked child.
    void wait() { core_->wait(); }
    /// The same, but not for longer than `most`: false if there are tasks left then.
    [[nodiscard]] bool wait_for(std::chrono::nanoseconds most) {
        return core_->wait_until(detail::deadline_after(most));
    }

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

    /// How many exceptions nobody could receive: those of detached tasks, and those of tasks whose future was
    /// dropped before they threw.
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

    core* core_;
};

/// The pool to start with.
using thread_pool = basic_thread_pool<work_stealing>;

static_assert(local_executor<thread_pool>);
static_assert(local_executor<basic_thread_pool<fifo>>);
static_assert(local_executor<basic_thread_pool<priority<>>>);

}  // namespace yoke
