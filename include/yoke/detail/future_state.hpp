// SPDX-License-Identifier: MIT
#pragma once

/// The shared half of a task and its future.
///
/// One 32-bit word carries the whole protocol:
///
///     bits 0-1  phase      pending -> claimed -> done, each step taken once
///     bit  2    sleepers   somebody is (or is about to be) parked on the word
///     bits 3..  news       counts changes a sleeper should look at (see future_core::news)
///
/// *Claiming* is the compare-exchange pending -> claimed. Whoever wins it - the worker that takes the task from its
/// queue, a waiter that runs the task itself, `cancel()`, a shutdown - is the only one to touch the call and to
/// produce the outcome, so a task runs at most once and completes exactly once.
///
/// Memory order: the outcome is written before `publish()` exchanges the word to done with release; `done()` and
/// `wait()` read the word with acquire before anybody looks at the outcome. A sleeper sets `sleepers` by a
/// compare-exchange on the value it then parks on; publish() sees the bit in the value it replaces, or the sleeper's
/// exchange fails and it sees done: no wake is lost. Claiming needs acquire only for what the submitter wrote into
/// the call before it shared the state; sharing (a queue, a future handed on) orders that already, acq_rel is used
/// to keep the argument local.
///
/// News: a future may wait for others in turn (a coroutine, a `then`, a `when_all`), and what it waits for may become
/// something that the waiter can run only later. Whoever changes that calls `news()`. It wakes who
/// sleeps on this word, and passes on to the continuations, which are the states that wait for this one.
///
/// A continuation belongs to whoever took it out of the list: `publish()` takes all for good, `news()` takes all, tells
/// them and puts them back, or, if the future was done meanwhile, tells them that in publish()'s place. So a
/// continuation is told of news only before it is told of the end, and never by two threads at once. Two
/// threads with news at once: the second may find the list empty; but it counted its news before it looked, and the first,
/// which looks at the count after it has put the list back, goes round again. (These four accesses need one order
/// for both words, therefore seq_cst.)
///
/// A waiter looks on for a moment before it sleeps: for about as long as a worker that is awake takes to find the task, and, once
/// that was claimed, some microseconds, which is less than a sleep and a wake take. Not for longer: the kernel often
/// puts a worker that was woken on the waiter's own processor, where it can begin only when the waiter sleeps.
///
/// Lifetime is a reference count: the publisher holds a reference until after its wake and its continuations,
/// so a waiter that sees done and lets go early cannot free the word under the publisher (stdexec #1742).
///
/// tests/model/future_state.pml and future_news.pml check all this by exhaustive search.

#include <yoke/detail/block_cache.hpp>
#include <yoke/detail/blocked_wait.hpp>
#include <yoke/detail/config.hpp>
#include <yoke/detail/cpu_pause.hpp>
#include <yoke/detail/fork_watch.hpp>
#include <yoke/detail/helping.hpp>
#include <yoke/detail/invoke.hpp>
#include <yoke/detail/parking.hpp>
#include <yoke/detail/task_scope.hpp>
#include <yoke/dropped_error.hpp>

#include <atomic>
#include <cstdint>
#include <exception>
#include <optional>
#include <stop_token>
#include <tuple>
#include <type_traits>
#include <utility>

namespace yoke::detail {

/// Something to be told, once, that a future is done, on the thread that completes the future (or, rarely, on one that has
/// news of it at that moment).
class continuation {
public:
    virtual void future_done() noexcept = 0;
    /// Before that, any number of times: there may be something to help with that was not there before.
    virtual void future_news() noexcept {}

protected:
    continuation() = default;
    ~continuation() = default;

private:
    friend class future_core;
    continuation* next_ = nullptr;
};

/// All of a future's state but the outcome's type.
class future_core : public in_block {
public:
    future_core(const future_core&) = delete;
    future_core& operator=(const future_core&) = delete;

