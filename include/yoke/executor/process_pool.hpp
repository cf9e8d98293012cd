// SPDX-License-Identifier: MIT
#pragma once

/// A fixed crew of worker processes that runs tasks. A crash costs one task, not the program.
///
///     int main(int argc, char** argv) {
///         yoke::runtime rt{argc, argv};                                // once, before the first thread
///         yoke::process_pool pool;                                     // as many workers as this process may use
///         yoke::future<double> price = pool.submit(simulate, 100'000, parameters);
///         price.get();                                                 // the result, or what the task threw
///     }
///
/// Everything that concept/executor.hpp promises holds. What processes add:
///
/// - Function, arguments and result cross to another process and back (wire/shippable.hpp says which types can). A
///   call that cannot does not compile, and the message names the argument and the remedy.
/// - A worker that dies - killed, crashed, exit() called - fails the one task it was running with `worker_lost` (signal
///   or status, process id, task) and is replaced. Tasks that had not begun run on another worker.
///   `task_options::attempts` says how often a task that may be repeated is started.
/// - A task that runs longer than `task_options::timeout`, counted from its start, fails with `task_timeout`; its worker
///   is killed and replaced. Without a timeout a task that never ends, or a worker that was stopped, is waited for.
///   `task_options::queue_timeout` limits the time until it begins.
/// - Of the tasks that have not begun, the one with the greatest `task_options::priority` begins first, among equals the
///   oldest.
/// - A stop request reaches a running task, which asks by `yoke::this_task` (executor/this_task.hpp). What it then returns
///   or throws is its outcome; `cancelled` completes it as stopped. `task_options::grace` says how long it may go on
///   before its worker is killed.
/// - Workers that die one after the other while nothing gets done break the pool: what has not begun fails
///   with `broken_pool`, which names the first cause, and so does every later call.
/// - An exception of a standard type or of yoke, or one that is registered (wire/registered_exception.hpp), comes back
///   as itself, with its members; others as `remote_error`.
/// - Workers can be limited, recycled and let go when they are idle, and their number changed at any time: see
///   process_pool_options.hpp and `resize`.
/// - Workers never outlive the program, however it ends, and leave nothing behind in the file system.
///
/// A worker is an image of the program as it was when the fork server started (`yoke::runtime`): it has the
/// globals, the working directory and the environment of that moment, none of the program's threads and none of its open files
/// but standard output and error; standard input is empty. It stays the same process from task to task, so what a
/// task leaves in a global is there for the next one. Ctrl-C does not reach it. A task cannot use the program's pools.
/// A task may fork; a child that comes back from the task ends there, and nobody hears of it. exit() in a task runs
/// what tasks have registered (atexit, static objects) and nothing of the program's.
///
/// Receivers are completed on one thread of the pool, the collector, or by who cancels; they must not block. A future that
/// a thread waits for is completed by that thread.
/// Memory follows the load. That of tasks which are gone is kept for the next ones, and so is shared memory (256 MiB at
/// most); what no task has needed for a second or two goes back to the system.
/// After fork() the child has no such thread: there, using the pool or its futures throws `forked`; destroying them,
/// `cancel()` and stop requests have no effect. A receiver that forks, and comes back in the child where the collector
/// has called it, ends the child.

#if !defined(__linux__)
#error "yoke::process_pool needs Linux; yoke::thread_pool runs the same tasks on this system"
#endif

#include <yoke/concept/executor.hpp>
#include <yoke/error.hpp>
#include <yoke/executor/process/core.hpp>
#include <yoke/executor/process_pool_options.hpp>
#include <yoke/future.hpp>
#include <yoke/runtime.hpp>
#include <yoke/wire/remote_call.hpp>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <optional>
#include <span>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace yoke {

/// How calls cross: a policy of `basic_process_pool` that says which calls can, packs them here and makes them there. This
/// one packs by `yoke::codec`.
struct codec_calls {
    template <class F, class... Args>
    static constexpr bool accepts = shippable_call<F, Args...>;
    /// Does not compile for what is not accepted, with a sentence that says why.
    template <class F, class... Args>
    static constexpr void refuse() {
        refuse_unshippable<F, Args...>();
    }
    template <class F, class... Args>
    using call = remote_call_of<F, Args...>;
};

