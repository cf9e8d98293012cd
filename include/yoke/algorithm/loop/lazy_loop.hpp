// SPDX-License-Identifier: MIT
#pragma once

/// A loop over numbered items on an executor that forks (fork_join_executor): for map, for_each, reduce and those who
/// write the like.
///
/// **Splitting.** A worker goes through its part of the range in *blocks*. After each it looks whether anything it
/// has forked still waits for a thief. If not - somebody took it, so somebody was idle - it forks the upper half of
/// what is left, unless that is too little to be worth a theft. (Lazy binary splitting: Tzannes, Caragea, Barua and
/// Vishkin, PPoPP 2010.) So a loop is split as often as workers become idle, and a loop whose items differ wildly
/// still ends everywhere at about the same time. A part of few items of which each is known to be worth a theft is
/// split down to single items at once. (Of few, as one item seems to be long when its thread was interrupted.)
///
/// **Up to four items a thread** may be four long calls a thread, and are often written as such. So they are offered
/// before anything is known: a half, a quarter, an eighth, and so on, and then the first is done. That costs one wake
/// and log2(n) forks. What the first item takes decides how the thread goes on with what nobody has stolen meanwhile.
/// Of more items the first is done alone; should it be long, that makes the loop longer by a quarter at most.
///
/// **Blocks** take about half a microsecond: little enough that a part is split soon after somebody wants some, much
/// more than the look costs. The number of items that take so long is measured as the loop goes. A block is at most
/// four times as large as the one before, as one cheap item says little. At the beginning each block is followed by a
/// look at the clock, until a microsecond has been measured; from then on every sixteenth is. The last item of the loop is
/// followed by none: nothing is left to decide, and in a loop of few items the looks are most of what it costs.
///
/// **Callers from outside** begin alone. Only when what is left is measured to be worth waking a worker do they take
/// part in the pool's work, as one more worker; so a short loop costs hardly more than a plain one. A pool of one
/// thread is handed what is left instead, so that no two threads ever call the body at the same time; and one whose
/// threads were initialized is handed everything.
///
/// **Errors.** After an item has failed, blocks behind it are not begun, those before it run. When all has settled, the
/// error of the first failed item in the order of the range is thrown; the others are dropped (dropped_error.hpp).

#include <yoke/algorithm/map_options.hpp>  // for failed_items
#include <yoke/detail/base/function_ref.hpp>
#include <yoke/detail/future/error_aside.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace yoke::detail {

/// Calls `f`: here, or on a thread of `ex` if that leaves all calls to its own threads. Throws what `f` throws, and
/// pool_closed, cancelled and the like.
template <class Executor, class F>
void call_where_admitted(Executor& ex, const F& f) {
    if (!ex.forks_here()) {
        ex.require_open();
        if (!ex.admits_callers()) return ex.invoke(function_ref(f));
    }
    f();
}

/// How many items a block has, by what they have cost so far. For one thread.
template <class Clock>
class loop_pace {
public:
    static constexpr std::int64_t block_ns = 500;
    static constexpr std::int64_t worth_a_theft_ns = 10'000;
    static constexpr std::int64_t worth_a_wake_ns = 20'000;

    /// Time counts from now on; what was learned stays.
    void start() noexcept {
        since_ = Clock::now();
        items_ = 0;
        blocks_ = 0;
    }

    [[nodiscard]] std::size_t block() const noexcept { return block_; }

    /// A block of so many items was done.
    void count(std::size_t items) noexcept {
        tried_ = true;
        items_ += items;
        if (++blocks_ >= blocks_a_look_) look();
    }

    /// False as long as nothing was done.
    [[nodiscard]] bool tried() const noexcept { return tried_; }
    /// True if so many items are known to take longer than `ns`.
    [[nodiscard]] bool more_than(std::size_t items, std::int64_t ns) const noexcept {
        return static_cast<double>(items) * ns_per_item_ > static_cast<double>(ns);
    }

private:
    static constexpr std::int64_t shortest_measured_ns = 1000;  // the clock itself takes some 30
    static constexpr std::size_t growth = 4;
    static constexpr unsigned blocks_a_look = 16;

