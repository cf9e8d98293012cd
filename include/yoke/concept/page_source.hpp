// SPDX-License-Identifier: MIT
#pragma once

/// What a batch fetcher pulls from: a store that gives out its rows by pages.
///
///     struct store {
///         std::string path;                                        // what a worker needs to open its own connection
///         std::vector<row> operator()(yoke::page_request page) const;
///     };
///
/// A page source is called with an offset and a limit and returns at most `limit` rows, those at `offset`,
/// `offset + 1`, ... in an order that is the same for every call. It is called on many workers at once, on
/// copies or through const, so what it keeps between calls (a connection) must be the worker's own: `thread_local`.
///
/// To run on a process pool the source must be a value that can cross (wire/shippable.hpp): its path and query travel,
/// its connection is opened where it runs.
///
/// Rows that are inserted or deleted between two calls shift the offsets: rows then come twice or not at all. Pull from
/// a snapshot, or page by key, when somebody writes meanwhile.

#include <yoke/concept/receiver.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace yoke {

/// Which rows a page source is asked for: at most `limit`, from the `offset`-th on, counted from 0.
struct page_request {
    std::uint64_t offset = 0;
    std::uint64_t limit = 0;

    friend bool operator==(const page_request&, const page_request&) = default;
};

/// The container of rows that a source returns.
template <class S>
using page_rows = call_result<const std::decay_t<S>&, page_request>;

/// Callable with a page_request through const, copyable, and returning a container that knows its size and can be
/// appended to (std::vector of any row).
template <class S>
concept page_source = std::copy_constructible<std::decay_t<S>> && std::invocable < const std::decay_t<S>
&, page_request > &&requires(page_rows<S> rows, page_rows<S> more) {
    { rows.size() } -> std::convertible_to<std::size_t>;
    rows.insert(rows.end(), more.begin(), more.end());
    typename page_rows<S>::value_type;
};

/// One row of a source.
template <page_source S>
using page_row = typename page_rows<S>::value_type;

}  // namespace yoke