    void acquire() noexcept { references_.fetch_add(1, std::memory_order_relaxed); }
    void release() noexcept {
        // acq_rel: the last owner sees all that the others did before it destroys.
        if (references_.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
        if (inherited()) return leave_to_parent();
        drop_error();  // of a task that failed after its future was dropped
        delete this;
    }

    /// In a child that was forked since the future was made: the future is the parent's, and nobody will complete it
    /// here. All that may be done with it is to release it.
    [[nodiscard]] bool inherited() const noexcept { return process_.forked(); }

    /// The future that owns this is dropped. (Others may keep the state for a while: a queue that has not come to the
    /// task which a waiter has run.)
    void leave() noexcept {
        if (!inherited() && done()) drop_error();
        release();
    }
    /// If this ends with an error that nobody takes, nobody shall be told: the owner has another one to hand on.
    void let_error_go() noexcept { error_note_.fetch_or(error_unwanted, std::memory_order_relaxed); }

    [[nodiscard]] bool done() const noexcept {
        return (word_.load(std::memory_order_acquire) & phase_mask) == phase_done;
    }

    /// True once somebody has claimed the task.
    [[nodiscard]] bool begun() const noexcept {
        return (word_.load(std::memory_order_relaxed) & phase_mask) != phase_pending;
    }

    /// Becomes the one who produces the outcome; false if somebody else is.
    [[nodiscard]] bool claim() noexcept {
        std::uint32_t seen = word_.load(std::memory_order_relaxed);
        while ((seen & phase_mask) == phase_pending) {
            if (word_.compare_exchange_weak(seen, seen | phase_claimed, std::memory_order_acq_rel))
                return true;
        }
        return false;
    }

    /// Runs, on this thread, what the outcome waits for and nobody has begun yet.
    virtual void help() noexcept {}
    /// Blocks, in another way than on the word, until there may be something new about an outcome that comes from elsewhere; false,
    /// without blocking, if this future has no such way, or not now.
    virtual bool await_elsewhere() noexcept { return false; }
    /// Claims the task so that it will not run and completes it as stopped; false if it runs or has run.
    virtual bool try_cancel() noexcept { return false; }

    /// Blocks until done. If nobody has begun the awaited work, this thread runs it.
    void wait() noexcept {
        for (;;) {
            std::uint32_t seen = word_.load(std::memory_order_acquire);
            if ((seen & phase_mask) == phase_done) return;
            const bool refused = help_or_refuse();
            if (await_elsewhere() || moves_on(seen)) continue;
            // Anything that changed since `seen` makes the exchange or the park below fail, and we help again.
            if (refused && inside_task()) {
                const blocked_wait<future_core> noted(*this);
                if (announce_sleeper(seen)) park(word_, seen | sleepers);
            } else if (announce_sleeper(seen)) {
                park(word_, seen | sleepers);
            }
        }
    }
    /// Helps. True if there was something that this thread must not run.
    [[nodiscard]] bool help_or_refuse() noexcept {
        const bool outer = std::exchange(help_refused, false);  // of a wait further out on this stack
        help();
        return std::exchange(help_refused, outer);
    }

    /// As wait(), but never runs anything, and gives up at `until`. Returns done().
    bool wait_until(deadline until) noexcept {
        for (;;) {
            std::uint32_t seen = word_.load(std::memory_order_acquire);
            if ((seen & phase_mask) == phase_done) return true;
            if (std::chrono::steady_clock::now() >= until) return false;
            if (moves_on(seen)) continue;
            if (announce_sleeper(seen)) park_until(word_, seen | sleepers, until);
        }
    }

    /// Has `who` told when the future is done; false if it is done already (then `who` is not told).
    [[nodiscard]] bool tell(continuation& who) noexcept {
        continuation* head = continuations_.load(std::memory_order_acquire);
        do {
            if (head == told()) return false;
            who.next_ = head;
        } while (!continuations_.compare_exchange_weak(head, &who, std::memory_order_acq_rel,
                                                       std::memory_order_acquire));
        return true;
    }

    /// Lets all who wait for this, by whatever detour, look again at what they could help with. The caller owns a
    /// reference.
    void news() noexcept {
        std::uint32_t count = word_.fetch_add(one_news, std::memory_order_seq_cst) + one_news;
        if ((count & sleepers) != 0) unpark_all(word_);
        while (continuation* const waiting = take_continuations()) {
            for (continuation* next = waiting; next != nullptr; next = next->next_) next->future_news();
            put_back(waiting);
            const std::uint32_t now = word_.load(std::memory_order_seq_cst);
            if ((now ^ count) < one_news) return;
            count = now;
        }
    }

protected:
    /// `references` owners share the new state.
    explicit future_core(std::uint32_t references) noexcept : references_(references) {}
    virtual ~future_core() = default;

    /// For help(): true if this thread may run the task now. If somebody else runs it, helps with what that one waits for.
    [[nodiscard]] bool may_run(task_home home) noexcept {
        if (begun()) {
            if (!done()) help_where_blocked(*this);
            return false;
        }
        if (home.admits_this_thread()) return true;
        help_refused = true;
        return false;
    }

    /// An error was stored, by this thread, in a task of the pool whose task it runs.
    void note_error() noexcept {
        drop_counter* const pool = counter_of_drops();
        // relaxed: read by the last owner.
        error_note_.fetch_or(error_stored | (pool != nullptr ? pool->number() * error_of_pool : 0),
                             std::memory_order_relaxed);
    }
    /// Before the end: there was an error, of a task of the pool with this number. If it is still there it is dropped.
    virtual void error_dropped(std::uint32_t) noexcept {}
    /// What the future's work is, for whoever hears that its error was dropped.
    [[nodiscard]] virtual const char* description() const noexcept {
        return "a task whose future was dropped";
    }

    /// The outcome is in place: lets everybody know. The caller owns a reference.
    void publish() noexcept {
        if ((word_.exchange(phase_done, std::memory_order_acq_rel) & sleepers) != 0) unpark_all(word_);
        tell_all(continuations_.exchange(told(), std::memory_order_acq_rel));
    }

private:
    static constexpr std::uint32_t phase_pending = 0;
    static constexpr std::uint32_t phase_claimed = 1;
    static constexpr std::uint32_t phase_done = 2;
    static constexpr std::uint32_t phase_mask = 3;
    static constexpr std::uint32_t sleepers = 4;
    static constexpr std::uint32_t one_news = 8;

    static constexpr std::uint32_t error_stored = 1;
    static constexpr std::uint32_t error_unwanted = 2;
    static constexpr std::uint32_t error_of_pool = 4;  // times the number of the pool, see drop_counter

    static constexpr int looks_until_claimed = 24;
    static constexpr int looks_until_done = 100;

    /// If there is an error that nobody has taken, it is dropped. Nobody else has the outcome any more.
    void drop_error() noexcept {
        // relaxed: written before the future was done, or by an owner before it let go.
        const std::uint32_t error = error_note_.load(std::memory_order_relaxed);
        if ((error & (error_stored | error_unwanted)) == error_stored) error_dropped(error / error_of_pool);
    }

    /// True if the word becomes another one than `seen` within the moment that it pays to look on.
    [[nodiscard]] bool moves_on(std::uint32_t seen) const noexcept {
        const bool claimed = (seen & phase_mask) == phase_claimed;
        for (int looks = claimed ? looks_until_done : looks_until_claimed; looks != 0; --looks) {
            cpu_pause();
            // relaxed: the caller reads it again.
            if (word_.load(std::memory_order_relaxed) != seen) return true;
        }
        return false;
    }

    /// Sets the sleepers bit on exactly the value `seen`; false if the word moved on.
    bool announce_sleeper(std::uint32_t seen) noexcept {
        return (seen & sleepers) != 0 ||
               word_.compare_exchange_strong(seen, seen | sleepers, std::memory_order_acq_rel);
    }

    /// Tells these, the last in the list first, that the future is done. Each may be gone then.
    static void tell_all(continuation* waiting) noexcept {
        continuation* in_order = nullptr;
        while (waiting != nullptr) in_order = std::exchange(waiting, std::exchange(waiting->next_, in_order));
        while (in_order != nullptr) std::exchange(in_order, in_order->next_)->future_done();
    }

    /// All continuations, so that nobody else touches them; null if there are none, or they have been told.
    [[nodiscard]] continuation* take_continuations() noexcept {
        continuation* head = continuations_.load(std::memory_order_acquire);
        while (head != nullptr && head != told()) {
            if (continuations_.compare_exchange_weak(head, nullptr, std::memory_order_seq_cst)) return head;
        }
        return nullptr;
    }
    /// Ends what take_continuations() began. Those that came meanwhile go behind.
    void put_back(continuation* taken) noexcept {
        continuation* last = taken;
        while (last->next_ != nullptr) last = last->next_;
        continuation* head = continuations_.load(std::memory_order_acquire);
        do {
            if (head == told()) {
                last->next_ = nullptr;
                return tell_all(taken);
            }
            last->next_ = head;
        } while (!continuations_.compare_exchange_weak(head, taken, std::memory_order_seq_cst));
    }

    /// Destroying it could touch what is the parent's, too: a pool and its locks, memory that both share. It stays
    /// where it is, in a list, so that no search for leaks complains.
    void leave_to_parent() noexcept {
        future_core* const before = left_to_parent.exchange(this, std::memory_order_acq_rel);
        continuations_.store(reinterpret_cast<continuation*>(before), std::memory_order_relaxed);
    }
    YOKE_SHARED_STATE inline static std::atomic<future_core*> left_to_parent{nullptr};

    /// Ends the list of continuations once they have been told. An address no continuation can have.
    continuation* told() noexcept { return reinterpret_cast<continuation*>(this); }

    parking_word word_{phase_pending};
    std::atomic<std::uint32_t> references_;
    std::atomic<continuation*> continuations_{nullptr};
    const process_stamp process_;
    std::atomic<std::uint32_t> error_note_{0};
};

/// An owner of a future_core or a class derived from it.
template <class State>
class state_ref {
public:
    state_ref() = default;
    /// Takes over one reference that the caller owns.
    explicit state_ref(State* state) noexcept : state_(state) {}
    state_ref(state_ref&& other) noexcept : state_(std::exchange(other.state_, nullptr)) {}
    template <class Derived>
        requires std::is_convertible_v<Derived*, State*> state_ref(state_ref<Derived>&& other)
    noexcept : state_(other.detach()) {}
    state_ref& operator=(state_ref&& other) noexcept {
        state_ref(std::move(other)).swap(*this);
        return *this;
    }
    ~state_ref() {
        if (state_ != nullptr) state_->release();
    }

