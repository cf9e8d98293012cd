// SPDX-License-Identifier: MIT
#pragma once

/// A loop over numbered items on an executor that forks (fork_join_executor): for map, for_each, reduce and those who
/// write the like.
///
/// **Splitting.** A worker goes through its part of the range in *blocks*. After each it looks whether anything it has
/// forked still waits for a thief. If not - somebody took it, so somebody was idle - it forks the upper half of what is
/// left, unless that is too little to be worth a theft. (Lazy binary splitting: Tzannes, Caragea, Barua and Vishkin, PPoPP
/// 2010.) So a loop is split as often as workers become idle, and a loop whose items differ wildly still ends everywhere
/// at about the same time. Where every item is worth a theft, or may be, it is split down to single items at once.
///
/// **Blocks** take about half a microsecond: little enough that a part is split soon after somebody wants some, much more
/// than the look costs. The number of items that take so long is measured as the loop goes, with one look at the clock
/// every 16 blocks. A block is at most four times as large as the one before, as one cheap item says little.
///
/// **Callers from outside** begin alone. Only when what is left is measured to be worth waking a worker do they take part
/// in the pool's work, as one more worker; so a short loop costs hardly more than a plain one. If there are few items, each
/// may be long, and all are shared at once. A pool of one thread is handed what is left instead, so that
/// no two threads ever call the body at the same time.
///
/// **Errors.** After an item has failed, blocks behind it are not begun, those before it run. When all has settled, the
/// error of the first failed item in the order of the range is thrown.

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <mutex>
#include <utility>

namespace yoke::detail {

/// How many items a block has, by what they have cost so far. For one thread.
class loop_pace {
public:
    static constexpr std::int64_t block_ns = 500;
    static constexpr std::int64_t worth_a_theft_ns = 10'000;
    static constexpr std::int64_t worth_a_wake_ns = 20'000;

    /// Time counts from now on; what was learned stays.
    void start() noexcept {
        since_ = clock::now();
        items_ = 0;
        blocks_ = 0;
    }

    [[nodiscard]] std::size_t block() const noexcept { return block_; }

    /// A block of so many items was done.
    void count(std::size_t items) noexcept {
        items_ += items;
        if (++blocks_ >= blocks_a_look_) look();
    }

    /// False as long as too little was done to tell what an item costs.
    [[nodiscard]] bool known() const noexcept { return ns_per_item_ > 0; }
    /// True if so many items are known to take longer than `ns`.
    [[nodiscard]] bool more_than(std::size_t items, std::int64_t ns) const noexcept {
        return static_cast<double>(items) * ns_per_item_ > static_cast<double>(ns);
    }

private:
    using clock = std::chrono::steady_clock;
    static constexpr std::int64_t shortest_measured_ns = 1000;  // the clock itself takes some 30
    static constexpr std::size_t growth = 4;
    static constexpr unsigned blocks_a_look = 16;

    void look() noexcept {
        const auto now = clock::now();
        const auto took = std::chrono::duration_cast<std::chrono::nanoseconds>(now - since_).count();
        const double cost = static_cast<double>(took) / static_cast<double>(items_);
        if (took >= shortest_measured_ns) {
            ns_per_item_ = cost;
            blocks_a_look_ = blocks_a_look;
        }
        const double wish = static_cast<double>(block_ns) / (cost > 1e-3 ? cost : 1e-3);
        const std::size_t most = block_ * growth;
        block_ = wish >= static_cast<double>(most) ? most : wish < 1 ? 1 : static_cast<std::size_t>(wish);
        since_ = now;
        items_ = 0;
        blocks_ = 0;
    }

