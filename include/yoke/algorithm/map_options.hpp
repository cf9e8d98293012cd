// SPDX-License-Identifier: MIT
#pragma once

/// How map, for_each and reduce go through their input, and what they say of items that fail.
///
///     std::vector<yoke::failed_items> failed;
///     auto good = yoke::map(pool, paths, parse, {.failed = &failed, .on_error = yoke::error_policy::set_aside});
///     for (const auto& each : failed) std::cerr << paths[each.index] << '\n';

/// What tells the item, or the like, that an error is about:
///
/// | algorithm             | what is thrown                                             | what it is about                      |
/// |-----------------------|------------------------------------------------------------|---------------------------------------|
/// | map, for_each, reduce | the function's exception, as itself                        | `map_options::failed`: the item       |
/// |                       | worker_lost, task_timeout                                  | besides: items(), and the text        |
/// | fetch                 | fetch_error with the cause nested; page_range::errors()    | offset() and the text; the request    |
/// | pipeline              | stage_error with the cause nested; pipeline_options::failed| stage(), item() and the text          |
/// | as_completed          | each future's own                                          | index()                               |
/// | when_all, consume     | the first future's own                                     | nothing: look at the futures instead  |
/// | scan, sort, invoke    | the function's exception, as itself; invoke: task_errors   | nothing                               |

#include <yoke/error.hpp>

#include <cstddef>
#include <cstdint>
#include <exception>
#include <vector>

namespace yoke {

/// Neighbouring items that were worked on by one task, which failed.
struct failed_items {
    /// The first of them, counted from 0 in the order of the input.
    std::uint64_t index = 0;
    /// How many they are: as many as a chunk has, or 0 if the input itself failed or the executor took no more work.
    std::uint64_t count = 1;
    /// What was thrown: by the function, or worker_lost, task_timeout, cancelled and the like.
    std::exception_ptr error{};
};

/// How an algorithm cuts its input, and what it does about errors. The defaults suit items of any cost; on executors
/// that fork they leave it to the workers to share out a random-access range as they become idle; any other `chunk`, `window`
/// or `on_error` asks for chunks.
struct map_options {
    /// Items in a chunk; 0 means that the size is chosen by measuring, or, where the executor does not fork or failed items
    /// are set aside, 1 if failed items are to be named.
    std::size_t chunk = 0;
    /// Chunks under way at a time, those included that are done and wait for one before them; 0 means twice the
    /// executor's concurrency, or up to 256 if chunks of a given size turn out to be short, and more that are done
    /// (the table above).
    std::size_t window = 0;
    /// Where failed items are appended, in the order of the input: with error_policy::stop those whose error is
    /// thrown, with set_aside all. An item is named on any executor, however it failed; with a `chunk` above 1 its
    /// whole chunk is, of which nothing is delivered then. Not owned.
    std::vector<failed_items>* failed = nullptr;
    /// With set_aside the results of the other items are delivered, without a gap. What the input throws, and
    /// an executor that takes no more work, stop the algorithm in any case.
    error_policy on_error = error_policy::stop;
};

}  // namespace yoke
