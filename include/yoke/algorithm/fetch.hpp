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
/// **Where it ends.** With a known `total` exactly the pages that hold it are asked for, and no call is wasted. With an
/// unknown one the window opens 1, 2, 4, ... and the end is where a source says so: an empty answer (default), or a short
/// one (`fetch_end::short_page`, which saves a call). At most `window - 1` calls go beyond the end.
///
/// **Short pages.** Some stores return fewer rows than asked for in the middle of the data. By default what is missing
/// is asked for again, until the page is full or the answer empty: no row is lost, none comes twice. Never trust
/// `fetch_end::short_page` with such a store.
///
/// **Errors.** A page that fails ends the fetch: no further page is begun; in order, the pages before it are handed out
/// first, as completed, all that were under way; then a `fetch_error` that names the page, with the cause nested, is
/// thrown. With `.on_error = fetch_errors::set_aside` the others go on, and
/// `errors()` has all that failed. Give pages to `yoke::with(pool, {.attempts = 3})` to have them repeated when a worker
/// process dies, and `.retries` for what the source throws.

#include <yoke/concept/executor.hpp>
#include <yoke/concept/page_source.hpp>
#include <yoke/detail/completion_set.hpp>
#include <yoke/detail/exception_text.hpp>
#include <yoke/error.hpp>
#include <yoke/future.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <exception>
#include <iterator>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace yoke {

/// In which order pages are handed out.
enum class fetch_order {
    in_order,      ///< by offset; a page that arrives early waits in the window
    as_completed,  ///< as they arrive
};

/// How a source of unknown total says that there is no more.
enum class fetch_end {
    empty_page,  ///< by an answer without rows; short pages are completed by further calls
    short_page,  ///< by an answer with fewer rows than asked for
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
    /// Rows from `offset` on, if known. If the store has fewer, the fetch ends where they end; if it has more,
    /// the rest is not asked for.
    std::optional<std::uint64_t> total{};
    /// Pages under way or waiting to be taken; 0 means twice the executor's concurrency.
    std::size_t window = 0;
    fetch_order order = fetch_order::in_order;
    fetch_end end = fetch_end::empty_page;
    fetch_errors on_error = fetch_errors::stop;
    /// How often a call that throws is repeated at once, in its worker, before the page counts as failed.
    unsigned retries = 0;
};

/// A page of rows, the first of which has this offset. Never empty.
template <class Rows>
struct page {
    std::uint64_t offset = 0;
    Rows rows;
};

/// A page that could not be had.
struct failed_page {
    page_request request;
    std::exception_ptr error;
};

namespace detail {

/// Gets one page, complete as the options ask. Runs in the worker, and crosses to it if the source does.
template <class Source>
struct page_call {
    Source source;
    bool complete;     // ask again for what a short answer left out
    unsigned retries;  // of a call that throws

    page_rows<Source> operator()(page_request page) const {
        auto rows = ask(page);
        while (complete && !rows.empty() && rows.size() < page.limit) {
            auto more = ask({page.offset + rows.size(), page.limit - rows.size()});
            if (more.empty()) break;
            rows.insert(rows.end(), std::make_move_iterator(more.begin()),
                        std::make_move_iterator(more.end()));
        }
        return rows;
    }

private:
    page_rows<Source> ask(page_request page) const {
        for (unsigned again = retries;; --again) {
            try {
                auto rows = source(page);
                if (rows.size() > page.limit)
                    throw page_overflow("the source returned " + std::to_string(rows.size()) +
                                        " rows and was asked for at most " + std::to_string(page.limit));
                return rows;
            } catch (const page_overflow&) {
                throw;  // it would do so again
            } catch (...) {
                if (again == 0) throw;
            }
        }
    }
};

/// The same for workers of this address space, which share one source.
template <class Source>
struct shared_page_call {
    std::shared_ptr<const page_call<Source>> call;
    page_rows<Source> operator()(page_request page) const { return (*call)(page); }
};

}  // namespace detail

