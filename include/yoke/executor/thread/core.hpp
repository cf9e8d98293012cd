// SPDX-License-Identifier: MIT
#pragma once

/// A thread pool without its vocabulary: threads that run task nodes. What the pool's user sees - calls,
/// futures, receivers - is in executor/thread_pool.hpp; in which order tasks wait is in executor/thread/queues.hpp; how
/// workers sleep is in eventcount.hpp; who is let in and when all is done is in admission.hpp; which threads
/// there are is in executor/thread/threads.hpp. Here they meet, in the worker loop.
///
/// A task's way: take a place (if `max_pending` bounds the pool) and enter the door; push; *begun*, which
/// frees the place; *finished*, which leaves the door. A worker takes a task from the queues and begins it. A
/// waiter inside some task, or cancel(), may overtake the workers and begin it too; what then comes out of
/// the queue is a shell.
///
/// Threads are started by the tasks that need them. The first is there before the first task is let in, so a
/// task that was let in will be run; the others are woken like sleepers, one by one.
///
/// The core is owned by the pool object and by each of its threads, and lives until the last of them lets go;
/// so a pool may be destroyed by one of its own tasks: the threads then finish what was accepted and take the
/// core with them.

#include <yoke/detail/base/config.hpp>
#include <yoke/detail/base/stable_array.hpp>
#include <yoke/detail/base/test_point.hpp>
#include <yoke/detail/future/helping.hpp>
#include <yoke/detail/future/task_scope.hpp>
#include <yoke/detail/future/worker_place.hpp>
#include <yoke/detail/os/fork_detector.hpp>
#include <yoke/detail/os/thread_traits.hpp>
#include <yoke/detail/sync/spin_budget.hpp>
#include <yoke/dropped_error.hpp>
#include <yoke/error.hpp>
#include <yoke/executor/thread/admission.hpp>
#include <yoke/executor/thread/eventcount.hpp>
#include <yoke/executor/thread/fork_join.hpp>
#include <yoke/executor/thread/hooks.hpp>
#include <yoke/executor/thread/pause_gate.hpp>
#include <yoke/executor/thread/queues.hpp>
#include <yoke/executor/thread/semaphore.hpp>
#include <yoke/executor/thread/setup.hpp>
#include <yoke/executor/thread/task_ring.hpp>
#include <yoke/executor/thread/threads.hpp>
#include <yoke/executor/thread/worker_counters.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

namespace yoke::detail {

template <class Queues>
class pool_core final : private thread_crew::work, private task_keeper {
public:
    using node = typename Queues::node;

    /// A pool without threads. The caller owns it.
    explicit pool_core(pool_setup setup)
        : forks_(
              sleep_, [](void* pool) noexcept { static_cast<pool_core*>(pool)->wake(); }, this),
          places_(setup.max_pending),
          crew_(setup.threads, sleep_, *this),
          watcher_(setup.observed ? setup.hooks.get() : nullptr),
          setup_(std::move(setup)) {}
    pool_core(const pool_core&) = delete;
    pool_core& operator=(const pool_core&) = delete;

    /// Starts all threads now and waits until their hooks have begun. Throws the system's error if a thread
    /// cannot be started, or the first exception of a hook; other threads may run then.
    void start_all() {
        const std::lock_guard lock(starting_);
        std::exception_ptr failure;
        try {
            crew_.start_all();
        } catch (...) {
            failure = std::current_exception();
        }
        // The threads use what the caller gave to the hooks, so wait for them in any case.
        for (std::uint32_t seen = ready_.load(); seen != crew_.started(); seen = ready_.load())
            park(ready_, seen);
        if (failure == nullptr) failure = std::exchange(hook_failure_, nullptr);
        hook_failed_.clear(std::memory_order_relaxed);
        if (failure != nullptr) std::rethrow_exception(failure);
    }

    /// Gives the pool object's share of the core back: waits until all is done, unless this thread runs one
    /// of the pool's own tasks (which then cannot be waited for: the threads go on by themselves) or is in a
    /// forked child (where there are no threads: what they owned stays where it is).
    void abandon() noexcept {
        if (forked()) return;
        const bool from_inside = inside_task_of(this);
        const auto limit = setup_.drain_time;
        if (limit <= limit.zero()) {
            cancel_pending();
        } else {
            shutdown();
            if (limit != limit.max() && !from_inside && !door_.wait_until(deadline_after(limit)))
                cancel_pending();
        }
        from_inside ? crew_.detach() : crew_.join();
        disown();
    }

