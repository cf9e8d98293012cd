// SPDX-License-Identifier: MIT
#pragma once

/// `submit` and the future it returns.
///
///     yoke::future<int> answer = yoke::submit(pool, [](int x) { return x + 1; }, 41);
///     answer.get();                       // 42, or throws what the task threw
///
/// A future can also be awaited from a coroutine, and is itself a coroutine's return type:
///
///     yoke::future<int> total(yoke::thread_pool& pool) {
///         int a = co_await pool.submit(first);
///         int b = co_await pool.submit(second);
///         co_return a + b;
///     }
///
/// and something can follow it, on any executor:
///
///     yoke::future<report> done = downloads.submit(fetch_page, url).then(processes, parse).then(threads, summarize);
///
/// In a child of fork() the futures it has inherited are the parent's: all that would wait, look or go on from there
/// throws `forked`; `cancel()` is false, and dropping one has no effect.
///
/// Unlike std::future: dropping one never blocks, waiting never deadlocks a pool of threads (the waiter runs the awaited
/// task itself when nobody has begun it; it never runs anything else), and a task can be cancelled before it begins.

#include <yoke/concept/executor.hpp>
#include <yoke/detail/base/invoke.hpp>
#include <yoke/detail/future/awaited.hpp>
#include <yoke/detail/future/block_cache.hpp>
#include <yoke/detail/future/claimable_call.hpp>
#include <yoke/detail/future/coroutine.hpp>
#include <yoke/detail/future/helping.hpp>
#include <yoke/detail/future/state.hpp>
#include <yoke/detail/future/task_scope.hpp>
#include <yoke/error.hpp>
#include <yoke/future/merged_options.hpp>
#include <yoke/time_span.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <exception>
#include <mutex>
#include <new>
#include <optional>
#include <stop_token>
#include <type_traits>
#include <utility>

namespace yoke {

template <class R>
class future;

namespace detail {

struct future_access;

/// `f(result)` can be called; `f()` if there is none.
template <class F, class R>
inline constexpr bool continues_value = callable_with<F, R>;
template <class F>
inline constexpr bool continues_value<F, void> = callable_with<F>;
/// It cannot, but `f(future)` can.
template <class F, class R>
inline constexpr bool continues_future = !continues_value<F, R> && callable_with<F, future<R>>;

}  // namespace detail

/// The outcome of a call that runs elsewhere. Move-only. One thread at a time may use a future object; the task
/// behind it may complete on any thread meanwhile.
template <class R>
class [[nodiscard]] future {
public:
    using value_type = R;
    using promise_type = detail::coroutine_promise<R>;

    /// An empty future: `valid()` is false.
    future() = default;
    future(future&&) noexcept = default;
    future& operator=(future&& other) noexcept {
        future(std::move(other)).state_.swap(state_);
        return *this;
    }
    /// Drops the outcome: never blocks, and the task runs all the same. An error in it is told to the handler of
    /// dropped_error.hpp.
    ~future() {
        if (state_) state_.detach()->leave();
    }

    /// True until `get()`, `co_await` or a move takes the outcome away.
    [[nodiscard]] bool valid() const noexcept { return static_cast<bool>(state_); }

    /// True if `get()` would not block. Throws no_state.
    [[nodiscard]] bool ready() const { return own_state().done(); }

    /// Waits as `wait()` does, then returns the task's result or throws its exception; `cancelled` if it was stopped. Leaves the future
    /// empty. Throws no_state if it is empty already.
    R get() {
        own_state().wait();
        return take(std::exchange(state_, {}));
    }

    /// Blocks until the outcome is there. If nobody has begun the awaited task, it runs here, in the calling thread, be
    /// that a worker or not; but a task of a pool whose threads are initialized runs on these only, and a task of a
    /// process pool in its worker. For another task that must run on its pool's own threads use
    /// `wait_until(std::chrono::steady_clock::time_point::max())`. Throws no_state.
    void wait() const { own_state().wait(); }

    /// Blocks until the outcome is there (true) or the time is over (false). Runs nothing itself, so inside a task
    /// of a pool without a free worker it only waits. A time that is zero, negative or not a number is over at once; one
    /// beyond the range of the clock, `hours::max()` for instance, never is. Throws no_state.
    [[nodiscard]] bool wait_for(time_span time) const {
        return own_state().wait_until(detail::deadline_after(time));
    }
    /// As wait_for, up to a point of the steady clock (the wall clock may jump), in whatever unit.
    template <class Duration>
    [[nodiscard]] bool
    wait_until(const std::chrono::time_point<std::chrono::steady_clock, Duration>& time) const {
        return own_state().wait_until(detail::deadline_at(time));
    }

