// SPDX-License-Identifier: MIT
#pragma once

/// The shared half of a task and its future.
///
/// One 32-bit word carries the whole protocol:
///
///     bits 0-1  phase      pending -> claimed -> done, each step taken once
///     bit  2    sleepers   somebody is (or is about to be) parked on the word
///     bit  3    wanted     somebody who helps went on from here to what this future waits for
///     bits 4..  news       counts changes a sleeper should look at (see future_core::news)
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
/// Chains: a future may wait for others in turn (a coroutine, a `then`, a `when_all`), and these for others. Nothing that
/// goes along such a chain calls itself for the next link, so a chain of any length needs no stack:
/// - completion: a continuation that thereby completes a future does not publish it, but returns it, and `tell_all()`
///   publishes it next. Where the completion is the last thing that a call of other code does (a coroutine that is resumed,
///   an executor that runs the task at once), publish_later catches it there.
/// - help: `help()` keeps the way it went down in a list and goes on from there when what it ran is done.
/// - cancel: `try_cancel()` goes from link to link.
///
/// News: what a future waits for may become something that the waiter can run only later. Whoever changes that calls
/// `news()`. It wakes who sleeps on this word and, if the future is wanted, passes on to the continuations, which are the
/// states that wait for this one. Who helps marks a future as wanted before he looks at what it waits for; `news()`
/// takes the mark away again. So news go up a long chain once for each time that somebody has come down, and
/// not at all where nobody helps. Marking and counting are read-modify-writes of one word: if the mark comes first the news
/// see it and go up, and else who helps sees what the news are about (acquire of what they release). News that find no
/// mark were overtaken by others on the way up, which will let the waiter look again, and then he sees these, too.
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