    void look() noexcept {
        const auto now = Clock::now();
        const auto took = std::chrono::duration_cast<std::chrono::nanoseconds>(now - since_).count();
        const double cost = static_cast<double>(took) / static_cast<double>(items_);
        const double wish = static_cast<double>(block_ns) / (cost > 1e-3 ? cost : 1e-3);
        const std::size_t most = block_ * growth;
        block_ = wish >= static_cast<double>(most) ? most : wish < 1 ? 1 : static_cast<std::size_t>(wish);
        blocks_ = 0;
        if (took < shortest_measured_ns)
            return;  // too little to tell: the next look measures it again, and more
        ns_per_item_ = cost;
        blocks_a_look_ = blocks_a_look;
        since_ = now;
        items_ = 0;
    }

    typename Clock::time_point since_;
    std::size_t items_ = 0;  // done since then
    unsigned blocks_ = 0;    // done since then
    unsigned blocks_a_look_ = 1;
    std::size_t block_ = 1;
    bool tried_ = false;
    double ns_per_item_ = 0;  // 0: too little was done to tell
};

/// The first item that failed, in the order of the range, among all that did.
class first_failure {
public:
    /// True if the item need not be begun any more.
    [[nodiscard]] bool before(std::size_t item) const noexcept {
        return item_.load(std::memory_order_relaxed) <= item;
    }
    [[nodiscard]] bool any() const noexcept { return before(none - 1); }
    /// Of two errors the one of the later item is dropped.
    void add(std::size_t item, std::exception_ptr error) noexcept {
        {
            const std::lock_guard lock(mutex_);
            if (!before(item)) {
                item_.store(item, std::memory_order_relaxed);
                error_.swap(error);
            }
        }
        leave_error_aside(std::move(error), "a loop of which an earlier item has failed");
    }
    /// When all has settled. The item is added to `failed`, if that is not null.
    void rethrow_if_any(std::vector<failed_items>* failed) {
        if (!error_) return;
        if (failed != nullptr) failed->push_back({item_.load(std::memory_order_relaxed), 1, error_});
        std::rethrow_exception(std::move(error_));
    }

private:
    static constexpr std::size_t none = static_cast<std::size_t>(-1);

    std::atomic<std::size_t> item_{none};
    std::mutex mutex_;
    std::exception_ptr error_;
};

/// Adds to `at`, when its scope is left by whatever way, how far an iterator has come by then. Of calls that cannot throw
/// the compiler makes one addition behind the loop.
template <class Iterator>
class progress_of {
public:
    progress_of(std::size_t& at, const Iterator& now) : at_(at), now_(now), start_(now) {}
    ~progress_of() { at_ += static_cast<std::size_t>(now_ - start_); }
    progress_of(const progress_of&) = delete;
    progress_of& operator=(const progress_of&) = delete;

private:
    std::size_t& at_;
    const Iterator& now_;
    const Iterator start_;
};

/// The loop. `Work` has
///
///     value                            what comes of some neighbouring items; a default-made one of none
///     run(value& so_far, at, to)       does the items [at, to), not empty, and adds what comes of them at the right; `at`
///                                      is `to` afterwards, or the item that failed if it throws
///     join(value& left, value&& right) adds at the right
///
/// All decisions depend on `Clock` and on who is idle; a test has a clock of its own. What the executor is handed has
/// one type for all loops: what it makes of that is compiled once, not for each loop of a program.
template <class Executor, class Work, class Clock = std::chrono::steady_clock>
class lazy_loop {
    using value = typename Work::value;
    using pace = loop_pace<Clock>;

public:
    /// An item that fails is added to `failed`, if that is not null.
    lazy_loop(Executor& ex, Work& work, std::vector<failed_items>* failed = nullptr) noexcept
        : ex_(ex),
          work_(work),
          failed_(failed),
          at_once_(ex.concurrency() == 1 ? 0 : at_once_per_thread * ex.concurrency()),
          few_(few_per_thread * ex.concurrency()) {}