    /// True: the task will not run, and `get()` throws `cancelled`; also if that is so already. False: it is running, or
    /// has run. Throws no_state.
    bool cancel() { return !state().inherited() && (state().try_cancel() || state().stopped()); }

    /// Runs `f(result)` on `ex` - `f()` if there is none - when this future is done, and returns the future of what `f` returns.
    /// Takes the outcome, as `get()` does. `f` is decay-copied.
    ///
    /// - If this future fails or is stopped, `f` is dropped unrun and that outcome goes on to the returned future. An `f` that
    ///   takes a `future<R>` (its parameter spelt so: what can be called with the result is) runs in any case, and is
    ///   given this one, done.
    /// - `f` is a task of `ex`, submitted by the thread that completes this future; if it is done already, by the caller. What
    ///   `ex.execute` throws then (pool_closed) arrives in the returned future. So `ex` must live until the
    ///   returned future is done. A thread pool that is full (`max_pending`) runs `f` at once on the submitting thread if
    ///   that runs a task; an inline_executor always runs it there. A pool whose threads are
    ///   initialized takes it beyond its bound instead, and so does a full process pool.
    /// - A chain of any length takes no stack for it, and time in proportion: when it ends, fails, is waited for, cancelled or
    ///   dropped, also if some of its links are coroutines or when_alls.
    /// - Waiting helps, as always: who waits for the returned future runs what this one waits for and then `f`, as far as nobody
    ///   has begun them.
    /// - `cancel()` of the returned future is true if `f` will not run; it then cancels this future's task too if that has not
    ///   begun (it is nobody else's any more). It is false once `f` has begun.
    /// - For an executor of worker processes `f`, the result of this future and what `f` returns must be able to cross.
    ///
    /// Throws no_state, and bad_alloc or what copying `f` throws; this future is as it was then.
    template <executor E, class F>
    auto then(E& ex, F&& f);

    /// Suspends the coroutine until the outcome is there and takes it, as `get()` does. The coroutine goes on
    /// on the thread that completed the task. A coroutine's own future is done when its locals and parameters are gone.
    /// Throws no_state.
    detail::future_awaiter<R> operator co_await() {
        own_state();
        return detail::future_awaiter<R>(std::exchange(state_, {}));
    }

private:
    friend struct detail::future_access;
    friend class detail::future_awaiter<R>;
    friend class detail::coroutine_promise_base<R>;
    using state_type = detail::future_state<R>;

    explicit future(detail::state_ref<state_type> state) noexcept : state_(std::move(state)) {}

    state_type& state() const {
        if (!state_) throw no_state();
        return *state_;
    }

    state_type& own_state() const {
        state_type& own = state();
        if (own.inherited()) throw forked();
        return own;
    }

    static R take(detail::state_ref<state_type> state) {
        // Moved out, so that the exception dies with its last reader and not on the thread that threw it.
        if (state->error()) std::rethrow_exception(std::exchange(state->error(), nullptr));
        if (!state->value()) throw cancelled();
        if constexpr (!std::is_void_v<R>) return std::move(*state->value());
    }

