// SPDX-License-Identifier: MIT
#pragma once

/// Fork and join on the threads of a pool: two calls that may run at the same time.
///
/// `both(f, g)` pushes the second call, *a job* that lies on the caller's own stack, to the worker's deque of
/// jobs, makes the first call, and takes the job back. Most often it is still there: then the second call is made
/// right here, directly. If an idle worker has stolen it, the caller waits for it. Nothing is allocated.
///
/// **Strict nesting.** Jobs have deques of their own, apart from the tasks'. A job is taken back before `both`
/// returns, so at any time the deque holds the jobs of the calls on this worker's stack, the outermost on top. From
/// this follow three facts:
/// 1. The youngest job in the deque is the caller's own: taking it back needs to answer only yes or no.
/// 2. Thieves take the top first, so when a job was stolen all older ones were: a worker that waits in `both`, and
///    one that begins a stolen job, have an empty deque.
/// 3. Therefore all jobs in a thief's deque, while it runs a stolen job, were forked by that job or by what it called:
///    they are *descendants* of it.
///
/// **Waiting** for a stolen job, a worker helps: it steals from the thief's deque, and from nowhere else, as long as
/// the stolen job has not ended (leapfrogging: Wagner and Calder, "Leapfrogging: a portable technique for
/// implementing efficient futures", PPoPP 1993). What it takes is, by fact 3, a part of what it waits for. So nothing
/// unrelated ever runs on top of the caller's stack and the locks it holds, and there is no deadlock: whoever waits
/// does so for a job further from the root. But the thief may end the job, begin another and fork again between two
/// steps of the waiter's theft. So the waiter makes sure that the job has not ended after it has seen the job it
/// wants to steal, and before it moves the deque's top: a later, unrelated one was pushed after the end of the job
/// and cannot be seen without it; and a descendant that is still in the deque, so that the top can be moved past it,
/// keeps the job from ending.
///
/// If there is nothing to help with, the worker sleeps on a bell of its own. It is rung by the thief when the job has
/// ended, if the job's word says that somebody sleeps, and, if the waiter has left its number with the thief
/// (`calls_`), when the thief forks again. There is room for one number. A thief that helps
/// another one can have two waiters: the second displaces the first, and rings its bell when it wakes itself.
///
/// **In a child** made by fork() there is nobody else: what this thread forks it takes back itself, and waiting for a
/// job that was stolen before throws `forked`.
///
/// **Lifetime.** A job is gone as soon as its word says `ended` and the forker sees it. So that exchange is the
/// thief's last access to the job; the bell it then rings belongs to the pool.
///
/// **Memory orders.** A job is published by the push and seen by the thief's steal (release and acquire of the
/// deque's bottom). Its outcome is written before the exchange to `ended` (release) and read after a load that
/// sees it (acquire). Two pairs are of the kind "store mine, load the other's": a fork (push; look for sleepers)
/// against a worker that goes to sleep (announce it; look at the deques), and a fork (push; look at `calls_`) against
/// a waiter (leave the number there; look at the thief's deque). In both the fork's side uses the light barrier
/// of the push and the other the heavy one.
///
/// **A worker that goes to sleep** needs the heavy barrier only if there was a fork since the last one. So it first
/// makes all workers *quiet*, a bit in `calls_`, and issues the barrier only if one of them was not. A fork on a
/// quiet worker clears the bit by a read-modify-write, between the push and a (second) look at the sleepers. Let J be
/// a job, pushed by F, which saw no reason to call somebody, and S a worker that then announces its sleep and finds
/// all quiet.
/// - F saw the bit and cleared it: that came before its look at the sleepers, hence before S's announcement and S's
/// look
///   at the bit. So some R has set it since, whose barrier and look at the deques came, or will come, after J's push.
/// - F did not see the bit, and S did: so some R set it after F had looked for it, and issued its barrier later. In
/// both cases R sees J, if it is still there. Then R clears the bit again, and is itself about to search for J, or to
/// wake somebody who does; if it finds a task instead, it looks once more. tests/model/fork_quiet.pml checks this.
///
/// What is `seldom_forked` the owner pushes and takes back with barriers of its own, so that a thief needs none for it.
/// A fork that comes in the very moment in which a searching worker finds other work may go unnoticed by those who
/// sleep. No work depends on that, for the forker does what nobody takes, and its next fork, or `wants_forks()`, looks
/// again.
/// tests/model/fork_join.pml checks how a waiter sleeps and is rung.
///
/// **Tasks that only some threads may run**: a stolen job is *lent work* (see blocked_wait.hpp). The forker says in the
/// job's word that it waits before it sleeps or steals, so that costs nothing where nothing was stolen. From then on
/// the stack of who runs the job goes on at the forker's; what the thief was in before, a wait for an outer job or
/// nothing, is further out on that one.

