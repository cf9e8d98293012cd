// SPDX-License-Identifier: MIT
#pragma once

/// How map, for_each and reduce cut a range into chunks and keep a window of them under way. For those who write
/// such an algorithm.
///
/// A chunk is a few items, worked on by one task. On executors in this address space a chunk of a forward range with
/// real references is a pair of iterators into the caller's range: no item is copied. Elsewhere, and for ranges that
/// can be gone through only once, the items are read in the calling thread, a chunk at a time, and travel in a
/// vector.
///
/// **Size.** A chunk should take about 100 us: much more than its task costs, little enough to balance. The first
/// chunks have one item; each later one has as many as would take that long by what was measured, but no more than
/// four times as many as any measured so far (one cheap item says little), and no more than an even share of what is
/// left for twice the workers. Measured where they run, so the way to a worker and back does not count.
///
/// **Window.** Only so many chunks are under way at a time (`chunk_window` says how many); the next is cut when one
/// has completed. What completes before its turn is kept, so how far the algorithm reads ahead of a chunk that takes
/// long is bounded too (`most_begun`): it has read the chunks that were taken, and at most so many more:
///
/// | `map_options::window` | input                | chunks begun and not taken, at most                          |
/// |-----------------------|----------------------|--------------------------------------------------------------|
/// | given                 | any                  | `window`                                                     |
/// | 0                     | of unknown size      | 1,024, or the window if that is larger                       |
/// | 0                     | of known size        | 65,536: the items are there, and there is room for results   |
///
/// **Errors.** After a chunk has failed no further one is begun, those behind it in the input are cancelled if they
/// have not begun, those before it run. When all have settled, the error of the first in the order of the input is
/// thrown, as itself; the others are dropped (dropped_error.hpp). So nothing still runs on the caller's items when the
/// algorithm returns, however it does. Which item that was says `map_options::failed`, on every executor; and a
/// worker_lost or task_timeout, which no function threw, says itself which items its task had.
///
/// Executors that fork need no chunks: with default options they go through a random-access range by lazy splitting,
/// see algorithm/loop/lazy_loop.hpp.

#include <yoke/algorithm/loop/lazy_loop.hpp>
#include <yoke/algorithm/map_options.hpp>
#include <yoke/concept/executor.hpp>
#include <yoke/detail/base/call_results.hpp>
#include <yoke/detail/future/completion_set.hpp>
#include <yoke/detail/future/error_aside.hpp>
#include <yoke/error.hpp>
#include <yoke/future.hpp>
#include <yoke/future/completion.hpp>  // for core_of

#include <algorithm>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <exception>
#include <iterator>
#include <limits>
#include <optional>
#include <ranges>
#include <stdexcept>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace yoke {

namespace detail {

/// Chooses the size of each chunk.
class chunk_sizer {
public:
    static constexpr double target_ns = 100'000;
    static constexpr std::size_t growth = 4;

    /// `fixed` items a chunk, or 0.
    chunk_sizer(std::size_t fixed, std::size_t workers) noexcept : fixed_(fixed), workers_(workers) {}

    /// Items in the next chunk, if so many are left (nothing: nobody knows how many).
    [[nodiscard]] std::size_t next(std::optional<std::size_t> left) const noexcept {
        if (fixed_ != 0) return fixed_;
        std::size_t size = 1;
        if (measured_ != 0) {
            const std::size_t most = measured_ * growth;
            const double wish = target_ns / std::max(ns_per_item_, 1e-3);
            size = wish >= static_cast<double>(most) ? most : static_cast<std::size_t>(wish);
        }
        if (left) size = std::min(size, *left / (2 * workers_));
        return std::max<std::size_t>(size, 1);
    }
    /// A chunk of so many items took so long.
    void learn(std::size_t items, std::int64_t ns) noexcept {
        const double cost = static_cast<double>(std::max<std::int64_t>(ns, 0)) / static_cast<double>(items);
        // Larger chunks tell more; the first ones include whatever had to warm up.
        const double weight = items > measured_ ? 0.75 : 0.25;
        ns_per_item_ = measured_ == 0 ? cost : ns_per_item_ + weight * (cost - ns_per_item_);
        measured_ = std::max(measured_, items);
    }

private:
    std::size_t fixed_;
    std::size_t workers_;
    std::size_t measured_ = 0;  // items in the largest chunk measured
    double ns_per_item_ = 0;
};

/// Chooses how many chunks may be under way.
///
/// Two for each worker if their size is chosen, since then they last. Chunks of a given size may be over in no time,
/// and a worker that has done all it was given falls asleep, which costs more than many of them: of these there may be
/// so many that they take the workers 200 us, by what running and submitting them was measured to take, up to `most`.
/// (Large items take long to submit, so the bound is one of bytes too.) Each chunk that completes adds one at most,
/// so an input that is read lazily is not read ahead of workers that are slow.
class chunk_window {
public:
    static constexpr double ahead_ns = 200'000;
    static constexpr std::size_t most = 256;