namespace detail {

/// What a worker calls: reads the call, makes it, writes the result.
template <class Call>
void make_remote_call(worker_task& task) {
    struct sink final : result_sink {
        explicit sink(worker_task& task) : task(task) {}
        std::span<std::byte> room(std::size_t bytes) override { return task.room(bytes); }
        worker_task& task;
    };
    wire_reader in(task.call());
    sink out(task);
    Call::run(in, out);
}

/// How large the results of such calls are, as far as the pools of this process have seen.
template <class Call>
inline constinit expected_size results_of;

/// A task with its receiver.
template <class Call, class Receiver>
class remote_task : public process_task {
public:
    template <class R>
    remote_task(packed_call call, const task_options& options, R&& receiver)
        : process_task(&make_remote_call<Call>, results_of<Call>, std::move(call),
                       {.timeout_ns = options.timeout.count(),
                        .grace_ns = options.grace.count(),
                        .queue_ns = options.queue_timeout.count(),
                        .priority = options.priority,
                        .attempts = options.attempts}),
          receiver_(std::forward<R>(receiver)) {}

    /// From now on a request to stop cancels the task, or tells it if it runs.
    void watch(const std::stop_token& stop, process_core& core) noexcept {
        if (stop.stop_possible()) on_stop_.emplace(stop, stopper{this, &core});
    }

    void complete_with_result(std::span<const std::byte> result) noexcept override {
        on_stop_.reset();
        std::exception_ptr error;
        try {
            if constexpr (std::is_void_v<typename Call::result_type>) {
                Call::decode_result(result);
                expect_untouched();
                give_back();
                return std::move(receiver_).set_value();
            } else {
                auto value = Call::decode_result(result);
                expect_untouched();
                give_back();
                return std::move(receiver_).set_value(std::move(value));
            }
        } catch (...) {
            error = std::current_exception();
        }
        give_back();
        std::move(receiver_).set_error(std::move(error));
    }
    void complete_with_error(std::exception_ptr error) noexcept override {
        on_stop_.reset();
        std::move(receiver_).set_error(std::move(error));
    }
    void complete_as_stopped() noexcept override {
        // May run inside the callback itself, which must outlive its call; it dies with the task.
        std::move(receiver_).set_stopped();
    }

protected:
    ~remote_task() override = default;

private:
    struct stopper {
        remote_task* task;
        process_core* core;
        void operator()() const noexcept { core->stop(*task); }
    };

    Receiver receiver_;
    std::optional<std::stop_callback<stopper>> on_stop_;
};

/// Tells the state of a future that outlives it.
template <class R>
class state_receiver {
public:
    explicit state_receiver(future_state<R>& state) noexcept : state_(state) {}

    template <class... Values>
    void set_value(Values&&... values) noexcept {
        state_.set_value(std::forward<Values>(values)...);
    }
    void set_error(std::exception_ptr error) noexcept { state_.set_error(std::move(error)); }
    void set_stopped() noexcept { state_.set_stopped(); }

private:
    future_state<R>& state_;
};

/// The memory of a task: a block that its pool keeps from task to task, where that is large enough.
template <class Task>
inline constexpr bool fits_kept_block = sizeof(Task) <= kept_blocks::size &&
                                        alignof(Task) <= __STDCPP_DEFAULT_NEW_ALIGNMENT__;
template <class Task>
void free_task_memory(process_core& core, Task* gone) noexcept {
    if constexpr (fits_kept_block<Task>)
        core.keep(gone);
    else
        std::allocator<Task>().deallocate(gone, 1);
}

/// The right to enqueue one task, and perhaps memory for it. Gives back what is not used.
class admitted_call {
public:
    /// For a call of so many bytes. Throws as process_core::admit does; false if the pool is full and `may_wait` is false.
    admitted_call(process_core& core, bool may_wait, std::size_t bytes) : core_(core), bytes_(bytes) {
        admitted_ = core.admit(may_wait, bytes, block_);
    }
    admitted_call(const admitted_call&) = delete;
    admitted_call& operator=(const admitted_call&) = delete;
    ~admitted_call() {
        if (block_ != nullptr) core_.keep(block_);
        if (admitted_) core_.withdraw(bytes_);
    }
    explicit operator bool() const noexcept { return admitted_; }