    /// A second owner of the same state.
    [[nodiscard]] state_ref share() const noexcept {
        if (state_ != nullptr) state_->acquire();
        return state_ref(state_);
    }
    void swap(state_ref& other) noexcept { std::swap(state_, other.state_); }
    [[nodiscard]] State* detach() noexcept { return std::exchange(state_, nullptr); }
    [[nodiscard]] State* get() const noexcept { return state_; }
    State* operator->() const noexcept { return state_; }
    State& operator*() const noexcept { return *state_; }
    explicit operator bool() const noexcept { return state_ != nullptr; }

private:
    State* state_ = nullptr;
};

/// The value of a `void` call.
struct unit {};
template <class R>
using stored = std::conditional_t<std::is_void_v<R>, unit, R>;

/// A future's state with its outcome: a value, an error, or neither (stopped).
template <class R>
class future_state : public future_core {
public:
    explicit future_state(std::uint32_t references) noexcept : future_core(references) {}

    /// Completes with a value; if it cannot be stored, with the exception that prevented it. The caller has claimed.
    template <class... Values>
    void set_value(Values&&... values) noexcept {
        emplace([&]() -> decltype(auto) { return stored<R>(std::forward<Values>(values)...); });
        publish();
    }
    void set_error(std::exception_ptr error) noexcept {
        error_ = std::move(error);
        this->note_error();
        publish();
    }
    void set_stopped() noexcept { publish(); }

