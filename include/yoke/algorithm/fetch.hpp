// SPDX-License-Identifier: MIT
#pragma once

/// Pulls all pages of a store, many at a time.
///
///     for (const auto& page : yoke::fetch(pool, source, {.limit = 1000}))
///         use(page.offset, page.rows);
///
/// `fetch` asks the source (concept/page_source.hpp) for the rows from `offset` on, `limit` at a time, on the
/// executor's workers, and hands the pages out in order or as they complete. At most `window` pages are under way,
/// those included that have arrived and were not taken yet, so memory is bounded whatever the store holds.
///
/// **Where it ends** is a policy, `fetch_options::end`, because stores differ:
///
/// | a store that ...                                  | needs                                                       |
/// |---------------------------------------------------|-------------------------------------------------------------|
/// | gives `limit` rows as long as there are so many   | nothing; `short_page` saves the last call                   |
/// | sometimes gives fewer, and the rest when asked    | nothing: `empty_page`, the default                          |
/// | applies offset and limit, then hides rows         | `hidden_rows`, and `total` (hidden rows count) or           |
/// |                                                   | `empty_pages`                                               |
/// | gives its last page again for every later offset  | `repeated_page`                                             |
///
/// Whatever the policy, a known `total` saves calls: exactly the pages that hold it are asked for. With an unknown
/// one the window opens 1, 2, 4, ..., and at most `window - 1` calls go beyond the end. A store with more than
/// `total` rows is not asked for the rest, so `total` also serves as "the first so many".
///
/// **Rows that do not come.** `total` is what the store promised. If a page has fewer rows than that and the rest
/// does not come when it is asked for, the fetch goes on; at its end, after all good pages, a `missing_rows` is
/// thrown that names offsets and counts. (Not with `hidden_rows`: there nobody can tell a missing row from a hidden
/// one.)
///
/// **Errors.** A page that fails ends the fetch: no further page is begun; in order, the pages before it are handed
/// out first, as completed, all that were under way; then a `fetch_error` that names the page, with the cause nested,
/// is thrown: of several, the one with the lowest offset, whichever failed first. With `.on_error =
/// fetch_errors::set_aside` the others go on, nothing is thrown at the end, and `errors()` has all that failed and
/// all that is missing. Give pages to `yoke::with(pool, {.attempts = 3})` to have them repeated when a worker process
/// dies, and `.retries` for what the source throws.
///
/// **Stopping.** After a request on `fetch_options::stop` no page is begun. `next()` hands out what has arrived
/// already, and then throws `cancelled` without waiting for the pages that are running.