    detail::state_ref<state_type> state_;
};

namespace detail {

/// The algorithms' way into a future.
struct future_access {
    template <class R>
    static future<R> make(state_ref<future_state<R>> state) noexcept {
        return future<R>(std::move(state));
    }
    /// The future's state, which leaves it.
    template <class R>
    static state_ref<future_state<R>> release(future<R> f) noexcept {
        return std::move(f.state_);
    }
    /// The outcome of a state that is done.
    template <class R>
    static R take(state_ref<future_state<R>> state) {
        return future<R>::take(std::move(state));
    }
    /// The future's state; null if it is empty. Owned by the future.
    template <class R>
    static future_state<R>* state(const future<R>& f) noexcept {
        return f.state_.get();
    }
    /// Destroys the outcome of a future that is done and that nobody else has; a thread on its way out of the task may own
    /// the state for a moment longer. An error is dropped.
    template <class R>
    static void drop_outcome(future<R>& f) noexcept {
        if (!f.valid()) return;
        f.state_->drop_error();
        f.state_->value().reset();
        f.state_->error() = nullptr;
    }
    /// Waits as wait() does; in a forked child, where there is nobody to wait for, it does nothing.
    template <class R>
    static void settle(const future<R>& f) noexcept {
        if (!f.state_->inherited()) f.state_->wait();
    }
};

template <class E>
std::stop_token stop_token_of(const E& ex) noexcept {
    if constexpr (requires { ex.options().stop; }) {
        return ex.options().stop;
    } else {
        return {};
    }
}

/// `submit` for an executor without a member of that name. `execute(receiver, call...)` hands both to the executor.
template <class E, class Execute, class F, class... Args>
auto submit_by_execute(const E& ex, std::stop_token stop, Execute execute, F&& f, Args&&... args)
    -> future<call_result<F, Args...>> {
    using result = call_result<F, Args...>;
    const auto hand_over = [&execute](auto receiver, auto&&... call) {
        try {
            execute(receiver, std::forward<decltype(call)>(call)...);
        } catch (...) {
            receiver.dismiss();  // who called hears of it: that is no broken promise
            throw;
        }
    };
    if constexpr (local_executor<E>) {
        using state = executor_task<result, std::decay_t<F>, std::decay_t<Args>...>;
        state_ref<state> task(
            new state(home_of(ex), std::move(stop), std::forward<F>(f), std::forward<Args>(args)...));
        auto outcome = future_access::make<result>(task.share());
        hand_over(claim_receiver<state>(task.share()), claimable_call<state>{task.share()});
        return outcome;
    } else {
        using state = future_state<result>;
        state_ref<state> task(new state(1));
        auto outcome = future_access::make<result>(task.share());
        hand_over(promise_receiver<result>(task.share()), std::forward<F>(f), std::forward<Args>(args)...);
        return outcome;
    }
}

}  // namespace detail

/// Runs `f(args...)` on `ex` and returns the future of its result. `f` and `args` are decay-copied.
///
/// Throws what `ex.execute` throws (pool_closed after shutdown). Executors with a member `submit` leave the arguments
/// untouched then; for one without it they may have been moved from.
template <class E, class F, class... Args>
    requires executor<E> && callable_with<F, Args...>
auto submit(E& ex, F&& f, Args&&... args) -> future<call_result<F, Args...>> {
    if constexpr (requires { ex.submit(std::forward<F>(f), std::forward<Args>(args)...); }) {
        return ex.submit(std::forward<F>(f), std::forward<Args>(args)...);
    } else {
        return detail::submit_by_execute(
            ex, detail::stop_token_of(ex),
            [&](auto& receiver, auto&&... call) {
                ex.execute(std::move(receiver), std::forward<decltype(call)>(call)...);
            },
            std::forward<F>(f), std::forward<Args>(args)...);
    }
}

/// The same for a task with options. Throws also `unsupported` for those that the executor cannot honour and
/// std::invalid_argument for a value out of range, the arguments untouched.
template <class E, class F, class... Args>
    requires executor<E> && callable_with<F, Args...>
auto submit(E& ex, const task_options& options, F&& f, Args&&... args) -> future<call_result<F, Args...>> {
    if constexpr (requires { ex.submit(options, std::forward<F>(f), std::forward<Args>(args)...); }) {
        return ex.submit(options, std::forward<F>(f), std::forward<Args>(args)...);
    } else {
        detail::check_options_for<E>(options);
        detail::merged_options all =
            detail::merged_options(task_options{.stop = detail::stop_token_of(ex)}).with(options);
        const std::stop_token stop = all.values().stop;
        return detail::submit_by_execute(
            ex, stop,
            [&](auto& receiver, auto&&... call) {
                detail::execute_with(ex, std::move(receiver), std::move(all),
                                     std::forward<decltype(call)>(call)...);
            },
            std::forward<F>(f), std::forward<Args>(args)...);
    }
}

namespace detail {

/// The call `f(result of before)` of `then`. Called when that is done; throws its error.
template <class In, class Out, class F>
struct then_call {
    template <class G>
    then_call(G&& function, awaited_slot<future_state<In>>& slot)
        : f(std::forward<G>(function)), before(&slot) {}
    then_call(then_call&& other) noexcept(std::is_nothrow_move_constructible_v<F>)
        : f(std::move(other.f)), before(std::exchange(other.before, nullptr)) {}
    then_call& operator=(then_call&&) = delete;
    /// Without having been called it lets the future before go, too: else a chain would stay until its last future goes.
    ~then_call() {
        if (before != nullptr) static_cast<void>(before->take());
    }

    F f;
    awaited_slot<future_state<In>>* before;