    /// A `Task` made of these arguments, whose memory is for free_task_memory. Throws std::bad_alloc, and what the constructor
    /// throws.
    template <class Task, class... Args>
    [[nodiscard]] Task* make(Args&&... args) {
        if constexpr (fits_kept_block<Task>) {
            if (block_ == nullptr) block_ = ::operator new(kept_blocks::size);
            Task* const task = ::new (block_) Task(std::forward<Args>(args)...);
            block_ = nullptr;
            return task;
        } else {
            Task* const memory = std::allocator<Task>().allocate(1);
            try {
                return ::new (static_cast<void*>(memory)) Task(std::forward<Args>(args)...);
            } catch (...) {
                std::allocator<Task>().deallocate(memory, 1);
                throw;
            }
        }
    }
    void use(process_task& task) noexcept {
        admitted_ = false;
        core_.enqueue(task);
    }

private:
    process_core& core_;
    void* block_ = nullptr;
    std::size_t bytes_;
    bool admitted_ = false;
};

/// A task without a future: the pool's until it is complete.
template <class Call, class Receiver>
class executed_task final : public remote_task<Call, Receiver> {
public:
    template <class R>
    executed_task(process_core& core, packed_call call, const task_options& options, R&& receiver)
        : remote_task<Call, Receiver>(std::move(call), options, std::forward<R>(receiver)), core_(core) {}

    /// Its memory stays with the pool, which counts the task as unfinished until this has returned.
    static void operator delete(executed_task* gone, std::destroying_delete_t) noexcept {
        process_core& core = gone->core_;
        gone->~executed_task();
        free_task_memory(core, gone);
    }

private:
    ~executed_task() override = default;

    process_core& core_;
};

/// A task and the state of its future, in one piece of memory. The future owns it, and so does the pool, as a task, until it
/// is complete.
template <class Call, class R = typename Call::result_type>
class submitted_task final : public future_state<R>, public remote_task<Call, state_receiver<R>> {
public:
    submitted_task(std::shared_ptr<process_core> core, packed_call call, const task_options& options) noexcept
        : future_state<R>(2),
          remote_task<Call, state_receiver<R>>(std::move(call), options, state_receiver<R>(*this)),
          core_(std::move(core)) {}

    bool await_elsewhere() noexcept override { return core_->await(*this); }

    /// Its memory stays with the pool, even if it was destroyed meanwhile.
    static void operator delete(submitted_task* gone, std::destroying_delete_t) noexcept {
        const std::shared_ptr<process_core> core = std::move(gone->core_);
        gone->~submitted_task();
        free_task_memory(*core, gone);
    }

private:
    ~submitted_task() override = default;

    void release() noexcept override { future_state<R>::release(); }

    /// Only a worker can run the task. But if this thread is the one that brings results home, it must go on doing so.
    state_ref<future_core> help_here(std::size_t&) noexcept override {
        if (!core_->on_collector()) return {};
        while (!this->done() && core_->collect_once()) {}
        return {};
    }
    bool cancel_here(state_ref<future_core>&) noexcept override { return core_->cancel(*this); }

    std::shared_ptr<process_core> core_;
};

/// What a pool leaves behind when it is destroyed where it must not be touched: in a worker or a forked child.
struct abandoned_core {
    std::shared_ptr<process_core> core;
    abandoned_core* next;
    YOKE_SHARED_STATE inline static std::atomic<abandoned_core*> all{nullptr};

    static void keep(std::shared_ptr<process_core> core) {
        auto* const kept = new abandoned_core{std::move(core), all.load()};
        while (!all.compare_exchange_weak(kept->next, kept)) {}
    }
};

}  // namespace detail

/// A pool of processes. All members may be called from any thread of the program that made it; in its workers they
/// throw `deadlock_error`.
template <class Calls>
class basic_process_pool {
    using core = detail::process_core;
    template <class F, class... Args>
    using call_of = typename Calls::template call<F, Args...>;
    template <class F>
    static constexpr bool is_options = std::is_same_v<std::remove_cvref_t<F>, task_options>;

public:
    /// As many workers as this process may use threads: min(affinity, CPU quota), at least 1.
    basic_process_pool() : basic_process_pool(process_pool_options{}) {}

