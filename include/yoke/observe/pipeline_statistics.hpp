// SPDX-License-Identifier: MIT
#pragma once

/// What a pipeline did: how much went through each stage and where the time went.
///
///     yoke::pipeline_statistics statistics;
///     auto reports = yoke::from(endpoints) | ... | yoke::collect({.statistics = &statistics});
///     std::cerr << yoke::to_string(statistics);
///
///     stage           limit   in   out  errors   busy s   full s  starved s  held up s  longest queue
///     1 collect           1    3     3       0    1.350    1.350      1.000      0.000              2
///     ...
///     bottleneck: stage 3 (report)
///
/// The four times answer "what should I change?" For a stage that is *full* most of the time, raise its limit or
/// make it faster; one that is *starved* waits for the stages before it; one that is *held up* has items and
/// may begin them, but its executor has no worker free.
///
/// These are plain values, filled in when the run has ended.

#include <yoke/detail/base/config.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

namespace yoke {

/// One stage of one run. Times are in seconds.
struct stage_statistics {
    /// Position among the stages, counted from 1.
    std::size_t number = 0;
    /// `stage_options::name`; may be empty.
    std::string name{};
    /// How many of its calls could run at once.
    std::size_t limit = 0;
    /// Items that arrived at the stage, and results that left it.
    std::uint64_t items_in = 0;
    std::uint64_t items_out = 0;
    /// Items that failed, also after the first failure.
    std::uint64_t errors = 0;
    /// Sum over all calls. On a process pool a call counts from the hand-over to the result, the way there
    /// and back included.
    double busy = 0;
    /// How long it ran as many calls as it may.
    double full = 0;
    /// How long it could have begun a call but had no item.
    double starved = 0;
    /// How long it had an item and could have begun a call, but no worker was free.
    double held_up = 0;
    /// The most items that waited in front of it.
    std::size_t longest_queue = 0;

    /// For instance `stage 3 (report)`, or `stage 3` if it has no name.
    [[nodiscard]] std::string label() const;
};

/// One run of a pipeline. Times are in seconds.
struct pipeline_statistics {
    /// In the order of the pipeline.
    std::vector<stage_statistics> stages{};
    /// Items the source gave, and results that reached the sink.
    std::uint64_t items_in = 0;
    std::uint64_t items_out = 0;
    /// All failures, those of source, sink, filters and orders included. The first of them is what the run threw,
    /// unless failed items were set aside.
    std::uint64_t errors = 0;
    /// The most items that were between source and sink at once, and the bound that was in force.
    std::size_t most_items = 0;
    std::size_t bound = 0;
    /// The whole run; what the source and the sink took of it on the driving thread.
    double seconds = 0;
    double source_seconds = 0;
    double sink_seconds = 0;

    /// The stage with the most busy time per call it may run at once: the run cannot become shorter than this
    /// quotient without changing that stage. Null if there are no stages. Points into `stages`.
    [[nodiscard]] const stage_statistics* bottleneck() const noexcept;
};

/// The statistics as a table, a line for each stage.
[[nodiscard]] std::string to_string(const pipeline_statistics& run);

}  // namespace yoke

#if YOKE_IS_HEADER_ONLY
#include <yoke/observe/pipeline_statistics.ipp>
#endif