#include <yoke/detail/base/call_results.hpp>
#include <yoke/detail/base/config.hpp>
#include <yoke/detail/base/cpu_pause.hpp>
#include <yoke/detail/base/function_ref.hpp>
#include <yoke/detail/base/stable_array.hpp>
#include <yoke/detail/base/test_point.hpp>
#include <yoke/detail/future/blocked_wait.hpp>
#include <yoke/detail/future/state.hpp>
#include <yoke/detail/future/task_scope.hpp>
#include <yoke/detail/os/fork_detector.hpp>
#include <yoke/detail/sync/asymmetric_barrier.hpp>
#include <yoke/detail/sync/parking.hpp>
#include <yoke/error.hpp>
#include <yoke/executor/thread/call_errors.hpp>
#include <yoke/executor/thread/eventcount.hpp>
#include <yoke/executor/thread/work_stealing_deque.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <new>
#include <type_traits>
#include <utility>

namespace yoke::detail {

/// Calls that are worth a theft when they are forked, and so are not forked often: a fork may cost 20 ns if that
/// makes the theft cheaper. That is so for what the loops and sort fork, which is handed over by a function_ref.
template <class F>
inline constexpr bool seldom_forked =
    std::is_same_v<F, const function_ref> || std::is_same_v<F, function_ref>;

class fork_worker;

/// A forked call as its thief sees it.
class fork_job {
public:
    using function = void (*)(fork_job&) noexcept;

    explicit fork_job(function call) noexcept : call_(call) {}
    fork_job(const fork_job&) = delete;
    fork_job& operator=(const fork_job&) = delete;

private:
    friend class fork_worker;

    // The word: not stolen, or stolen by worker number bits 3.., or ended; whether the forker sleeps; and whether it
    // has come to where it waits, and `waiting_` says so.
    static constexpr std::uint32_t sleeps = 1;
    static constexpr std::uint32_t ended = 2;
    static constexpr std::uint32_t awaited = 4;
    static constexpr std::uint32_t one_thief = 8;

    function call_;
    parking_word word_{0};
    const task_scope* waiting_;  // the forker's innermost task
};

/// A job that calls `f`, with room for what comes of it if it is stolen.
template <class F>
class forked_call final : public fork_job {
public:
    explicit forked_call(F& f) noexcept : fork_job(&run), f_(f) {}
    ~forked_call() {}  // a member of a union: see take() and drop()

    /// The outcome of a job that has ended. Once.
    fork_value<F> take() {
        if (failed_) {
            const std::exception_ptr error = take_error();
            std::rethrow_exception(error);
        }
        const end_of_value end{value_};
        return std::move(value_);
    }
    /// Lets the outcome go, and returns the exception if it is one.
    std::exception_ptr drop() noexcept {
        if (failed_) return take_error();
        const end_of_value end{value_};
        return nullptr;
    }

private:
    struct end_of_value {
        fork_value<F>& value;
        ~end_of_value() { std::destroy_at(&value); }
    };

    static void run(fork_job& job) noexcept {
        auto& self = static_cast<forked_call&>(job);
        try {
            ::new (static_cast<void*>(&self.value_)) fork_value<F>(call_forked(self.f_));
            self.failed_ = false;
        } catch (...) {
            ::new (static_cast<void*>(&self.error_)) std::exception_ptr(std::current_exception());
            self.failed_ = true;
        }
    }

    std::exception_ptr take_error() noexcept {
        std::exception_ptr taken = std::move(error_);
        std::destroy_at(&error_);
        return taken;
    }