#include <yoke/detail/base/config.hpp>
#include <yoke/detail/base/cpu_pause.hpp>
#include <yoke/detail/base/invoke.hpp>
#include <yoke/detail/future/block_cache.hpp>
#include <yoke/detail/future/blocked_wait.hpp>
#include <yoke/detail/future/continuation.hpp>
#include <yoke/detail/future/helping.hpp>
#include <yoke/detail/future/task_scope.hpp>
#include <yoke/detail/os/fork_detector.hpp>
#include <yoke/detail/sync/parking.hpp>
#include <yoke/dropped_error.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <optional>
#include <stop_token>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace yoke::detail {

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
    /// It is done and nobody else has the outcome any more: if there is an error that nobody has taken, it is dropped.
    void drop_error() noexcept {
        // relaxed: written before the future was done, or by an owner before it let go.
        const std::uint32_t error = error_note_.load(std::memory_order_relaxed);
        if ((error & (error_stored | error_unwanted)) == error_stored) error_dropped(error / error_of_pool);
    }
    /// If this ends with an error that nobody takes, nobody shall be told: the owner has it, or knows it to mean nothing.
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
    void help() noexcept {
        std::size_t step = 0;
        if (auto next = help_here(step); next && !next->done()) help_along(std::move(next), step);
    }
    /// Blocks, in another way than on the word, until there may be something new about an outcome that comes from elsewhere; false,
    /// without blocking, if this future has no such way, or not now.
    virtual bool await_elsewhere() noexcept { return false; }
    /// Claims the task so that it will not run and completes it as stopped; false if it runs or has run. Then does the same
    /// for those that nobody awaits any more because of that.
    bool try_cancel() noexcept {
        state_ref<future_core> next;
        if (!cancel_here(next)) return false;
        while (next) {
            const state_ref<future_core> here = std::move(next);
            if (!here->cancel_here(next)) break;
        }
        return true;
    }

    /// Blocks until done. If nobody has begun the awaited work, this thread runs it.
    void wait() noexcept {
        for (;;) {
            std::uint32_t seen = word_.load(std::memory_order_acquire);
            if ((seen & phase_mask) == phase_done) return;
            const bool refused = help_or_refuse();
            if (const std::uint32_t now = word_.load(std::memory_order_acquire); now == (seen | wanted))
                seen = now;
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
        for (state_ref<future_core> next = pass_news(); next;) {
            const state_ref<future_core> here = std::move(next);
            next = here->pass_news();
        }
    }

    /// Publishes it, if there is one: what a continuation has returned.
    static void publish(state_ref<future_core> due) noexcept {
        if (due) due->publish();
    }

protected:
    /// `references` owners share the new state.
    explicit future_core(std::uint32_t references) noexcept : references_(references) {}
    virtual ~future_core() = default;

    /// For help_here() of a task: `run()` it, which is false if somebody else has begun it, if this thread may.
    template <class Run>
    void help_or_look(Run run, task_home home) noexcept {
        if (may_run(home) && !run()) static_cast<void>(may_run(home));
    }
    /// For help(): true if this thread may run the task now. If somebody else runs it, helps with what that one waits for.
    [[nodiscard]] bool may_run(task_home home) noexcept {
        if (!begun() && home.admits_this_thread()) return true;
        want();  // before we look at what may come with news
        if (!begun()) {
            help_refused = true;
        } else if (!done()) {
            help_where_blocked(*this);
        }
        return false;
    }

    /// An error was stored, by this thread, in a task of the pool whose task it runs.
    void note_error() noexcept {
        drop_counter* const pool = counter_of_drops();
        // relaxed: read by the last owner.
        error_note_.fetch_or(error_stored | (pool != nullptr ? pool->number() * error_of_pool : 0),
                             std::memory_order_relaxed);
    }
    /// The error of `other` was stored here, too: of whatever pool's task it is.
    void note_error_of(const future_core& other) noexcept {
        error_note_.fetch_or((other.error_note_.load(std::memory_order_relaxed) & ~error_unwanted) |
                                 error_stored,
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
        if (publish_later::catches(this)) return;
        if (continuation* const waiting = end()) tell_all(waiting);
    }

    /// Runs, on this thread, what nobody has begun yet and needs no other future. Else returns what this one waits for, so
    /// that the caller goes on there and then comes back; null if there is nothing. `step` is 0 at first and the
    /// future's own, to remember how far the caller has come. One that may have news calls want() first.
    virtual state_ref<future_core> help_here(std::size_t&) noexcept { return {}; }
    /// try_cancel() for this future alone; when it is true, `next` is the one to go on with, if there is one.
    virtual bool cancel_here(state_ref<future_core>&) noexcept { return false; }

    /// From now on news go further than to who sleeps here.
    void want() noexcept {
        if ((word_.load(std::memory_order_acquire) & wanted) == 0)
            word_.fetch_or(wanted, std::memory_order_acq_rel);
    }

private:
    static constexpr std::uint32_t phase_pending = 0;
    static constexpr std::uint32_t phase_claimed = 1;
    static constexpr std::uint32_t phase_done = 2;
    static constexpr std::uint32_t phase_mask = 3;
    static constexpr std::uint32_t sleepers = 4;
    static constexpr std::uint32_t wanted = 8;
    static constexpr std::uint32_t one_news = 16;

    static constexpr std::uint32_t error_stored = 1;
    static constexpr std::uint32_t error_unwanted = 2;
    static constexpr std::uint32_t error_of_pool = 4;  // times the number of the pool, see drop_counter

    static constexpr int looks_until_claimed = 24;
    static constexpr int looks_until_done = 100;

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

    /// Goes on with help() at `next`, which this waits for; `step` is what help_here() has left there.
    YOKE_NOINLINE void help_along(state_ref<future_core> next, std::size_t step) noexcept {
        struct stop {
            state_ref<future_core> future;  // null: this one
            std::size_t step;
        };
        std::vector<stop> way;
        stop here{{}, step};
        state_ref<future_core> left;  // where we have come back from
        bool remembers = true;
        while (!done()) {
            if (next && next.get() != left.get() && !next->done()) {
                try {
                    way.push_back(std::move(here));
                } catch (...) {
                    remembers = false;  // no memory: we go on, but do not find back
                }
                here = {std::move(next), 0};
                left = {};
            } else if (here.future && remembers) {
                left = std::move(here.future);
                here = std::move(way.back());
                way.pop_back();
            } else if (here.future && here.future->done()) {
                way.clear();
                here = {{}, 0};
                left = {};
                remembers = true;
            } else {
                return;
            }
            next = (here.future ? here.future.get() : this)->help_here(here.step);
        }
    }

    /// The word says done, sleepers wake, and nobody can be added to the continuations, which are returned.
    [[nodiscard]] continuation* end() noexcept {
        if ((word_.exchange(phase_done, std::memory_order_acq_rel) & sleepers) != 0) unpark_all(word_);
        return continuations_.exchange(told(), std::memory_order_acq_rel);
    }

    /// Tells these, the last in the list first, that the future is done, and publishes what is done because of that, each
    /// with its continuations before the next. Each may be gone then.
    YOKE_NOINLINE static void tell_all(continuation* waiting) noexcept {
        // The thread that completes one pool's tasks must not wait for a place in another pool, whose thread waits for one
        // in this.
        const task_scope telling(&never_waits);
        continuation* in_order = reverse(waiting, nullptr);
        while (in_order != nullptr) {
            continuation* const first = std::exchange(in_order, in_order->next_);
            if (const state_ref<future_core> due = first->future_done())
                in_order = reverse(due->end(), in_order);
        }
    }
    /// The list turned round, in front of `rest`.
    [[nodiscard]] static continuation* reverse(continuation* list, continuation* rest) noexcept {
        while (list != nullptr) rest = std::exchange(list, std::exchange(list->next_, rest));
        return rest;
    }

    /// news() here; returns where they are to be passed on.
    [[nodiscard]] state_ref<future_core> pass_news() noexcept {
        state_ref<future_core> next;
        std::uint32_t seen = word_.load(std::memory_order_relaxed);
        while (!word_.compare_exchange_weak(seen, (seen & ~wanted) + one_news, std::memory_order_seq_cst)) {}
        if ((seen & sleepers) != 0) unpark_all(word_);
        if ((seen & wanted) == 0) return next;
        std::uint32_t count = seen + one_news;
        while (continuation* const waiting = take_continuations()) {
            for (continuation* each = waiting; each != nullptr; each = each->next_) {
                state_ref<future_core> behind = each->future_news();
                if (next && behind && next.get() != behind.get()) next->news();  // several wait for one: rare
                if (behind) next = std::move(behind);
            }
            put_back(waiting);
            const std::uint32_t now = word_.load(std::memory_order_seq_cst);
            if ((now ^ count) < one_news) return next;
            count = now;
        }
        return next;
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
    /// Takes over the error of a future that failed. If it is dropped in the end, its own pool counts it.
    template <class Other>
    void hand_on_error(Other& failed) noexcept {
        error_ = std::exchange(failed.error(), nullptr);
        this->note_error_of(failed);
        publish();
    }

    /// True if it is done without value or error.
    [[nodiscard]] bool stopped() const noexcept { return this->done() && !value_ && !error_; }

    /// Where the outcome is, once done() is true.
    [[nodiscard]] std::optional<stored<R>>& value() noexcept { return value_; }
    [[nodiscard]] std::exception_ptr& error() noexcept { return error_; }

protected:
    ~future_state() override = default;

    void store_error(std::exception_ptr error) noexcept {
        error_ = std::move(error);
        this->note_error();
    }
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

    /// Runs the call here; false if it runs or has run elsewhere, or was cancelled.
    bool run() noexcept {
        if (!this->claim()) return false;
        run_claimed();
        return true;
    }

    /// Completes without having been called, as the future before it has ended, if nobody has begun it.
    template <class Other>
    void end_as(Other& before) noexcept {
        if (!this->claim()) return;
        call_.reset();
        before.error() ? this->hand_on_error(before) : this->set_stopped();
    }

    /// Completes with an error if nobody has begun it.
    void fail(std::exception_ptr error) noexcept {
        if (!this->claim()) return;
        call_.reset();
        this->set_error(std::move(error));
    }

protected:
    ~task_state() override = default;

    state_ref<future_core> help_here(std::size_t&) noexcept override {
        this->help_or_look([this] { return run(); }, task_home());
        return {};
    }
    bool cancel_here(state_ref<future_core>&) noexcept override {
        if (!this->claim()) return false;
        stop_claimed();
        return true;
    }

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
    /// The second half of cancel_here(), for who has claimed.
    void stop_claimed() noexcept {
        call_.reset();
        this->set_stopped();
    }

private:
    std::stop_token stop_;
    std::optional<std::tuple<F, Args...>> call_;
};

}  // namespace yoke::detail