    /// `fixed` chunks, or 0; `short_chunks`: their size is given.
    chunk_window(std::size_t fixed, bool short_chunks, std::size_t workers) noexcept
        : fixed_(fixed), short_chunks_(short_chunks), workers_(workers) {}

    [[nodiscard]] std::size_t size() const noexcept {
        if (fixed_ != 0) return fixed_;
        const std::size_t least = 2 * workers_;
        if (!short_chunks_) return least;
        const double wish = static_cast<double>(workers_) * ahead_ns / std::max({run_ns_, submit_ns_, 1.0});
        const std::size_t wanted = wish >= static_cast<double>(most) ? most : static_cast<std::size_t>(wish);
        return std::max(least, std::min(wanted, least + completed_));
    }
    /// A chunk took its submitter so long.
    void submitted(std::int64_t ns) noexcept { learn(submit_ns_, ns); }
    /// A chunk took its worker so long.
    void completed(std::int64_t ns) noexcept {
        learn(run_ns_, ns);
        ++completed_;
    }

private:
    static void learn(double& average, std::int64_t ns) noexcept {
        average += (static_cast<double>(std::max<std::int64_t>(ns, 0)) - average) / 8;
    }

    std::size_t fixed_;
    bool short_chunks_;
    std::size_t workers_;
    std::size_t completed_ = 0;
    double run_ns_ = 0;
    double submit_ns_ = 0;
};

/// Chunks that have begun and were not taken, at most: what completed early is kept until its turn comes. `window` are
/// under way.
[[nodiscard]] inline std::size_t most_begun(const map_options& options, bool size_known,
                                            std::size_t window) noexcept {
    if (options.window != 0) return options.window;
    return std::max<std::size_t>(size_known ? 65'536 : 1'024, window);
}

/// An element of a vector of `T`s; no bits.
template <class T>
using slot = std::conditional_t<std::is_same_v<T, bool>, unsigned char, T>;

/// What a chunk yields besides the time it took, if nothing.
struct nothing {};

template <class Out>
using timed = std::pair<Out, std::int64_t>;

[[nodiscard]] inline std::int64_t nanoseconds_since(std::chrono::steady_clock::time_point start) {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now() - start)
        .count();
}

template <class Kernel, class Cursor, class... Functions>
auto run_timed(Cursor first, std::size_t count, Functions&... functions) {
    const auto start = std::chrono::steady_clock::now();
    auto out = Kernel::run(std::move(first), count, functions...);
    const std::int64_t took = nanoseconds_since(start);
    return timed<decltype(out)>(std::move(out), took);
}

/// Gives up the items of a vector one by one.
template <class Item>
class giving_cursor {
public:
    explicit giving_cursor(std::vector<slot<Item>>& items) noexcept : at_(items.begin()) {}
    [[nodiscard]] Item operator*() const requires std::same_as<Item, bool> { return static_cast<bool>(*at_); }
    [[nodiscard]] Item&& operator*() const noexcept { return std::move(*at_); }
    giving_cursor& operator++() noexcept {
        ++at_;
        return *this;
    }

private:
    typename std::vector<slot<Item>>::iterator at_;
};