    // Submission.

    /// Makes sure that there is a thread. Throws what the system says if there is none to be had.
    void attend() {
        if (!crew_.attended() && !closed()) crew_.attend();
    }
    /// The calling thread's number among this pool's workers, or no_worker.
    [[nodiscard]] std::size_t self() const noexcept {
        return this_worker.pool == this ? this_worker.index : no_worker;
    }

    /// Comes in through the door; false after shutdown.
    [[nodiscard]] bool enter() noexcept { return door_.enter(self()); }
    /// A thread from outside comes in for a while, which counts as a task that runs; false after shutdown.
    [[nodiscard]] bool begin_visit() noexcept {
        if (!enter()) return false;
        count(&worker_counters::running, 1);
        return true;
    }
    void end_visit() noexcept {
        count(&worker_counters::running, minus_one);
        finish();
    }
    /// Goes out without having queued a task.
    void withdraw() noexcept {
        count(&worker_counters::withdrawn, 1);
        leave(self());
    }
    [[nodiscard]] bool try_take_place() noexcept { return places_.try_take(); }
    /// Waits for a place; false if the pool is shut down meanwhile.
    [[nodiscard]] bool take_place() noexcept {
        return places_.take([this]() noexcept { return door_.closed(); });
    }
    /// Takes a place even if there is none, for a task that begins at once.
    void take_extra_place() noexcept { places_.take_extra(); }
    void release_place() noexcept { places_.release(); }

    /// Queues a task that holds a place and is inside the door.
    void push(node& task) noexcept {
        queues_.push(task, self());
        wake();
    }

    /// A place in the queue for a small task that holds a place and is inside the door, to be published there; null if it
    /// must be pushed as a node.
    [[nodiscard]] task_ring::slot* claim_slot() noexcept {
        if constexpr (requires { queues_.claim(); }) {
            if (self() == no_worker) return queues_.claim();
        }
        return nullptr;
    }
    /// The task in the slot is complete.
    void publish(task_ring::slot& slot) noexcept {
        slot.publish();
        wake();
    }

    /// A task is over.
    void finish() noexcept { leave(self()); }

    /// The calling thread's part in fork and join, or null if it is no worker of this pool.
    [[nodiscard]] fork_worker* forker() const noexcept { return forks_.here(); }
    [[nodiscard]] fork_crew& forks() noexcept { return forks_; }
    /// True if each thread calls something of the user's before its first task.
    [[nodiscard]] bool initialized() const noexcept { return setup_.initialized; }
    /// Which threads may run the pool's tasks.
    [[nodiscard]] task_home home() const noexcept { return initialized() ? task_home(this) : task_home(); }

    /// Takes the task, which somebody has claimed who has it not from its queue, out of there, if that is cheap.
    [[nodiscard]] bool take_back(node& task) noexcept { return queues_.take_back(task, self()); }
    /// A waiter has begun the task, or somebody has cancelled it. `shell`: it is still in a queue.
    void note_overtaken(bool shell) noexcept {
        count(&worker_counters::overtaken, 1);
        count(&worker_counters::running, 1);
        if (shell) queues_.note_overtaken();
    }
    /// Such a task is over.
    void finish_overtaken() noexcept {
        count(&worker_counters::running, minus_one);
        finish();
    }

    // Life cycle.

    void shutdown() noexcept {
        if (forked()) return;
        if (door_.close()) sleep_.notify_all();
        gate_.open_always();
        places_.wake_all();
    }
    void cancel_pending() noexcept {
        if (forked()) return;
        cancelling_.store(true, std::memory_order_relaxed);
        door_.enter_anyway();  // a completion might destroy the pool under us
        shutdown();
        {
            const task_scope running(this, &drops_);  // callbacks and completions run here
            stop_.request_stop();
            while (task* const task = queues_.take()) task->stop();
            for (std::size_t i = 0; i != workers_.size(); ++i) {
                if (task* const held = workers_[i].held_back.exchange(nullptr)) held->stop();
            }
        }
        outsiders_.withdrawn.fetch_add(1, std::memory_order_relaxed);
        leave(no_worker);
    }
    /// True if what has not begun is to be stopped, wherever it is.
    [[nodiscard]] bool cancelling() const noexcept {
        // relaxed: a task that misses the order by a hair began before it.
        return cancelling_.load(std::memory_order_relaxed);
    }
    void wait() {
        may_wait();
        door_.wait();
    }
    [[nodiscard]] bool wait_until(deadline until) {
        may_wait();
        return door_.wait_until(until);
    }
    [[nodiscard]] std::stop_token stop_token() const noexcept { return stop_.get_token(); }