    F& f_;
    union {
        fork_value<F> value_;
        std::exception_ptr error_;
    };
    bool failed_;
};

/// How a pool's workers meet: who they are, where they sleep, and how one is called.
class fork_crew;

/// One worker's part in fork and join.
class alignas(64) fork_worker {
public:
    /// `number` is from 1 on and says how the crew finds it.
    fork_worker(fork_crew& crew, std::size_t number) noexcept
        : crew_(crew), number_(static_cast<std::uint32_t>(number)) {}

    [[nodiscard]] fork_crew& crew() const noexcept { return crew_; }

    /// Calls f and g, perhaps at the same time, g perhaps on another thread. If one throws, its exception is thrown
    /// when both have settled; g is not called any more if f has thrown before it was begun. If both throw,
    /// task_errors. Only by the worker itself.
    template <class F, class G>
    std::pair<fork_value<F>, fork_value<G>> both(F& f, G& g) {
        forked_call<G> job(g);
        if (!fork<seldom_forked<G>>(job)) [[unlikely]] {
            fork_value<F> first = call_forked(f);
            return {std::move(first), call_forked(g)};
        }
        fork_value<F> first = call_or_settle(f, job);
        if (take_back<seldom_forked<G>>()) [[likely]]
            return {std::move(first), call_forked(g)};
        if (!join(job)) throw forked();
        fork_value<G> second = job.take();  // before anything else may throw, as it must be taken once
        return {std::move(first), std::move(second)};
    }

    /// True if nothing this worker has forked waits to be stolen, so that a further fork may find a thief.
    [[nodiscard]] bool wants_forks() noexcept {
        if (jobs_.empty()) return true;
        look_for_idle();
        return false;
    }

    // For the crew.

    [[nodiscard]] bool has_jobs() const noexcept { return !jobs_.empty(); }
    /// Makes the worker quiet; false if it was. To be followed by a heavy barrier and a look at its jobs.
    [[nodiscard]] bool make_quiet() noexcept {
        return (calls_.load(std::memory_order_seq_cst) & quiet) == 0 &&
               (calls_.fetch_or(quiet, std::memory_order_seq_cst) & quiet) == 0;
    }
    void end_quiet() noexcept { calls_.fetch_and(~quiet, std::memory_order_seq_cst); }
    [[nodiscard]] fork_job* steal() noexcept { return jobs_.steal(); }

    /// Runs a job stolen from `forker`. Only by the worker itself.
    void run(fork_job& job, fork_worker& forker) noexcept {
        // RMWs, as the forker may set `sleeps` at any time. acq_rel is stronger than needed for the first.
        if ((job.word_.exchange(number_ * fork_job::one_thief, std::memory_order_acq_rel) &
             fork_job::sleeps) != 0)
            forker.ring();
        {
            stolen_call lent(job, forker);
            const task_scope running(&job, lent);
            job.call_(job);
        }
        if ((job.word_.exchange(fork_job::ended, std::memory_order_acq_rel) & fork_job::sleeps) != 0)
            forker.ring();
    }

private:
    /// A stolen job, as who looks for those that wait sees it.
    class stolen_call final : public lent_work {
    public:
        stolen_call(const fork_job& job, fork_worker& forker) noexcept : job_(job), forker_(forker) {}

        [[nodiscard]] const task_scope* waiter() const noexcept override {
            // seq_cst: see blocked_wait.hpp; and acquire for `waiting_`.
            return (job_.word_.load(std::memory_order_seq_cst) & fork_job::awaited) != 0 ? job_.waiting_
                                                                                         : nullptr;
        }
        void wake_waiter() noexcept override {
            if (waiter() != nullptr) forker_.ring();
        }
        /// A thread that waits for a job steals only parts of that.
        [[nodiscard]] bool nests() const noexcept override { return true; }

    private:
        const fork_job& job_;
        fork_worker& forker_;
    };

    static constexpr std::size_t most_jobs = 256;