    Out operator()() && {
        auto done = std::exchange(before, nullptr)->take();
        if constexpr (continues_future<F, In>) {
            return detail::invoke(std::move(f), future_access::make<In>(std::move(done)));
        } else if constexpr (std::is_void_v<In>) {
            future_access::take<In>(std::move(done));
            return detail::invoke(std::move(f));
        } else {
            return detail::invoke(std::move(f), future_access::take<In>(std::move(done)));
        }
    }
};

/// The state of `then` on an executor in this address space: a task that is in no queue before its time has come.
///
/// Until then `cancel()` may claim it. The future before it is in `before_`, from which the call or `cancel()` takes it,
/// so a long chain does not keep what is done. References: the future's, and one for being told of `before_`.
template <class In, class Out, class E, class F>
class local_then final : public task_state<Out, then_call<In, Out, F>>, private continuation {
    using task = task_state<Out, then_call<In, Out, F>>;

public:
    template <class G>
    local_then(state_ref<future_state<In>> before, E& ex, G&& f)
        : task(2, stop_token_of(ex), then_call<In, Out, F>(std::forward<G>(f), before_)),
          ex_(ex),
          home_(home_of(ex)),
          before_(std::move(before)) {}

    /// Once, when the future has its reference.
    void start() noexcept {
        if (!before_.share()->tell(*this)) future_core::publish(future_done());
    }

private:
    state_ref<future_core> help_here(std::size_t&) noexcept override {
        this->want();
        if (!queued_.load(std::memory_order_acquire)) return before_.share();
        this->help_or_look([this] { return this->run(); }, home_);
        return {};
    }
    bool cancel_here(state_ref<future_core>& next) noexcept override {
        auto before = before_.share();
        if (!task::cancel_here(next)) return false;
        next = std::move(before);
        return true;
    }

    state_ref<future_core> future_done() noexcept override {
        state_ref<local_then> told(this);
        const auto before = before_.share();
        if (!before) return {};  // cancelled
        const publish_later later(this);
        if (!continues_future<F, In> && !before->value()) {
            this->end_as(*before);
            return later.due(std::move(told));
        }
        std::exception_ptr refused;
        claim_receiver<local_then> receiver(told.share());
        try {
            // If the executor runs it at once, the next link does not begin on top of it.
            ex_.execute(std::move(receiver), claimable_call<local_then>{told.share()});
        } catch (...) {
            refused = std::current_exception();
        }
        if (refused) {
            this->fail(std::move(refused));
            return later.due(std::move(told));
        }
        // Only now may a waiter run it: what the executor refuses does not run.
        queued_.store(true, std::memory_order_release);
        this->news();
        return later.due(std::move(told));
    }
    state_ref<future_core> future_news() noexcept override {
        this->acquire();
        return state_ref<future_core>(this);
    }

    E& ex_;
    const task_home home_;
    awaited_slot<future_state<In>> before_;
    std::atomic<bool> queued_{false};
};

/// The state of `then` on an executor elsewhere: waits for one future, then for the one that `submit` gives it.
///
/// Who claims it first, `cancel()` or the end of `before_`, has `f_`. The latter claims under the mutex and keeps it
/// until `task_` is there, so a `cancel()` that comes too late finds the task. (Such an executor runs nothing inside
/// `submit`.) References: the future's, and one for being told, first of `before_`, then of `task_`.
template <class In, class Out, class E, class F>
class remote_then final : public future_state<Out>, private continuation {
public:
    template <class G>
    remote_then(state_ref<future_state<In>> before, E& ex, G&& f)
        : future_state<Out>(2), ex_(ex), f_(std::in_place, std::forward<G>(f)), before_(std::move(before)) {}

    /// Once, when the future has its reference.
    void start() noexcept {
        if (!before_.share()->tell(*this)) future_core::publish(future_done());
    }

private:
    struct task_watch final : continuation {
        explicit task_watch(remote_then& then) noexcept : owner(then) {}
        state_ref<future_core> future_done() noexcept override { return owner.task_done(); }
        state_ref<future_core> future_news() noexcept override { return owner.share(); }
        remote_then& owner;
    };

    state_ref<future_core> help_here(std::size_t&) noexcept override {
        this->want();
        if (auto before = before_.share()) return before;
        return submitted();
    }
    bool cancel_here(state_ref<future_core>& next) noexcept override {
        if (this->claim()) {
            f_.reset();
            next = before_.take();
            this->set_stopped();
            return true;
        }
        const auto task = submitted();
        return task && task->try_cancel();
    }