    /// `workers` workers; 0 means the default.
    explicit basic_process_pool(std::size_t workers)
        : basic_process_pool(process_pool_options{.workers = workers}) {}

    /// Starts all workers, and the fork server if there is none. Throws unsafe_fork if there is none and the program
    /// has further threads; std::system_error if the system refuses a process, a thread or memory (workers that
    /// were started are ended first); std::invalid_argument if an option is out of range; unsupported if the
    /// initializer's code was loaded after the fork server started; deadlock_error in a worker.
    explicit basic_process_pool(const process_pool_options& options)
        : core_(core::start(detail::to_setup(options))) {}

    basic_process_pool(const basic_process_pool&) = delete;
    basic_process_pool& operator=(const basic_process_pool&) = delete;

    /// `shutdown()`, then waits for all accepted tasks and the end of the workers. Destroyed by one of its own receivers
    /// the pool cannot wait; it finishes what was accepted and ends by itself.
    ~basic_process_pool() {
        if (core_->foreign_process()) {
            detail::abandoned_core::keep(std::move(core_));
        } else {
            core_->shutdown();
            core_->join();
        }
    }

    /// The number of workers; while it changes, the number there will be.
    [[nodiscard]] std::size_t concurrency() const noexcept { return core_->concurrency(); }

    /// Makes it a pool of `workers` workers. Additional ones are started at once. If there are too many, those
    /// that are idle leave now and others after their present task; what had not begun is done by those that
    /// stay. May be called at any time, also by a receiver; does not wait. Throws std::invalid_argument if `workers` is 0 or
    /// more than `process_pool_options::max_workers`, forked or deadlock_error where the pool cannot be used.
    void resize(std::size_t workers) {
        core_->check_process();
        if (workers == 0 || workers > core_->most_workers())
            throw std::invalid_argument(
                "resize(" + std::to_string(workers) + "): this pool can have 1 to " +
                std::to_string(core_->most_workers()) +
                " workers; process_pool_options::max_workers sets the largest number");
        core_->resize(static_cast<std::uint32_t>(workers));
    }

    /// Runs `f(args...)` in a worker and completes `receiver` here. Waits for a place if the pool is full. Throws pool_closed
    /// after shutdown, broken_pool, forked or deadlock_error where it cannot be used; what packing the call throws;
    /// std::system_error if there is no memory for it; unsupported if the function's code was loaded after the fork
    /// server started. The arguments are untouched then.
    template <class Receiver, class F, class... Args>
        requires(Calls::template accepts<F, Args...>)
    &&receiver_of<Receiver, call_result<F, Args...>> void execute(Receiver&& receiver, F&& f,
                                                                  Args&&... args) {
        using call = call_of<F, Args...>;
        const task_options& options = checked(options_of(receiver));
        const std::size_t size = measure<call>(f, args...);
        detail::admitted_call right(*core_, true, size);
        const std::stop_token stop = options.stop;
        using task_type = detail::executed_task<call, std::decay_t<Receiver>>;
        auto* const task = right.template make<task_type>(*core_, pack<call>(size, f, args...), options,
                                                          std::forward<Receiver>(receiver));
        task->watch(stop, *core_);
        right.use(*task);
    }

    /// Runs `f(args...)` in a worker and returns the future of its result. Waits and throws as execute does.
    template <class F, class... Args>
        requires(!is_options<F>)
    auto submit(F&& f, Args&&... args) {
        return submit(task_options{}, std::forward<F>(f), std::forward<Args>(args)...);
    }
    /// The same with options.
    template <class F, class... Args>
    auto submit(const task_options& options, F&& f, Args&&... args) {
        Calls::template refuse<F, Args...>();
        if constexpr (Calls::template accepts<F, Args...>) {
            checked(options);
            const std::size_t size = measure<call_of<F, Args...>>(f, args...);
            detail::admitted_call right(*core_, true, size);
            return submit_admitted(right, size, options, f, args...);
        } else if constexpr (callable_with<F, Args...>) {
            return future<call_result<F, Args...>>();  // spares the reader errors that follow from the first
        }
    }