    /// Pushes the job and calls somebody who has nothing to do; false if the deque is full.
    template <bool Seldom>
    [[nodiscard]] bool fork(fork_job& job) noexcept {
        if (!jobs_.asymmetric()) [[unlikely]]
            begin();
        if (!(Seldom ? jobs_.push_fenced(&job) : jobs_.push(&job))) [[unlikely]]
            return false;
        look_for_idle();
        return true;
    }
    template <bool Seldom>
    [[nodiscard]] bool take_back() noexcept {
        return Seldom ? jobs_.take_back_fenced() : jobs_.take_back();
    }
    inline void look_for_idle() noexcept;
    void call_idle() noexcept;
    void begin() noexcept;

    /// Calls f; if it throws, the job is settled before the exception goes on.
    template <class F, class G>
    fork_value<F> call_or_settle(F& f, forked_call<G>& job) {
        try {
            return call_forked(f);
        } catch (...) {
            if (!take_back<seldom_forked<G>>() && join(job)) {
                if (std::exception_ptr second = job.drop())
                    throw_both(std::current_exception(), std::move(second));
            }
            throw;
        }
    }

    /// Returns when the stolen job has ended. Helps, or sleeps. False in a child made by fork() since: there is no
    /// thief that could end it.
    [[nodiscard]] bool join(fork_job& job) noexcept;
    /// From now on the stolen job's `waiting_` is known. The caller has written it.
    static void say_awaited(fork_job& job) noexcept {
        // seq_cst: see blocked_wait.hpp.
        job.word_.fetch_or(fork_job::awaited, std::memory_order_seq_cst);
        if (all_blocked.any()) tell_waiters<future_core>();
    }

    /// The next fork calls worker `number`, or nobody if that is 0. Returns who would have been called; if `only_if` is
    /// not 0 and that is another one, nothing changes.
    std::uint32_t call_for(std::uint32_t number, std::uint32_t only_if) noexcept {
        std::uint32_t seen = calls_.load(std::memory_order_relaxed);
        do {
            if (only_if != 0 && (seen & ~quiet) != only_if) break;
        } while (!calls_.compare_exchange_weak(seen, (seen & quiet) | number, std::memory_order_seq_cst));
        return seen & ~quiet;
    }

    void ring() noexcept {
        bell_.fetch_add(1, std::memory_order_release);
        unpark_one(bell_);
    }

    fork_crew& crew_;
    const std::uint32_t number_;  // not 0, which is nobody
    parking_word bell_{0};
    /// What the next fork has to see to, most often nothing: the number of a worker that waits for a job which this one
    /// runs, and wants to be told when it forks; and whether this worker is quiet.
    static constexpr std::uint32_t quiet = std::uint32_t{1} << 31;
    std::atomic<std::uint32_t> calls_{quiet};
    bool begun_ = false;
    work_stealing_deque<fork_job, most_jobs> jobs_;
};

/// Which crew's worker this thread is.
YOKE_SHARED_STATE inline thread_local fork_worker* this_forker = nullptr;

class fork_crew {
public:
    /// How many threads from outside may take part at a time.
    static constexpr std::size_t most_guests = 4;
    /// A worker that waits for a job looks so often for another before it sleeps: for some 10 us, which is less than
    /// a sleep and a wake take.
    static constexpr int looks_before_sleep = 200;

    /// A crew without workers. `sleep` is where the workers of the pool sleep; `call(pool)` wakes or starts one.
    fork_crew(eventcount& sleep, void (*call)(void*) noexcept, void* pool) noexcept
        : sleep_(sleep), call_(call), pool_(pool) {
        // Later, with threads there, it would be dear.
        if (asymmetric_barrier_is_cheap_to_enable()) static_cast<void>(enable_asymmetric_barrier());
    }

    /// Makes sure that there are so many workers. One thread at a time; throws std::bad_alloc.
    void add_workers(std::size_t count) {
        while (workers_.size() < count) workers_.add(*this, 2 * workers_.size() + 1);
    }

    /// The calling thread becomes, or ends being, the worker `index` of this crew.
    void enter(std::size_t index) noexcept { this_forker = &workers_[index]; }
    static void leave() noexcept { this_forker = nullptr; }