#include <yoke/algorithm/fetch/page_call.hpp>
#include <yoke/concept/executor.hpp>
#include <yoke/concept/page_source.hpp>
#include <yoke/detail/base/exception_text.hpp>
#include <yoke/detail/future/completion_set.hpp>
#include <yoke/error.hpp>
#include <yoke/future.hpp>

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <iterator>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <ranges>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace yoke {

/// In which order pages are handed out.
enum class fetch_order {
    in_order,      ///< by offset; a page that arrives early waits in the window
    as_completed,  ///< as they arrive
};

/// What a short page means, and how a source of unknown total says that there is no more. The table above says which
/// store needs which.
enum class fetch_end {
    empty_page,  ///< by an answer without rows; short pages are completed by further calls
    /// by an answer with fewer rows than asked for; with a known total as `empty_page`
    short_page,
    /// by `total`, or by `empty_pages` pages in a row without a row; a short page means nothing, since offsets count
    /// rows that the store does not show
    hidden_rows,
    /// by a page that is equal to the one before it, or without rows; a short page means nothing. For rows that can be
    /// compared and copied, and fetch_order::in_order
    repeated_page,
};

/// What a page that fails does to the others.
enum class fetch_errors {
    stop,  ///< ends the fetch: its error is thrown
    set_aside,  ///< nothing: its error is only kept in errors() (with an unknown total, those under way still come)
};

struct fetch_options {
    /// Rows in a page, at least 1: the most the store gives out per call.
    std::uint64_t limit = 1000;
    /// Offset of the first row.
    std::uint64_t offset = 0;
    /// Rows from `offset` on, if known, those included that the store hides. If the store has fewer, that is told
    /// (`missing_rows`); if it has more, the rest is not asked for.
    std::optional<std::uint64_t> total{};
    /// Pages under way or waiting to be taken; 0 means twice the executor's concurrency.
    std::size_t window = 0;
    fetch_order order = fetch_order::in_order;
    fetch_end end = fetch_end::empty_page;
    fetch_errors on_error = fetch_errors::stop;
    /// How often a call that throws is repeated at once, in its worker, before the page counts as failed.
    unsigned retries = 0;
    /// After so many pages in a row without a row, and with none behind them, nothing more is asked for. 0 means:
    /// with a known total 64, or the window if that is larger, but no end at all if rows are hidden. Of an unknown
    /// total only `hidden_rows` looks at it, and needs it.
    std::uint64_t empty_pages = 0;
    /// Ends the fetch early.
    std::stop_token stop{};
};

/// A page of rows, the first of which has this offset. Never empty.
template <class Rows>
struct page {
    std::uint64_t offset = 0;
    Rows rows;
};

/// A page that could not be had, or the part of it that is missing.
struct failed_page {
    page_request request;
    std::exception_ptr error;
};

/// The pages of a fetch: an input range, to be gone through once, by one thread at a time. Refers to the executor
/// (holds it if it was given a temporary view of one); owns everything else. Movable, but not while an iterator is in
/// use. Destroying it cancels the pages that have not begun and, if the executor runs in this address space, waits
/// for those that are running: none uses the source, or what that refers to, any longer.
///
/// `E` is a reference, or a value for a view of an executor.
template <class E, page_source Source>
    requires executor<std::remove_reference_t<E>>
class [[nodiscard]] page_range {
    using executor_type = std::remove_reference_t<E>;
    static constexpr bool local = local_executor<executor_type>;
    using call = std::conditional_t<local, detail::shared_page_call<Source>, detail::page_call<Source>>;
    static_assert(
        executor_of<executor_type, call, page_request>,
        "yoke::fetch: this executor cannot run the page source. For worker processes a source is a value "
        "all of whose members can cross (a path, a query), and its rows too; it is no lambda with captures");

public:
    using rows_type = page_rows<Source>;
    using value_type = page<rows_type>;

    class iterator {
    public:
        using value_type = page<rows_type>;
        using difference_type = std::ptrdiff_t;
        using iterator_concept = std::input_iterator_tag;

        iterator() = default;
        [[nodiscard]] page<rows_type>& operator*() const noexcept { return *range_->current_; }
        [[nodiscard]] page<rows_type>* operator->() const noexcept { return &*range_->current_; }
        iterator& operator++() {
            range_->current_ = range_->next();
            return *this;
        }
        void operator++(int) { ++*this; }
        bool operator==(std::default_sentinel_t) const noexcept { return !range_->current_; }

    private:
        friend class page_range;
        explicit iterator(page_range& range) noexcept : range_(&range) {}
        page_range* range_ = nullptr;
    };

    page_range(E ex, Source source, const fetch_options& options)
        : executor_(std::forward<E>(ex)),
          options_(checked(options)),
          call_(make_call(std::move(source), options)),
          next_offset_(options.offset),
          end_(end_of(options)),
          window_(options.window != 0 ? options.window
                                      : 2 * std::max<std::size_t>(1, executor_.concurrency())),
          open_(options.total ? window_ : 1) {}
    page_range(page_range&&) noexcept = default;
    /// As the destructor does with what this range had.
    page_range& operator=(page_range&& other) noexcept {
        if (this != &other) {
            std::destroy_at(this);
            std::construct_at(this, std::move(other));
        }
        return *this;
    }
    ~page_range() {
        abandon(under_way_.begin());
        if constexpr (local) {
            for (const auto& [offset, page] : abandoned_) detail::future_access::settle(page.rows);
        }
    }

    /// Waits for the next page; nothing at the end. Throws fetch_error for a page that failed and missing_rows for
    /// what a known total promised (then the fetch is over), `cancelled` if it was stopped, and what the executor
    /// throws when it takes no more work.
    [[nodiscard]] std::optional<value_type> next() {
        static_cast<void>(wait({}));
        if (ready_) return std::exchange(ready_, std::nullopt);
        if (error_) std::rethrow_exception(std::exchange(error_, nullptr));
        return std::nullopt;
    }
    /// Waits until `next()` would return or throw at once (true), or a stop of `stop` is requested (false); that
    /// ends nothing.
    [[nodiscard]] bool wait(const std::stop_token& stop) {
        while (!ready_ && !error_) {
            try {
                if (!options_.stop.stop_requested()) launch();
            } catch (...) {
                if (under_way_.empty()) throw;  // what the executor took comes first
            }
            if (under_way_.empty()) return finish();
            const auto offset = take_completed(stop);
            if (offset) {
                settle(under_way_.extract(*offset));
            } else if (options_.stop.stop_requested()) {
                return give_up();
            } else {
                return false;
            }
        }
        return true;
    }

    /// Waits for the first page; `++` waits for the next. Iterators refer to the range.
    [[nodiscard]] iterator begin() {
        if (!current_) current_ = next();
        return iterator(*this);
    }
    [[nodiscard]] std::default_sentinel_t end() const noexcept { return {}; }

    /// The pages that have failed so far, and the rows that a known total promised and that did not come.
    [[nodiscard]] const std::vector<failed_page>& errors() const noexcept { return errors_; }
    /// The most pages that are under way or wait to be taken.
    [[nodiscard]] std::size_t window() const noexcept { return window_; }

private:
    struct pending {
        std::uint64_t limit = 0;
        future<rows_type> rows;
        bool watched = false;  // by arrivals_
    };
    using page_map = std::map<std::uint64_t, pending>;  // by offset
    static constexpr std::uint64_t no_end = std::numeric_limits<std::uint64_t>::max();
    static constexpr bool comparable =
        std::equality_comparable<page_row<Source>> && std::copy_constructible<page_row<Source>>;

    static const fetch_options& checked(const fetch_options& options) {
        if (options.limit == 0)
            throw std::invalid_argument(
                "fetch_options::limit is 0: a page of no rows never gets anywhere; ask for 1 "
                "row or more");
        if (options.total && *options.total > no_end - options.offset)
            throw std::invalid_argument("fetch_options::offset " + std::to_string(options.offset) +
                                        " + total " + std::to_string(*options.total) +
                                        " is beyond the largest offset, " + std::to_string(no_end));
        if (options.end == fetch_end::hidden_rows && !options.total && options.empty_pages == 0)
            throw std::invalid_argument(
                "fetch_end::hidden_rows: no answer of a store that hides rows says where it ends; set "
                "fetch_options::total (hidden rows count), or empty_pages, the pages in a row without a "
                "row that mean the end");
        if (options.end == fetch_end::repeated_page && !comparable)
            throw std::invalid_argument(
                "fetch_end::repeated_page: each page is compared with the one before it, and rows of this "
                "type cannot be compared with == or not copied");
        if (options.end == fetch_end::repeated_page && options.order != fetch_order::in_order)
            throw std::invalid_argument(
                "fetch_end::repeated_page: each page is compared with the one before it; use "
                "fetch_order::in_order");
        return options;
    }
    static std::uint64_t end_of(const fetch_options& options) {
        return options.total ? options.offset + *options.total : no_end;
    }
    static call make_call(Source source, const fetch_options& options) {
        const bool complete =
            options.end == fetch_end::empty_page || (options.end == fetch_end::short_page && options.total);
        detail::page_call<Source> made{std::move(source), complete, options.retries};
        if constexpr (local) {
            return {std::make_shared<const detail::page_call<Source>>(std::move(made))};
        } else {
            return made;
        }
    }

    /// Asks for pages as long as the window has room.
    void launch() {
        while (under_way_.size() < open_ && next_offset_ < end_) {
            const page_request request{next_offset_, std::min(options_.limit, end_ - next_offset_)};
            const auto page = under_way_.try_emplace(request.offset).first;
            try {
                page->second = {request.limit, submit(executor_, call_, request)};
                if (options_.order == fetch_order::as_completed) watch(*page);
            } catch (...) {
                abandon(page);
                throw;
            }
            next_offset_ += request.limit;
        }
    }
    void watch(typename page_map::value_type& page) {
        if (page.second.watched) return;
        auto* const state = detail::future_access::state(page.second.rows);
        state->acquire();
        arrivals_.add(detail::state_ref<detail::future_core>(state), page.first);
        page.second.watched = true;
    }

    /// Offset of the page that is handed out next; waits for it. Nothing: a stop was requested before it came.
    std::optional<std::uint64_t> take_completed(const std::stop_token& stop) {
        const bool in_order = options_.order == fetch_order::in_order;
        auto& first = *under_way_.begin();
        if (in_order && first.second.rows.ready()) return first.first;
        if (in_order && !options_.stop.stop_possible() && !stop.stop_possible()) {
            first.second.rows.wait();
            return first.first;
        }
        if (in_order) watch(first);
        const std::stop_callback on_own(options_.stop, arrivals_.interrupter());
        const std::stop_callback on_other(stop, arrivals_.interrupter());
        for (;;) {
            const auto offset = arrivals_.take_unless_interrupted();
            if (in_order && first.second.rows.ready()) return first.first;
            if (!offset) {
                if (options_.stop.stop_requested() || stop.stop_requested()) return std::nullopt;
                continue;  // the interruption was meant for an earlier wait
            }
            // A page that was given up, or was watched and then found ready, is not under way any more.
            if (!in_order && under_way_.contains(*offset)) return offset;
        }
    }

    /// Takes the outcome of a page that has completed.
    void settle(typename page_map::node_type node) {
        const page_request request{node.key(), node.mapped().limit};
        std::optional<rows_type> rows = outcome(request, node.mapped());
        open_ = std::min(window_, open_ * 2);
        if (!rows) return;
        if (repeats(*rows)) {
            if (options_.total) miss({request.offset, request.limit});
            return end_early(request.offset);
        }
        account(request, rows->size());
        if (rows->empty()) return;
        last_row_ = std::max(last_row_, request.offset + rows->size());
        ready_.emplace(value_type{request.offset, std::move(*rows)});
        try {
            // So that the workers are busy while this page is looked at.
            if (!options_.stop.stop_requested()) launch();
        } catch (...) {  // NOLINT(bugprone-empty-catch)
            // The next call meets the same error, and throws it.
        }
    }
    /// The page's rows, or nothing if it failed.
    std::optional<rows_type> outcome(const page_request& request, pending& done) {
        try {
            return done.rows.get();
        } catch (...) {
            errors_.push_back({request, std::current_exception()});
        }
        if (options_.on_error == fetch_errors::stop) {
            if (!failure_ || request.offset < errors_[*failure_].request.offset)
                failure_ = errors_.size() - 1;
            end_ = std::min(end_, next_offset_);
            if (options_.order == fetch_order::in_order) abandon(under_way_.begin());
        } else if (!options_.total) {
            // Nobody knows whether anything follows a page that cannot be read.
            end_ = std::min(end_, next_offset_);
        }
        return std::nullopt;
    }
    /// Draws the conclusions from a page of `got` rows.
    void account(const page_request& request, std::uint64_t got) {
        if (got == request.limit) return;
        const bool shows_all = options_.end != fetch_end::hidden_rows;
        if (options_.total) {
            if (shows_all) miss({request.offset + got, request.limit - got});
            if (got == 0) count_empty(request);
        } else if (!shows_all) {
            if (got == 0) count_empty(request);
        } else if (got == 0 || options_.end != fetch_end::repeated_page) {
            end_at(request.offset + got);
        }
    }
    /// True if the page is equal to the one before it and that means the end.
    bool repeats(const rows_type& rows) {
        if constexpr (comparable) {
            if (options_.end == fetch_end::repeated_page) {
                if (previous_ && std::ranges::equal(rows, *previous_)) return true;
                previous_ = rows;
            }
        }
        return false;
    }
    /// A page without a row: enough of them in a row, with no row behind them, are the end.
    void count_empty(const page_request& request) {
        if (enough_empty_pages() == no_end) return;
        std::uint64_t from = request.offset;
        std::uint64_t to = request.offset + request.limit;
        if (const auto behind = empty_.find(to); behind != empty_.end()) {
            to = behind->second;
            empty_.erase(behind);
        }
        const auto before = empty_.lower_bound(from);
        if (before != empty_.begin() && std::prev(before)->second == from) {
            std::prev(before)->second = to;
            from = std::prev(before)->first;
        } else {
            empty_.emplace(from, to);
        }
        // Runs that can grow no more are of no interest.
        const std::uint64_t lowest = under_way_.empty() ? next_offset_ : under_way_.begin()->first;
        empty_.erase(empty_.begin(), std::find_if(empty_.begin(), empty_.end(),
                                                  [&](const auto& run) { return run.second >= lowest; }));
        if (to <= last_row_ || (to - from - 1) / options_.limit + 1 < enough_empty_pages()) return;
        end_early(to);
    }
    [[nodiscard]] std::uint64_t enough_empty_pages() const noexcept {
        if (options_.empty_pages != 0) return options_.empty_pages;
        if (options_.end == fetch_end::hidden_rows) return no_end;
        return std::max<std::uint64_t>(64, window_);
    }
    /// Rows that were promised do not come.
    void miss(const row_range& rows) {
        if (rows.count == 0) return;
        auto error = std::make_exception_ptr(missing_rows(std::to_string(rows.count) + " rows from offset " +
                                                              std::to_string(rows.offset) +
                                                              " on were promised and did not come",
                                                          {rows}));
        errors_.push_back({{rows.offset, rows.count}, std::move(error)});
        missing_.push_back(rows);
    }

    /// All pages are settled: says how it went.
    bool finish() {
        if (options_.stop.stop_requested() && next_offset_ < end_) return give_up();
        if (failure_) {
            error_ = failure_of(errors_[*std::exchange(failure_, std::nullopt)]);
        } else if (!missing_.empty() && options_.on_error == fetch_errors::stop) {
            error_ = missing_as_error(std::exchange(missing_, {}));
        }
        return true;
    }
    /// The fetch was stopped.
    bool give_up() {
        if (failure_) {
            error_ = failure_of(errors_[*std::exchange(failure_, std::nullopt)]);
        } else {
            const std::uint64_t at = under_way_.empty() ? next_offset_ : under_way_.begin()->first;
            error_ = std::make_exception_ptr(
                cancelled("the fetch was stopped; the first page that was not handed out is the one at "
                          "offset " +
                          std::to_string(at)));
        }
        end_ = std::min(end_, next_offset_);
        missing_.clear();
        abandon(under_way_.begin());
        return true;
    }
    static std::exception_ptr failure_of(const failed_page& failed) {
        try {
            try {
                std::rethrow_exception(failed.error);
            } catch (...) {
                const auto& [offset, limit] = failed.request;
                std::throw_with_nested(fetch_error("page at offset " + std::to_string(offset) + " (limit " +
                                                       std::to_string(limit) +
                                                       "): " + detail::text_of(failed.error),
                                                   offset));
            }
        } catch (...) {
            return std::current_exception();
        }
    }
    std::exception_ptr missing_as_error(std::vector<row_range> all) const {
        std::sort(all.begin(), all.end(),
                  [](const row_range& a, const row_range& b) { return a.offset < b.offset; });
        std::vector<row_range> ranges;
        std::uint64_t count = 0;
        for (const row_range& each : all) {
            count += each.count;
            if (!ranges.empty() && ranges.back().offset + ranges.back().count == each.offset) {
                ranges.back().count += each.count;
            } else {
                ranges.push_back(each);
            }
        }
        std::string text = std::to_string(count) + " of " + std::to_string(*options_.total) +
                           " rows (fetch_options::total) did not come:";
        constexpr std::size_t shown = 8;
        for (std::size_t i = 0; i != std::min(shown, ranges.size()); ++i)
            text += (i == 0 ? " " : ", ") + std::to_string(ranges[i].count) + " from offset " +
                    std::to_string(ranges[i].offset) + " on";
        if (ranges.size() > shown)
            text += " and " + std::to_string(ranges.size() - shown) + " further ranges";
        if (end_ < options_.offset + *options_.total)
            text += "; the fetch ended at offset " + std::to_string(end_) + ", after " +
                    (options_.end == fetch_end::repeated_page
                         ? std::string("a page that came twice")
                         : std::to_string(enough_empty_pages()) + " pages in a row without a row");
        text += ". If the store hides rows, use fetch_end::hidden_rows";
        return std::make_exception_ptr(missing_rows(text, std::move(ranges)));
    }

    /// The data seems to end here, although more was promised.
    void end_early(std::uint64_t offset) {
        if (options_.total && options_.end != fetch_end::hidden_rows) {
            for (auto page = under_way_.lower_bound(offset); page != under_way_.end(); ++page)
                miss({page->first, page->second.limit});
            if (next_offset_ < end_) miss({next_offset_, end_ - next_offset_});
        }
        end_at(offset);
    }
    /// The data ends here: pages beyond it are not waited for.
    void end_at(std::uint64_t offset) {
        end_ = std::min(end_, offset);
        abandon(under_way_.lower_bound(end_), true);
    }
    /// Gives up the pages from `first` on: those that have not begun will not run. The errors of the others are dropped,
    /// but for pages beyond the end of the data: that such a page cannot be had means nothing.
    void abandon(typename page_map::iterator first, bool beyond_the_end = false) noexcept {
        while (first != under_way_.end()) {
            auto page = under_way_.extract(first++);
            auto& rows = page.mapped().rows;
            if (rows.valid() && beyond_the_end) detail::future_access::state(rows)->let_error_go();
            if (rows.valid() && !rows.cancel()) abandoned_.insert(std::move(page));
        }
    }

    E executor_;
    fetch_options options_;
    call call_;
    std::uint64_t next_offset_;
    std::uint64_t end_;  // no page begins here or later
    std::size_t window_;
    std::size_t open_;  // how much of the window is in use
    page_map under_way_;
    detail::completion_set arrivals_;
    std::optional<value_type> ready_;  // for next()
    std::exception_ptr error_;         // for next()
    std::vector<failed_page> errors_;
    std::optional<std::size_t> failure_;            // the one of errors_ that is thrown at the end
    std::vector<row_range> missing_;                // likewise
    std::map<std::uint64_t, std::uint64_t> empty_;  // runs of pages without rows: from, to
    std::uint64_t last_row_ = 0;                    // behind the last row that came
    std::optional<rows_type> previous_;             // for fetch_end::repeated_page
    // Beyond the end, perhaps still running; an offset that was given up, asked for and given up again twice.
    std::multimap<std::uint64_t, pending> abandoned_;
    std::optional<value_type> current_;
};

/// All pages of `source`, fetched on `ex`. Nothing is asked for before the first `next()` or `begin()`.
///
/// Throws std::invalid_argument if `limit` is 0, the offsets overflow, or the options cannot find the end. `ex` must
/// outlive the range; only a view of an executor, such as `yoke::with(...)`, may be a temporary.
template <class E, class Source>
    requires executor<std::remove_reference_t<E>> && page_source<Source>
auto fetch(E&& ex, Source&& source, const fetch_options& options = {}) {
    static_assert(std::is_lvalue_reference_v<E> || std::move_constructible<E>,
                  "yoke::fetch: the executor must outlive the pages, so it cannot be a temporary");
    return page_range<E, std::decay_t<Source>>(std::forward<E>(ex), std::forward<Source>(source), options);
}

}  // namespace yoke