/// A chunk whose items and functions travel with it. An empty function object, so that it crosses.
template <class Kernel, class Item>
struct travelling_chunk {
    template <class... Functions>
    auto operator()(std::vector<slot<Item>> items, Functions... functions) const {
        return run_timed<Kernel>(giving_cursor<Item>(items), items.size(), functions...);
    }
};

/// Chunks of a range that is worked on where it lies.
template <class Kernel, class Iterator, class Sentinel, class... Functions>
class chunks_in_place {
public:
    chunks_in_place(Iterator first, Sentinel last, Functions&... functions)
        : at_(std::move(first)), last_(std::move(last)), functions_(functions...) {}

    [[nodiscard]] bool done() const { return at_ == last_; }
    /// Cuts off up to `count` items and submits them. Returns the future and how many there are.
    template <class E>
    auto submit_next(E& ex, std::size_t count) {
        auto chunk = at_;
        const auto beyond = std::ranges::advance(at_, static_cast<difference>(count), last_);
        count -= static_cast<std::size_t>(beyond);
        auto call = [chunk = std::move(chunk), count, functions = functions_] {
            return std::apply(
                [&](Functions&... f) { return run_timed<Kernel>(std::move(chunk), count, f...); }, functions);
        };
        return std::pair(submit(ex, std::move(call)), count);
    }

private:
    using difference = std::iter_difference_t<Iterator>;

    Iterator at_;
    Sentinel last_;
    std::tuple<Functions&...> functions_;
};

/// Chunks whose items are read here and travel to the worker with a copy of the functions.
template <class Kernel, class Iterator, class Sentinel, class... Functions>
class chunks_that_travel {
    using item = std::iter_value_t<Iterator>;

public:
    using call = travelling_chunk<Kernel, item>;

    chunks_that_travel(Iterator first, Sentinel last, Functions&... functions)
        : at_(std::move(first)), last_(std::move(last)), functions_(functions...) {}

    [[nodiscard]] bool done() const { return at_ == last_; }
    template <class E>
    auto submit_next(E& ex, std::size_t count) {
        std::vector<slot<item>> items;
        for (; items.size() != count && at_ != last_; ++at_) items.push_back(static_cast<slot<item>>(*at_));
        count = items.size();
        return std::apply(
            [&](Functions&... f) { return std::pair(submit(ex, call(), std::move(items), f...), count); },
            functions_);
    }

private:
    Iterator at_;
    Sentinel last_;
    std::tuple<Functions&...> functions_;
};

/// The items need not be copied: they are objects that stay where they are, and the workers can see them.
template <class E, class Iterator>
inline constexpr bool in_place = local_executor<E>&& std::forward_iterator<Iterator>&&
    std::is_lvalue_reference_v<std::iter_reference_t<Iterator>>;

template <class E, class Kernel, class Iterator, class Sentinel, class... Functions>
using chunks_for =
    std::conditional_t<in_place<E, Iterator>, chunks_in_place<Kernel, Iterator, Sentinel, Functions...>,
                       chunks_that_travel<Kernel, Iterator, Sentinel, Functions...>>;

/// How a kernel's function sees an item.
template <class E, class Iterator>
using item_for =
    std::conditional_t<in_place<E, Iterator>, std::iter_reference_t<Iterator>, std::iter_value_t<Iterator>>;

/// Where chunks come from and where their outcomes go. Its type names no function and no executor: run_chunks is
/// compiled once for each type of outcomes, not for each loop of a program.
template <class Out>
class chunk_flow {
public:
    [[nodiscard]] virtual bool done() const = 0;
    /// Submits the next chunk, of up to `count` items. Returns its future and how many there are.
    [[nodiscard]] virtual std::pair<future<timed<Out>>, std::size_t> submit_next(std::size_t count) = 0;
    virtual void take(Out&& out) = 0;

protected:
    ~chunk_flow() = default;
};

template <class Out, class E, class Chunks, class Take>
class chunk_flow_on final : public chunk_flow<Out> {
public:
    chunk_flow_on(E& ex, Chunks chunks, Take take)
        : ex_(ex), chunks_(std::move(chunks)), take_(std::move(take)) {}