    /// Does `items` items. Throws what the first failed item threw, or pool_closed, cancelled and the like.
    value run(std::size_t items) {
        value all{};
        end_ = items;
        call_where_admitted(ex_, [&] { run_here(all, items); });
        return all;
    }

private:
    void run_here(value& all, std::size_t items) {
        pace learned;
        std::size_t at = 0;
        if (items > at_once_ || items == 1) at = begin(all, items, learned);
        if (at != items && !failure_.before(at)) {
            const auto rest = [&] { part(all, at, items, learned); };
            if (ex_.concurrency() == 1) {
                ex_.invoke(function_ref(rest));
            } else {
                ex_.take_part(function_ref(rest));
            }
        }
        failure_.rethrow_if_any(failed_);
    }

    static constexpr std::size_t at_once_per_thread = 4;
    static constexpr std::size_t few_per_thread = 64;

    /// Goes ahead alone until it is known that it would be better not to. Returns how far that was.
    std::size_t begin(value& all, std::size_t end, pace& learned) noexcept {
        const std::int64_t worth_it = ex_.forks_here() ? pace::worth_a_theft_ns : pace::worth_a_wake_ns;
        std::size_t at = 0;
        learned.start();
        while (at != end) {
            if (!run_block(all, at, end, learned)) return end;
            if (learned.more_than(end - at, worth_it)) break;
        }
        return at;
    }

    /// Does [at, end), on a worker, sharing it with whoever is idle, and adds what comes of it to `all`. `learned` is
    /// what this thread knows of the loop.
    void part(value& all, std::size_t at, std::size_t end, pace& learned) {
        learned.start();
        while (at != end && !failure_.before(at)) {
            if (end - at > 1 && ex_.forks_here() && splits(end - at, learned)) {
                const std::size_t middle = at + (end - at) / 2;
                value right{};
                const auto lower = [&] { part(all, at, middle, learned); };
                auto upper = [&, here = std::this_thread::get_id(), so_far = learned]() mutable {
                    value there{};  // near the thread that adds to it
                    // If nobody has stolen it, this thread has done the lower half by now and knows more.
                    part(there, middle, end, here == std::this_thread::get_id() ? learned : so_far);
                    put(right, std::move(there), middle);
                };
                ex_.invoke(function_ref(lower), function_ref(upper));
                return join(all, std::move(right), middle);
            }
            if (!run_block(all, at, end, learned)) return;
        }
    }

    /// Whether to fork half of so many items now.
    bool splits(std::size_t items, const pace& learned) {
        // Each item may be long, or is: none waits behind another while a thief is on its way.
        if (items <= at_once_ && !learned.tried()) return true;
        if (items <= few_ && learned.more_than(1, pace::worth_a_theft_ns)) return true;
        return learned.more_than(items, pace::worth_a_theft_ns) && ex_.wants_forks();
    }

    /// Does the next block and moves `at` behind it; false if it failed.
    bool run_block(value& all, std::size_t& at, std::size_t end, pace& learned) noexcept {
        const std::size_t items = learned.block() < end - at ? learned.block() : end - at;
        try {
            work_.run(all, at, at + items);
        } catch (...) {
            failure_.add(at, std::current_exception());
            return false;
        }
        if (at != end_) learned.count(items);
        return true;
    }

    void put(value& to, value&& made, std::size_t at) noexcept {
        try {
            to = std::move(made);
        } catch (...) {
            failure_.add(at, std::current_exception());
        }
    }
    void join(value& left, value&& right, std::size_t at) noexcept {
        // A call that threw may have left a value that was moved from, and nobody gets the result any more.
        if (failure_.any()) return;
        try {
            work_.join(left, std::move(right));
        } catch (...) {
            failure_.add(at, std::current_exception());
        }
    }

    Executor& ex_;
    Work& work_;
    std::vector<failed_items>* const failed_;
    const std::size_t at_once_;  // so many items are offered before anything is known
    const std::size_t few_;
    std::size_t end_ = 0;  // of the loop; written before anything is forked
    first_failure failure_;
};

}  // namespace yoke::detail