    clock::time_point since_;
    std::size_t items_ = 0;  // done since then
    unsigned blocks_ = 0;    // done since then
    unsigned blocks_a_look_ = 1;
    std::size_t block_ = 1;
    double ns_per_item_ = 0;
};

/// The first item that failed, in the order of the range, among all that did.
class first_failure {
public:
    /// True if the item need not be begun any more.
    [[nodiscard]] bool before(std::size_t item) const noexcept {
        return item_.load(std::memory_order_relaxed) <= item;
    }
    void add(std::size_t item, std::exception_ptr error) noexcept {
        const std::lock_guard lock(mutex_);
        if (before(item)) return;
        item_.store(item, std::memory_order_relaxed);
        error_ = std::move(error);
    }
    /// When all has settled.
    void rethrow_if_any() {
        if (error_) std::rethrow_exception(std::move(error_));
    }

private:
    std::atomic<std::size_t> item_{static_cast<std::size_t>(-1)};
    std::mutex mutex_;
    std::exception_ptr error_;
};

/// The loop. `Work` has
///
///     value                            what comes of some neighbouring items; a default-made one of none
///     run(value& so_far, from, to)     does the items [from, to), not empty, and adds what comes of them at the right
///     join(value& left, value&& right) adds at the right
template <class Executor, class Work>
class lazy_loop {
    using value = typename Work::value;

public:
    lazy_loop(Executor& ex, Work& work) noexcept : ex_(ex), work_(work) {}

    /// Does `items` items. Throws what the first failed item threw, or pool_closed, cancelled and the like.
    value run(std::size_t items) {
        const std::size_t threads = ex_.concurrency();
        loop_pace pace;
        value all{};
        std::size_t at = 0;
        if (!ex_.forks_here()) ex_.require_open();
        if (items >= many * threads) at = begin(all, items, pace);
        if (at != items && !failure_.before(at)) {
            const auto rest = [&] { return part(at, items, pace); };
            join(all, threads == 1 ? ex_.invoke(rest) : ex_.take_part(rest), at);
        }
        failure_.rethrow_if_any();
        return all;
    }

private:
    /// So many items per thread are many: the first may be tried here, by one thread alone.
    static constexpr std::size_t many = 64;

    /// Goes ahead alone until it is known that it would be better not to. Returns how far that was.
    std::size_t begin(value& all, std::size_t end, loop_pace& pace) noexcept {
        const bool outside = !ex_.forks_here();
        std::size_t at = 0;
        pace.start();
        while (at != end) {
            if (!run_block(all, at, end, pace)) return end;
            if (pace.more_than(end - at, outside ? loop_pace::worth_a_wake_ns : loop_pace::worth_a_theft_ns))
                break;
        }
        return at;
    }

    /// Does [at, end), on a worker, sharing it with whoever is idle.
    value part(std::size_t at, std::size_t end, loop_pace pace) {
        value all{};
        pace.start();
        while (at != end && !failure_.before(at)) {
            if (end - at > 1 && ex_.forks_here() && splits(end - at, pace)) {
                const std::size_t middle = at + (end - at) / 2;
                auto [left, right] = ex_.invoke([&] { return part(at, middle, pace); },
                                                [&] { return part(middle, end, pace); });
                join(all, std::move(left), at);
                join(all, std::move(right), middle);
                break;
            }
            if (!run_block(all, at, end, pace)) break;
        }
        return all;
    }

    /// Whether to fork half of so many items now.
    bool splits(std::size_t items, const loop_pace& pace) {
        // Each item may be long: none waits behind another while a thief is on its way.
        if (!pace.known() || pace.more_than(1, loop_pace::worth_a_theft_ns)) return true;
        return pace.more_than(items, loop_pace::worth_a_theft_ns) && ex_.wants_forks();
    }

    /// Does the next block and moves `at` behind it; false if it failed.
    bool run_block(value& all, std::size_t& at, std::size_t end, loop_pace& pace) noexcept {
        const std::size_t items = pace.block() < end - at ? pace.block() : end - at;
        try {
            work_.run(all, at, at + items);
        } catch (...) {
            failure_.add(at, std::current_exception());
            return false;
        }
        at += items;
        pace.count(items);
        return true;
    }

    void join(value& left, value&& right, std::size_t at) noexcept {
        try {
            work_.join(left, std::move(right));
        } catch (...) {
            failure_.add(at, std::current_exception());
        }
    }

    Executor& ex_;
    Work& work_;
    first_failure failure_;
};

}  // namespace yoke::detail