    void pause() noexcept {
        if (!forked()) gate_.close();
    }
    void resume() noexcept {
        if (forked()) return;
        gate_.open();
        // A worker that came to the closed gate did not look for others' work first.
        if (!queues_.empty()) wake();
    }
    [[nodiscard]] bool paused() const noexcept { return gate_.closed(); }

    /// There are to be `threads` threads, at least 1 and at most eventcount::most_workers. If they have to be
    /// initialized, starts the new ones here; if that throws, there are as many as before.
    void resize(std::size_t threads) {
        if (forked()) throw yoke::forked();
        const std::size_t before = crew_.target();
        set_target(threads);
        if (!setup_.initialized) return;
        try {
            start_all();
        } catch (...) {
            set_target(before);
            throw;
        }
    }

    [[nodiscard]] bool forked() const noexcept { return fork_.forked(); }
    [[nodiscard]] bool closed() const noexcept { return door_.closed(); }
    [[nodiscard]] std::size_t concurrency() const noexcept { return crew_.target(); }
    /// Counts the errors of the pool's tasks that nobody receives.
    [[nodiscard]] drop_counter& drops() noexcept { return drops_; }
    [[nodiscard]] std::uint64_t dropped_errors() const noexcept { return drops_.count(); }
    /// Adds up what everybody has counted; `all` is a pool_statistics (which is above this layer).
    template <class Statistics>
    void add_up(Statistics& all) const {
        std::uint64_t withdrawn = 0;
        const auto add = [&](const worker_counters& counters) {
            all.slept += counters.slept.load(std::memory_order_relaxed);
            all.overtaken += counters.overtaken.load(std::memory_order_relaxed);
            all.running += counters.running.load(std::memory_order_relaxed);
            withdrawn += counters.withdrawn.load(std::memory_order_relaxed);
        };
        add(outsiders_);
        const std::size_t workers = workers_.size();
        all.workers.reserve(workers);
        for (std::size_t self = 0; self != workers; ++self) {
            const worker_counters& its = workers_[self];
            add(its);
            all.workers.push_back({.done = door_.left_by(self),
                                   .stolen = queues_.stolen(self),
                                   .slept = its.slept.load(std::memory_order_relaxed),
                                   .busy = its.running.load(std::memory_order_relaxed) != 0 ||
                                           its.helping.load(std::memory_order_relaxed)});
            all.stolen += all.workers.back().stolen;
        }
        // First who left, then who came in: so nobody is missed among the latter.
        const std::uint64_t left = door_.left();
        const std::uint64_t inside = door_.entered() - left;
        all.done = left - withdrawn;
        all.queued = inside > all.running ? inside - all.running : 0;
        all.threads = crew_.running();
        all.dropped_errors = dropped_errors();
    }

private:
    struct worker : worker_counters {
        std::atomic<task*> held_back{nullptr};  // while the pool is paused
        search_patience patience;
    };

    static constexpr std::uint64_t minus_one = static_cast<std::uint64_t>(-1);

    ~pool_core() {
        // Everybody has left; what remains are shells of tasks that others ran.
        while (task* const shell = queues_.take()) shell->stop();
    }

    void leave(std::size_t self) noexcept {
        door_.leave(self, [this]() noexcept { sleep_.notify_all(); });
    }
    /// Worker `self` has no work and is about to sleep, to wait, or to leave. True if there will never be any again.
    [[nodiscard]] bool is_over(std::size_t self) noexcept {
        return door_.settle(self, [this]() noexcept { sleep_.notify_all(); });
    }

    void disown() noexcept {
        if (crew_.let_go()) delete this;
    }

    /// Counts for this thread: cheaply if it is one of the workers.
    void count(std::atomic<std::uint64_t> worker_counters::*counter, std::uint64_t more) noexcept {
        if (this_worker.pool == this) {
            worker_counters::add(this_worker.counters->*counter, more);
        } else {
            (outsiders_.*counter).fetch_add(more, std::memory_order_relaxed);
        }
    }