    /// As submit, but returns nullopt if `max_pending` tasks wait already, or the call goes beyond `max_pending_bytes`.
    template <class F, class... Args>
        requires(!is_options<F>)
    auto try_submit(F&& f, Args&&... args) {
        return try_submit(task_options{}, std::forward<F>(f), std::forward<Args>(args)...);
    }
    template <class F, class... Args>
    auto try_submit(const task_options& options, F&& f, Args&&... args) {
        Calls::template refuse<F, Args...>();
        if constexpr (Calls::template accepts<F, Args...>) {
            using result = std::optional<future<call_result<F, Args...>>>;
            checked(options);
            const std::size_t size = measure<call_of<F, Args...>>(f, args...);
            detail::admitted_call right(*core_, false, size);
            if (!right) return result();
            return result(submit_admitted(right, size, options, f, args...));
        }
    }

    /// Blocks until every accepted task has completed, receivers and continuations included; tasks submitted meanwhile may
    /// or may not be waited for. Throws deadlock_error in a receiver of this pool and in a worker, forked in a forked child.
    void wait() {
        core_->check_process();
        core_->wait();
    }

    /// Takes no more work; what was accepted still runs. Does not wait. Does nothing in a worker or a forked child.
    void shutdown() noexcept {
        if (!core_->foreign_process()) core_->shutdown();
    }
    /// Takes no more work, and completes what has not begun as stopped, here in the caller. Does not wait for the rest.
    void shutdown(cancel_pending_t) noexcept {
        if (!core_->foreign_process()) core_->cancel_pending();
    }

    /// Process ids of the workers that live, as far as the pool has heard: one that was started this moment may be missing.
    /// Throws forked in a forked child, deadlock_error in a worker.
    [[nodiscard]] std::vector<int> worker_pids() const {
        core_->check_process();
        return core_->worker_pids();
    }

    /// How many errors of this pool's tasks nobody received: of futures that were dropped, before their error came or
    /// with it (see dropped_error.hpp).
    [[nodiscard]] std::uint64_t dropped_errors() const noexcept { return core_->dropped_errors(); }

private:
    static const task_options& checked(const task_options& options) {
        detail::check_option_values(options);
        return options;
    }

    /// Bytes of the packed call. Throws where the pool cannot be used or its workers do not have the code of the call.
    template <class Call, class F, class... Args>
    std::size_t measure(const F& f, const Args&... args) const {
        core_->check_process();
        core_->check_code(reinterpret_cast<std::uintptr_t>(&detail::make_remote_call<Call>));
        if constexpr (std::is_function_v<F>)
            core_->check_code(reinterpret_cast<std::uintptr_t>(&f));
        else if constexpr (std::is_pointer_v<F>)
            if (f != nullptr) core_->check_code(reinterpret_cast<std::uintptr_t>(f));
        return Call::size(f, args...);
    }
    template <class Call, class F, class... Args>
    detail::packed_call pack(std::size_t size, const F& f, const Args&... args) {
        detail::packed_call packed(core_->arena(), size);
        wire_writer out(packed.bytes());
        Call::encode(out, f, args...);
        if (out.size() != size)
            throw message_too_large("a codec wrote " + std::to_string(out.size()) +
                                    " bytes of a call that it had measured as " + std::to_string(size));
        return packed;
    }

    template <class F, class... Args>
    auto submit_admitted(detail::admitted_call& right, std::size_t size, const task_options& options,
                         const F& f, const Args&... args) {
        using result = call_result<F, Args...>;
        using call = call_of<F, Args...>;
        auto* const task =
            right.template make<detail::submitted_task<call>>(core_, pack<call>(size, f, args...), options);
        auto outcome =
            detail::future_access::make<result>(detail::state_ref<detail::future_state<result>>(task));
        task->watch(options.stop, *core_);
        right.use(*task);
        return outcome;
    }

    std::shared_ptr<core> core_;
};

/// The pool to start with.
using process_pool = basic_process_pool<codec_calls>;

static_assert(executor<process_pool>);
static_assert(!local_executor<process_pool>);

}  // namespace yoke