/// The pages of a fetch: an input range, to be gone through once, by one thread at a time. Refers to the executor;
/// owns everything else. Destroying it cancels the pages that have not begun and, if the executor runs in this address
/// space, waits for those that are running: none uses the source, or what that refers to, any longer.
template <executor E, page_source Source>
class [[nodiscard]] page_range {
    using call =
        std::conditional_t<local_executor<E>, detail::shared_page_call<Source>, detail::page_call<Source>>;
    static_assert(
        executor_of<E, call, page_request>,
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

    page_range(E& ex, Source source, const fetch_options& options)
        : executor_(&ex),
          options_(checked(options)),
          call_(make_call(std::move(source), options)),
          next_offset_(options.offset),
          end_(end_of(options)),
          window_(options.window != 0 ? options.window : 2 * std::max<std::size_t>(1, ex.concurrency())),
          open_(options.total ? window_ : 1) {}
    page_range(page_range&&) noexcept = default;
    page_range& operator=(page_range&&) = delete;
    ~page_range() {
        abandon(under_way_.begin());
        if constexpr (local_executor<E>) {
            for (const auto& [offset, page] : abandoned_) detail::future_access::settle(page.rows);
        }
    }

    /// Waits for the next page; nothing at the end. Throws fetch_error for a page that failed (then the fetch is over), and
    /// what the executor throws when it takes no more work.
    [[nodiscard]] std::optional<value_type> next() {
        for (;;) {
            try {
                launch();
            } catch (...) {
                if (under_way_.empty()) throw;  // what the executor took comes first
            }
            if (under_way_.empty()) {
                if (failure_) throw_failure();
                return std::nullopt;
            }
            auto node = under_way_.extract(take_completed());
            const std::uint64_t offset = node.key();
            std::optional<rows_type> rows = outcome(offset, node.mapped());
            open_ = std::min(window_, open_ * 2);
            if (rows && rows->size() < node.mapped().limit) end_at(offset + rows->size());
            if (rows && !rows->empty()) {
                value_type taken{offset, std::move(*rows)};
                try {
                    launch();  // so that the workers are busy while this page is looked at
                } catch (...) {
                    return taken;  // the next call meets the same error, and throws it
                }
                return taken;
            }
        }
    }

    /// Waits for the first page; `++` waits for the next. Iterators refer to the range.
    [[nodiscard]] iterator begin() {
        if (!current_) current_ = next();
        return iterator(*this);
    }
    [[nodiscard]] std::default_sentinel_t end() const noexcept { return {}; }

    /// The pages that have failed so far.
    [[nodiscard]] const std::vector<failed_page>& errors() const noexcept { return errors_; }
    /// The most pages that are under way or wait to be taken.
    [[nodiscard]] std::size_t window() const noexcept { return window_; }

private:
    struct pending {
        std::uint64_t limit = 0;
        future<rows_type> rows;
    };
    using page_map = std::map<std::uint64_t, pending>;  // by offset
    static constexpr std::uint64_t no_end = std::numeric_limits<std::uint64_t>::max();

    static const fetch_options& checked(const fetch_options& options) {
        if (options.limit == 0)
            throw std::invalid_argument(
                "fetch_options::limit is 0: a page of no rows never gets anywhere; ask for 1 "
                "row or more");
        if (options.total && *options.total > no_end - options.offset)
            throw std::invalid_argument("fetch_options::offset " + std::to_string(options.offset) +
                                        " + total " + std::to_string(*options.total) +
                                        " is beyond the largest offset, " + std::to_string(no_end));
        return options;
    }
    static std::uint64_t end_of(const fetch_options& options) {
        return options.total ? options.offset + *options.total : no_end;
    }
    static call make_call(Source source, const fetch_options& options) {
        detail::page_call<Source> made{
            std::move(source), options.end == fetch_end::empty_page || options.total, options.retries};
        if constexpr (local_executor<E>) {
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
                page->second = {request.limit, submit(*executor_, call_, request)};
                if (options_.order == fetch_order::as_completed) {
                    auto* const state = detail::future_access::state(page->second.rows);
                    state->acquire();
                    arrivals_.add(detail::state_ref<detail::future_core>(state), request.offset);
                }
            } catch (...) {
                abandon(page);
                throw;
            }
            next_offset_ += request.limit;
        }
    }

    /// Offset of the page that is handed out next; waits for it.
    std::uint64_t take_completed() {
        if (options_.order == fetch_order::in_order) {
            under_way_.begin()->second.rows.wait();
            return under_way_.begin()->first;
        }
        for (;;) {
            const std::uint64_t offset = arrivals_.take();
            if (under_way_.contains(offset)) return offset;  // else it lay beyond the end
        }
    }

    /// The page's rows, or nothing if it failed.
    std::optional<rows_type> outcome(std::uint64_t offset, pending& done) {
        try {
            return done.rows.get();
        } catch (...) {
            errors_.push_back({{offset, done.limit}, std::current_exception()});
        }
        if (options_.on_error == fetch_errors::stop) {
            if (!failure_ || offset < errors_[*failure_].request.offset) failure_ = errors_.size() - 1;
            end_ = std::min(end_, next_offset_);
            if (options_.order == fetch_order::in_order) abandon(under_way_.begin());
        } else if (!options_.total) {
            // Nobody knows whether anything follows a page that cannot be read.
            end_ = std::min(end_, next_offset_);
        }
        return std::nullopt;
    }
    [[noreturn]] void throw_failure() {
        const failed_page failed = errors_[*std::exchange(failure_, std::nullopt)];
        try {
            std::rethrow_exception(failed.error);
        } catch (...) {
            const auto& [offset, limit] = failed.request;
            std::throw_with_nested(fetch_error("page at offset " + std::to_string(offset) + " (limit " +
                                                   std::to_string(limit) +
                                                   "): " + detail::text_of(failed.error),
                                               offset));
        }
    }

    /// The data ends here: pages beyond it are not waited for.
    void end_at(std::uint64_t offset) {
        end_ = std::min(end_, offset);
        abandon(under_way_.lower_bound(end_));
    }
    /// Gives up the pages from `first` on: those that have not begun will not run.
    void abandon(typename page_map::iterator first) noexcept {
        while (first != under_way_.end()) {
            auto page = under_way_.extract(first++);
            auto& rows = page.mapped().rows;
            if (rows.valid() && !rows.cancel()) abandoned_.insert(std::move(page));
        }
    }

    E* executor_;
    fetch_options options_;
    call call_;
    std::uint64_t next_offset_;
    std::uint64_t end_;  // no page begins here or later
    std::size_t window_;
    std::size_t open_;  // how much of the window is in use
    page_map under_way_;
    detail::completion_set arrivals_;
    std::vector<failed_page> errors_;
    std::optional<std::size_t> failure_;  // the one of errors_ that next() throws at the end
    page_map abandoned_;                  // beyond the end, perhaps still running
    std::optional<value_type> current_;
};

/// All pages of `source`, fetched on `ex`. Nothing is asked for before the first `next()` or `begin()`.
///
/// Throws std::invalid_argument if `limit` is 0 or the offsets overflow. `ex` must outlive the range. A view such as
/// `yoke::with(...)` is an executor of its own: name it, and keep it as long.
template <executor E, class Source>
    requires page_source<Source>
auto fetch(E& ex, Source&& source, const fetch_options& options = {}) {
    return page_range<E, std::decay_t<Source>>(ex, std::forward<Source>(source), options);
}

}  // namespace yoke