    /// There is new work.
    void wake() noexcept {
        crew_.notify([this]() noexcept { return door_.drained(); });
    }

    void may_wait() const {
        if (forked()) throw yoke::forked();
        if (inside_task_of(this))
            throw deadlock_error("wait() inside a task of the same pool: the task would wait for itself");
    }

    void set_target(std::size_t threads) noexcept {
        crew_.resize(threads);
        sleep_.notify_all();
        gate_.ring();
        if (!queues_.empty()) wake();
    }

    // task_keeper
    void keep() noexcept override {
        door_.enter_anyway();  // the task that asks is inside
        outsiders_.running.fetch_add(1, std::memory_order_relaxed);
    }
    void let_go() noexcept override {
        outsiders_.running.fetch_sub(1, std::memory_order_relaxed);
        outsiders_.withdrawn.fetch_add(1, std::memory_order_relaxed);
        leave(no_worker);
    }

    // thread_crew::work
    void prepare_worker(std::size_t self) override {
        // The worker last: who sees it may ask the others.
        for (; queue_owners_ <= self; ++queue_owners_) queues_.add_worker();
        for (; tallies_ <= self; ++tallies_) door_.add_worker();
        forks_.add_workers(self + 1);
        while (workers_.size() <= self) workers_.add();
    }
    void live(std::size_t self) noexcept override {
        name_this_thread(setup_.name, self);
        if (!setup_.processors.empty()) pin_this_thread(setup_.processors[self % setup_.processors.size()]);
        if (setup_.hooks == nullptr) {
            work_all(self);
        } else if (begin_hooks(self)) {
            work_all(self);
            setup_.hooks->end(self);
            if (forked()) end_forked_process();
        } else {
            leave_search();
        }
        disown();
    }
    /// False if a hook has thrown; then the worker has left the crew.
    [[nodiscard]] bool begin_hooks(std::size_t self) noexcept {
        bool begun = false;
        try {
            setup_.hooks->begin(self);
            if (forked()) end_forked_process();
            begun = true;
        } catch (...) {
            if (!hook_failed_.test_and_set(std::memory_order_relaxed))
                hook_failure_ = std::current_exception();
            if (forked()) end_forked_process();
            // Before anybody hears of it: who then resizes the pool must not count on this worker.
            crew_.quit(self);
        }
        ready_.fetch_add(1);
        unpark_all(ready_);
        return begun;
    }

    /// The worker loop.
    void work_all(std::size_t self) noexcept {
        worker& mine = workers_[self];
        this_worker = {this, self, &mine};
        forks_.enter(self);
        const task_scope running(this, &drops_);
        keeper_of_this_thread = {&running, this};
        // A new thread counts as a searcher, so it begins with a search.
        class task* task = search_task(self);
        if (task == nullptr) task = find_task(self);
        for (; task != nullptr; task = find_task(self)) {
            if (gate_.closed() && !hold_back(mine, *task)) continue;
            worker_counters::add(mine.running, 1);
            if (watcher_ != nullptr) watcher_->task_begin(self);
            if (cancelling()) {
                task->stop();
            } else {
                task->run();
            }
            if (forked()) end_forked_process();
            if (watcher_ != nullptr) watcher_->task_end(self);
            worker_counters::add(mine.running, minus_one);
        }
        fork_crew::leave();
        keeper_of_this_thread = {};
        this_worker = {};
    }

    /// The gate was closed while this worker took the task: waits with it until it opens, holding it where
    /// cancel_pending() finds it. False if that was done.
    [[nodiscard]] bool hold_back(worker& me, task& task) noexcept {
        me.held_back.store(&task);
        static_cast<void>(gate_.wait([]() noexcept { return false; }));
        return me.held_back.exchange(nullptr) != nullptr;
    }

    /// The next task for this worker, or null when it has to leave: there will never be a task again, or
    /// the pool has become smaller. Meanwhile runs jobs that others have forked, or sleeps.
    task* find_task(std::size_t self) noexcept {
        for (;;) {
            if (is_held_up() && (is_over(self) || !gate_.wait([&]() noexcept { return retires(self); })))
                return nullptr;
            if (task* const task = queues_.next(self)) return task;
            sleep_.begin_search();
            if (task* const task = search_task(self)) return task;
            if (is_over(self)) return nullptr;
        }
    }