    /// Where the outcome is, once done() is true.
    [[nodiscard]] std::optional<stored<R>>& value() noexcept { return value_; }
    [[nodiscard]] std::exception_ptr& error() noexcept { return error_; }

protected:
    ~future_state() override = default;

    /// Stores what `produce()` returns, or the exception it throws.
    template <class Produce>
    void emplace(Produce&& produce) noexcept {
        try {
            if constexpr (std::is_void_v<std::invoke_result_t<Produce>>) {
                produce();
                value_.emplace();
            } else {
                value_.emplace(produce());
            }
        } catch (...) {
            error_ = std::current_exception();
            this->note_error();
        }
    }

    void error_dropped(std::uint32_t pool) noexcept override {
        if (error_) report_dropped_error(std::exchange(error_, nullptr), this->description(), pool);
    }

private:
    std::optional<stored<R>> value_;
    std::exception_ptr error_;
};

/// A future's state that carries its call, for executors in this address space. Queue and future own it together;
/// whoever claims it first runs it.
template <class R, class F, class... Args>
class task_state : public future_state<R> {
public:
    template <class G, class... Given>
    task_state(std::uint32_t references, std::stop_token stop, G&& f, Given&&... args)
        : future_state<R>(references),
          stop_(std::move(stop)),
          call_(std::in_place, std::forward<G>(f), std::forward<Given>(args)...) {}

    /// Runs the call here, unless it runs or has run elsewhere, or was cancelled.
    void run() noexcept {
        if (this->claim()) run_claimed();
    }

    void help() noexcept override {
        if (this->may_run(task_home())) run();
    }

    bool try_cancel() noexcept override {
        if (!this->claim()) return false;
        stop_claimed();
        return true;
    }

    /// Completes with an error if nobody has begun it.
    void fail(std::exception_ptr error) noexcept {
        if (!this->claim()) return;
        call_.reset();
        this->set_error(std::move(error));
    }

protected:
    ~task_state() override = default;

    /// The second half of run(), for who has claimed.
    void run_claimed() noexcept {
        if (stop_.stop_requested()) return stop_claimed();
        {
            const task_scope running(nullptr, nullptr, this);
            this->emplace([this]() -> decltype(auto) {
                return std::apply(
                    [](F& f, Args&... args) -> decltype(auto) {
                        return detail::invoke(std::move(f), std::move(args)...);
                    },
                    *call_);
            });
        }
        call_.reset();  // before the future becomes ready: who waits for it may rely on the call being gone
        this->publish();
    }
    /// The second half of try_cancel(), for who has claimed.
    void stop_claimed() noexcept {
        call_.reset();
        this->set_stopped();
    }

private:
    std::stop_token stop_;
    std::optional<std::tuple<F, Args...>> call_;
};

}  // namespace yoke::detail