    /// Makes the calling thread, which is no worker, one for as long as the object lives, if there is a place.
    class guest {
    public:
        explicit guest(fork_crew& crew) noexcept : crew_(crew), before_(this_forker) {
            const std::lock_guard lock(crew.changing_);
            while (place_ != most_guests && crew.taken_[place_]) ++place_;
            if (place_ == most_guests) return;
            try {
                if (place_ == crew.guests_.size()) crew.guests_.add(crew, 2 * place_ + 2);
            } catch (...) {  // no memory: no place
                place_ = most_guests;
                return;
            }
            crew.taken_[place_] = true;
            crew.present_.fetch_add(1, std::memory_order_relaxed);
            this_forker = &crew.guests_[place_];
        }
        guest(const guest&) = delete;
        guest& operator=(const guest&) = delete;
        ~guest() {
            if (place_ == most_guests) return;
            this_forker = before_;
            const std::lock_guard lock(crew_.changing_);
            crew_.taken_[place_] = false;
            crew_.present_.fetch_sub(1, std::memory_order_relaxed);
        }

    private:
        fork_crew& crew_;
        fork_worker* const before_;
        std::size_t place_ = 0;
    };

    /// The calling thread as a worker of this crew, or null.
    [[nodiscard]] fork_worker* here() const noexcept {
        fork_worker* const me = this_forker;
        return me != nullptr && &me->crew() == this ? me : nullptr;
    }

    /// Steals a job from somebody and runs it on this worker. False if none was found. `found()` is called before the
    /// job is run.
    template <class Found>
    bool run_one(std::size_t self, Found found) noexcept {
        if (!in_use()) return false;
        const auto run_one_of = [&](fork_worker& forker) noexcept {
            fork_job* const job = forker.steal();
            if (job == nullptr) return false;
            found();
            workers_[self].run(*job, forker);
            return true;
        };
        const std::size_t guests = guests_.size();
        for (std::size_t i = 0; i != guests; ++i) {
            if (run_one_of(guests_[i])) return true;
        }
        const std::size_t workers = workers_.size();
        for (std::size_t i = 1; i != workers; ++i) {
            if (run_one_of(workers_[(self + i) % workers])) return true;
        }
        return false;
    }

    /// True if a worker should be called to steal: nobody is searching, and more have nothing to do than guests take
    /// part. So a guest takes the place of a worker, and no more threads are at work than the pool has.
    [[nodiscard]] bool wants_worker() const noexcept {
        return sleep_.wants_wake(present_.load(std::memory_order_relaxed));
    }

    /// True if nothing waits to be stolen, or another worker has found that out, or is about to, see above. For
    /// workers that have announced that they will sleep, or have ended their search. If it is false, the caller
    /// searches, or wakes somebody.
    [[nodiscard]] bool empty() noexcept {
        if (!in_use()) return true;
        if (asymmetric()) {
            bool forked_since = false;
            for_each_worker(
                [&](fork_worker& each) noexcept { forked_since = each.make_quiet() || forked_since; });
            // Without a barrier there is no theft either.
            if (!forked_since || !heavy_barrier()) return true;
        }
        bool none = true;
        for_each_worker([&](fork_worker& each) noexcept {
            if (!each.has_jobs()) return;
            each.end_quiet();
            none = false;
        });
        return none;
    }

private:
    friend class fork_worker;

    enum class barrier { undecided, sequential, asymmetric };

    template <class F>
    void for_each_worker(F f) noexcept {
        const auto call_for = [&](stable_array<fork_worker>& all) noexcept {
            const std::size_t size = all.size();
            for (std::size_t i = 0; i != size; ++i) f(all[i]);
        };
        call_for(guests_);
        call_for(workers_);
    }
    [[nodiscard]] fork_worker& by_number(std::uint32_t number) const noexcept {
        return number % 2 == 1 ? workers_[number / 2] : guests_[number / 2 - 1];
    }

    /// False until the first fork. seq_cst, as is the decision: a worker that announces its sleep and then reads
    /// `undecided` did so before anybody's first fork, which sees the announcement.
    [[nodiscard]] bool in_use() const noexcept {
        return barrier_.load(std::memory_order_seq_cst) != barrier::undecided;
    }
    [[nodiscard]] bool asymmetric() const noexcept {
        return barrier_.load(std::memory_order_seq_cst) == barrier::asymmetric;
    }
    /// Chooses the barrier at the first fork; returns asymmetric().
    [[nodiscard]] bool decide() noexcept {
        const std::lock_guard lock(changing_);
        if (!in_use()) {
            barrier_.exchange(enable_asymmetric_barrier() ? barrier::asymmetric : barrier::sequential,
                              std::memory_order_seq_cst);
        }
        return asymmetric();
    }