    state_ref<future_core> future_done() noexcept override {
        state_ref<remote_then> told(this);
        std::exception_ptr error;
        state_ref<future_state<In>> failed;
        {
            const std::lock_guard lock(mutex_);
            if (!this->claim()) return {};  // cancelled
            auto before = before_.take();
            if (before->value()) {
                error = submit_call(std::move(before));
            } else {
                failed = std::move(before);
            }
            f_.reset();
        }
        if (task_) {
            static_cast<void>(told.detach());  // the watch has it from now on
            const state_ref<remote_then> also = share();
            if (!task_->tell(task_watch_)) return task_watch_.future_done();
            this->news();
            return {};
        }
        const publish_later later(this);
        if (failed && failed->error()) {
            this->hand_on_error(*failed);
        } else {
            error ? this->set_error(std::move(error)) : this->set_stopped();
        }
        return later.due(std::move(told));
    }
    state_ref<future_core> future_news() noexcept override { return share(); }

    /// Returns what was thrown.
    std::exception_ptr submit_call(state_ref<future_state<In>> before) noexcept {
        try {
            if constexpr (std::is_void_v<In>) {
                task_ = future_access::release(submit(ex_, std::move(*f_)));
            } else {
                task_ = future_access::release(
                    submit(ex_, std::move(*f_), future_access::take<In>(std::move(before))));
            }
            return nullptr;
        } catch (...) {
            return std::current_exception();
        }
    }
    [[nodiscard]] state_ref<future_core> task_done() noexcept {
        state_ref<remote_then> told(this);
        const publish_later later(this);
        if (task_->error()) {
            this->hand_on_error(*task_);
        } else if (!task_->value()) {
            this->set_stopped();
        } else if constexpr (std::is_void_v<Out>) {
            this->set_value();
        } else {
            this->set_value(std::move(*task_->value()));
        }
        return later.due(std::move(told));
    }
    [[nodiscard]] state_ref<remote_then> share() noexcept {
        this->acquire();
        return state_ref<remote_then>(this);
    }
    [[nodiscard]] state_ref<future_core> submitted() const noexcept {
        const std::lock_guard lock(mutex_);
        return task_.share();
    }

    E& ex_;
    std::optional<F> f_;
    awaited_slot<future_state<In>> before_;
    mutable std::mutex mutex_;
    state_ref<future_state<Out>> task_;  // written once, under the mutex
    task_watch task_watch_{*this};
};

/// What `then(ex, f)` can make of a `future<R>`.
template <class R, class E, class F>
struct then_of {
    static constexpr bool callable = continues_value<F, R> || continues_future<F, R>;
    static constexpr bool local = local_executor<E>;

    static consteval bool can_cross() {
        if constexpr (std::is_void_v<R>)
            return executor_of<E, F>;
        else
            return executor_of<E, F, R>;
    }
    static consteval auto find_result() {
        if constexpr (continues_future<F, R>)
            return std::type_identity<call_result<F, future<R>>>();
        else if constexpr (std::is_void_v<R>)
            return std::type_identity<call_result<F>>();
        else
            return std::type_identity<call_result<F, R>>();
    }
};

}  // namespace detail

template <class R>
template <executor E, class F>
auto future<R>::then(E& ex, F&& f) {
    using kind = detail::then_of<R, E, F>;
    static_assert(
        kind::callable,
        "then: the function can be called neither with the future's result (without arguments, if that is "
        "void) nor with the future itself");
    if constexpr (kind::callable) {
        using result = typename decltype(kind::find_result())::type;
        using function = std::decay_t<F>;
        constexpr bool crosses = kind::local || (!detail::continues_future<F, R> && kind::can_cross());
        static_assert(
            kind::local || !detail::continues_future<F, R>,
            "then: a future cannot cross to this executor's worker processes; take its result instead");
        static_assert(
            crosses || detail::continues_future<F, R>,
            "then: the function, the future's result or what the function returns cannot cross to this "
            "executor's worker processes; pass a captureless lambda or yoke::bind_values(f, values...)");
        if constexpr (crosses) {
            using next_state = std::conditional_t<kind::local, detail::local_then<R, result, E, function>,
                                                  detail::remote_then<R, result, E, function>>;
            own_state();
            auto* const next = new next_state(state_.share(), ex, std::forward<F>(f));
            future<result> outcome =
                detail::future_access::make<result>(detail::state_ref<detail::future_state<result>>(next));
            state_ = {};
            next->start();
            return outcome;
        } else {
            return future<result>();  // spares the reader errors that follow from the first
        }
    }
}

}  // namespace yoke