    /// Searches, runs forked jobs, and sleeps while there is nothing to find. Null if the worker is held up or there will never
    /// be a task again. The caller is a searcher; afterwards it is not.
    task* search_task(std::size_t self) noexcept {
        search_patience& patience = workers_[self].patience;
        bool after_job = false;
        bool seen_jobs = false;
        for (int looks = patience.looks();;) {
            task* const task = is_held_up() ? nullptr : queues_.search(self);
            if (task != nullptr || is_held_up()) {
                const bool more = leave_search(seen_jobs);
                if (task != nullptr) patience.found_task(more);
                return task;
            }
            if (forks_.run_one(self, [&]() noexcept { begin_job(self); })) {
                if (forked()) end_forked_process();
                end_job(self);
                after_job = true;
                seen_jobs = false;
                looks = search_patience::most_looks;
                continue;
            }
            // For single tasks one worker that stays awake is enough.
            if (looks != 0 && (after_job || sleep_.searches_alone())) {
                search_patience::pause(--looks);
                continue;
            }
            YOKE_TEST_POINT("pool_core: nothing found");
            sleep_.prepare_sleep();
            const bool tasks = !queues_.empty();
            if (!tasks) seen_jobs = !forks_.empty();
            if (tasks || seen_jobs || crew_.too_many()) {
                sleep_.withdraw();
            } else if (is_over(self)) {
                return nullptr;
            } else {
                patience.give_up();
                sleep(self);
                after_job = false;
                looks = patience.looks();
            }
        }
    }
    /// Returns whether tasks are left. `seen_jobs`: forks_.empty() said no, and the caller has run none since.
    bool leave_search(bool seen_jobs = false) noexcept {
        const bool last = sleep_.end_search();
        const bool more = !queues_.empty();
        // While we searched nobody was woken, so if there is more work we send the next one.
        if (last && (more || (seen_jobs && !forks_.empty()))) wake();
        return more;
    }
    void sleep(std::size_t self) noexcept {
        worker_counters::add(workers_[self].slept, 1);
        if (watcher_ != nullptr) watcher_->sleep_begin(self);
        sleep_.sleep();
        if (watcher_ != nullptr) watcher_->sleep_end(self);
    }

    /// True if no worker may take a task now, or some have to leave.
    [[nodiscard]] bool is_held_up() const noexcept { return gate_.closed() || crew_.too_many(); }
    /// Leaves, if this is one worker too many. What is in its queue the others will find.
    [[nodiscard]] bool retires(std::size_t self) noexcept {
        if (!crew_.too_many() || !crew_.retire(self)) return false;
        // A busy worker looks at the queues before it sleeps or leaves: the others rely on that.
        if (!queues_.empty() || !forks_.empty()) wake();
        return true;
    }

    /// The search found a forked job; and: that is done, and the search goes on.
    void begin_job(std::size_t self) noexcept {
        if (sleep_.end_search() && forks_.wants_worker() && !(queues_.empty() && forks_.empty())) wake();
        workers_[self].helping.store(true, std::memory_order_relaxed);
        if (watcher_ != nullptr) watcher_->task_begin(self);
    }
    void end_job(std::size_t self) noexcept {
        if (watcher_ != nullptr) watcher_->task_end(self);
        workers_[self].helping.store(false, std::memory_order_relaxed);
        sleep_.begin_search();
    }

    // What every task writes, what every push reads, and what hardly changes, each on lines of its own.
    Queues queues_;
    alignas(64) eventcount sleep_;
    fork_crew forks_;
    alignas(64) admission door_;  // after what the last one out still touches
    alignas(64) places places_;
    worker_counters outsiders_;
    alignas(64) thread_crew crew_;
    pause_gate gate_;
    std::atomic<bool> cancelling_{false};
    worker_hooks* const watcher_;
    const fork_watch fork_;
    stable_array<worker> workers_;
    const pool_setup setup_;
    drop_counter drops_{"thread pool", setup_.name.c_str()};
    std::stop_source stop_;
    // How far prepare_worker() has come.
    std::size_t queue_owners_ = 0;
    std::size_t tallies_ = 0;
    // Starting with hooks. `ready_` counts the threads whose hooks have begun.
    std::mutex starting_;
    parking_word ready_{0};
    std::atomic_flag hook_failed_;
    std::exception_ptr hook_failure_;
};

}  // namespace yoke::detail