    [[nodiscard]] bool done() const override { return chunks_.done(); }
    [[nodiscard]] std::pair<future<timed<Out>>, std::size_t> submit_next(std::size_t count) override {
        return chunks_.submit_next(ex_, count);
    }
    void take(Out&& out) override { take_(std::move(out)); }

private:
    E& ex_;
    Chunks chunks_;
    Take take_;
};

template <class Error>
[[nodiscard]] std::exception_ptr make_with_items(const Error& error, item_range items,
                                                 const std::exception_ptr& itself) noexcept {
    try {
        return std::make_exception_ptr(error.with_items(items));
    } catch (...) {  // no memory
        return itself;
    }
}
/// The same error; if it is about a task that was lost or too slow, it says which items that had.
[[nodiscard]] inline std::exception_ptr with_items(std::exception_ptr error, std::uint64_t first,
                                                   std::uint64_t count) noexcept {
    if (count == 0) return error;
    try {
        std::rethrow_exception(error);
    } catch (const worker_lost& lost) {
        return make_with_items(lost, {first, count}, error);
    } catch (const task_timeout& late) {
        return make_with_items(late, {first, count}, error);
    } catch (...) {
        return error;
    }
}

/// Runs the chunks of a flow and has it take each one's outcome, in the order of the input, in this thread.
template <class Out>
void run_chunks(chunk_flow<Out>& chunks, std::size_t workers, const map_options& options,
                std::optional<std::size_t> left) {
    struct chunk {
        future<timed<Out>> result;  // empty when it has settled
        std::uint64_t first = 0;    // item
        std::size_t items = 0;
        std::optional<Out> early{};  // of a chunk that completed before one that comes first
    };
    const bool sets_aside = options.on_error == error_policy::set_aside;
    if (sets_aside && options.failed == nullptr)
        throw std::invalid_argument(
            "map_options::on_error is set_aside and map_options::failed is null: the errors would be lost; "
            "give a vector for them");
    const std::size_t fixed = options.chunk == 0 && options.failed != nullptr ? 1 : options.chunk;
    const bool size_known = left.has_value();
    chunk_sizer sizer(fixed, workers);
    chunk_window window(options.window, fixed != 0, workers);
    std::deque<chunk> begun;  // and not taken; the first is chunk number `taken`
    std::uint64_t taken = 0;
    std::uint64_t items = 0;  // that were begun
    std::size_t under_way = 0;
    completion_set arrivals;
    std::vector<failed_items> set_aside;
    std::uint64_t failed = std::numeric_limits<std::uint64_t>::max();  // the first chunk that did
    failed_items first_failed;

    const auto fail = [&](std::uint64_t number, std::uint64_t first, std::size_t count,
                          std::exception_ptr error) noexcept {
        const char* const aside = "a loop of which an earlier item has failed";
        if (number >= failed) return leave_error_aside(std::move(error), aside);
        failed = number;
        leave_error_aside(std::exchange(first_failed.error, nullptr), aside);
        first_failed = {first, count, with_items(std::move(error), first, count)};
        // The outcomes of `number` and more behind it may have been taken by now.
        for (std::uint64_t behind = std::max(number + 1, taken); behind - taken < begun.size(); ++behind)
            if (auto& result = begun[behind - taken].result; result.valid()) result.cancel();
    };
    const auto submit_one = [&] {
        const std::uint64_t number = taken + begun.size();
        const std::uint64_t first = items;
        try {
            if (chunks.done()) return false;
            const auto start = std::chrono::steady_clock::now();
            chunk& next = begun.emplace_back();
            std::tie(next.result, next.items) = chunks.submit_next(sizer.next(left));
            next.first = first;
            items += next.items;
            if (left) *left -= std::min(*left, next.items);
            arrivals.add(core_of(next.result), number);
            ++under_way;
            window.submitted(nanoseconds_since(start));
            return true;
        } catch (...) {
            fail(number, first, 0, std::current_exception());
            // If only the last step failed the task is on its way, and must not outlive us.
            if (begun.size() > number - taken && begun.back().result.valid()) begun.back().result.wait();
            return false;
        }
    };
    const auto settle = [&](chunk& arrived, std::uint64_t number) {
        try {
            auto [out, ns] = std::exchange(arrived.result, {}).get();
            sizer.learn(arrived.items, ns);
            window.completed(ns);
            arrived.early = std::move(out);
        } catch (...) {
            if (!sets_aside) return fail(number, arrived.first, arrived.items, std::current_exception());
            set_aside.push_back({arrived.first, arrived.items,
                                 with_items(std::current_exception(), arrived.first, arrived.items)});
        }
    };

    for (bool more = true;;) {
        while (more && !first_failed.error && under_way < window.size() &&
               begun.size() < most_begun(options, size_known, window.size()))
            more = submit_one();
        if (under_way == 0) break;
        const std::uint64_t number = arrivals.take();
        --under_way;
        chunk& arrived = begun[number - taken];
        try {
            settle(arrived, number);
            while (!first_failed.error && !begun.empty() && !begun.front().result.valid()) {
                if (begun.front().early) chunks.take(*std::move(begun.front().early));
                ++taken;
                begun.pop_front();
            }
        } catch (...) {
            fail(number, begun.empty() ? items : begun.front().first, begun.empty() ? 0 : begun.front().items,
                 std::current_exception());
        }
    }
    if (options.failed != nullptr) {
        std::sort(set_aside.begin(), set_aside.end(),
                  [](const failed_items& a, const failed_items& b) { return a.index < b.index; });
        options.failed->insert(options.failed->end(), set_aside.begin(), set_aside.end());
        if (first_failed.error) options.failed->push_back(first_failed);
    }
    if (first_failed.error) std::rethrow_exception(std::move(first_failed.error));
}