    eventcount& sleep_;
    void (*const call_)(void*) noexcept;
    void* const pool_;
    const fork_watch process_;
    stable_array<fork_worker> workers_;
    stable_array<fork_worker> guests_;
    std::atomic<std::size_t> present_{0};  // guests
    std::atomic<barrier> barrier_{barrier::undecided};
    std::mutex changing_;  // guests, and the barrier
    bool taken_[most_guests] = {};
};

/// Pairs of calls on the worker that this thread is (see invoke_all in detail/base/call_results.hpp).
struct on_this_worker {
    template <class F, class G>
    static std::pair<fork_value<F>, fork_value<G>> both(F& f, G& g) {
        return this_forker->both(f, g);
    }
};

inline void fork_worker::begin() noexcept {
    if (begun_) return;
    begun_ = true;
    if (crew_.decide()) jobs_.make_asymmetric();
}

inline void fork_worker::look_for_idle() noexcept {
    // seq_cst: see above; the barrier between the push and these loads is the push's.
    if (crew_.wants_worker() || calls_.load(std::memory_order_seq_cst) != 0) [[unlikely]]
        call_idle();
}

inline void fork_worker::call_idle() noexcept {
    if (crew_.process_.forked()) return;
    // seq_cst: if this worker was quiet, the push comes before, and the look at the sleepers behind.
    if (const std::uint32_t waiter = calls_.exchange(0, std::memory_order_seq_cst) & ~quiet)
        crew_.by_number(waiter).ring();
    if (crew_.wants_worker()) crew_.call_(crew_.pool_);
}

inline bool fork_worker::join(fork_job& job) noexcept {
    job.waiting_ = innermost_task;
    for (int looks = 0;; ++looks) {
        // acquire: what the job wrote.
        const std::uint32_t seen = job.word_.load(std::memory_order_acquire);
        if ((seen & fork_job::ended) != 0) return true;
        if (crew_.process_.forked()) return false;
        fork_worker* const thief =
            seen < fork_job::one_thief ? nullptr : &crew_.by_number(seen / fork_job::one_thief);
        if (thief != nullptr) {
            const auto not_ended = [&job]() noexcept {
                return (job.word_.load(std::memory_order_acquire) & fork_job::ended) == 0;
            };
            if (fork_job* const part = thief->jobs_.steal_if(not_ended)) {
                if ((seen & fork_job::awaited) == 0) say_awaited(job);
                run(*part, *thief);
                looks = 0;
                continue;
            }
        }
        if (looks < fork_crew::looks_before_sleep) {
            cpu_pause();
            continue;
        }
        looks = 0;
        // The bell is read before the word is marked: whoever sees the mark rings it later.
        const std::uint32_t bell = bell_.load(std::memory_order_acquire);
        const std::uint32_t marked = job.word_.fetch_or(fork_job::sleeps, std::memory_order_acq_rel);
        YOKE_TEST_POINT("job marked");
        if ((marked & fork_job::ended) != 0) return true;
        if (marked / fork_job::one_thief != seen / fork_job::one_thief) continue;  // its thief is known now
        if (thief == nullptr) {
            park(bell_, bell);
            continue;
        }
        if ((marked & fork_job::awaited) == 0) say_awaited(job);
        // Who makes a note after this rings the bell, which we have read before.
        help_with_lent<future_core>(&job);
        const std::uint32_t before = thief->call_for(number_, 0);
        const bool ordered = !jobs_.asymmetric() || heavy_barrier();
        if (!ordered || !thief->has_jobs()) park(bell_, bell);
        thief->call_for(0, number_);
        // Whom we displaced has not been called since: it looks for itself.
        if (before != 0 && before != number_) crew_.by_number(before).ring();
    }
}

}  // namespace yoke::detail