/// Runs `chunks` on `ex` and calls `take(out)` for each chunk's outcome, in the order of the input, in this thread.
template <class Out, class E, class Chunks, class Take>
void run_chunks(E& ex, const map_options& options, Chunks chunks, std::optional<std::size_t> left,
                Take take) {
    chunk_flow_on<Out, E, Chunks, Take> flow(ex, std::move(chunks), std::move(take));
    run_chunks<Out>(flow, std::max<std::size_t>(ex.concurrency(), 1), options, left);
}

/// How many items a range has, if it can tell.
template <class Range>
std::optional<std::size_t> size_if_known(Range& range) {
    if constexpr (std::ranges::sized_range<Range>) {
        return static_cast<std::size_t>(std::ranges::size(range));
    } else {
        return std::nullopt;
    }
}

/// The range may be split anywhere, by workers that read it at the same time: its items are objects that stay where
/// they are, or values (as of views::iota); not proxies, which might share a byte.
template <class E, class Range>
inline constexpr bool splits_lazily =
    fork_join_executor<E>&& std::ranges::random_access_range<Range>&& std::ranges::sized_range<Range> &&
    (std::is_lvalue_reference_v<std::ranges::range_reference_t<Range>> ||
     std::is_same_v<std::ranges::range_reference_t<Range>, std::ranges::range_value_t<Range>>);

[[nodiscard]] inline bool asks_for_chunks(const map_options& options) noexcept {
    return options.chunk != 0 || options.window != 0 || options.on_error != error_policy::stop;
}

/// The part [from, to) of a range, as two iterators.
template <class Iterator>
[[nodiscard]] auto part_of(const Iterator& first, std::size_t from, std::size_t to) {
    using difference = std::iter_difference_t<Iterator>;
    return std::pair(first + static_cast<difference>(from), first + static_cast<difference>(to));
}

/// Two iterators as a range, by reference.
template <class Iterator, class Sentinel>
class iterator_range {
public:
    iterator_range(Iterator first, Sentinel last) : first_(std::move(first)), last_(std::move(last)) {}
    [[nodiscard]] Iterator begin() { return std::move(first_); }
    [[nodiscard]] Sentinel end() const { return last_; }
    [[nodiscard]] std::size_t size() const requires std::sized_sentinel_for<Sentinel, Iterator> {
        return static_cast<std::size_t>(last_ - first_);
    }

private:
    Iterator first_;
    Sentinel last_;
};

}  // namespace detail

}  // namespace yoke
