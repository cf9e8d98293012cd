// SPDX-License-Identifier: MIT
#pragma once

/// What can be chosen about a stage and about the run of a pipeline (pipeline.hpp).

#include <yoke/error.hpp>
#include <yoke/observe/pipeline_statistics.hpp>
#include <yoke/time_span.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <stop_token>
#include <string>
#include <vector>

namespace yoke {

/// What can be chosen about one stage: `yoke::stage(pool, parse, {.limit = 2, .name = "parse"})`.
struct stage_options {
    /// How many of its calls may run at once, at least 1; 0 means the executor's `concurrency()`. At limit 1 the function may
    /// change itself from call to call on an executor of this address space.
    std::size_t limit = 0;
    /// For errors and statistics.
    std::string name{};
    /// As task_options::timeout: the longest one call may take; 0: no limit. Process pools only; others refuse the stage.
    time_span timeout{};
    /// As task_options::attempts: how often a call may be started when the process that runs it dies; at least 1. Likewise.
    int attempts = 1;
    /// As task_options::priority.
    int priority = 0;
};

/// What a stop request does to the run.
enum class stop_policy {
    now,  ///< What has not begun is dropped, what runs is waited for, and the run throws `cancelled`.
    drain  ///< The source is left alone from then on; what it gave goes through to the sink and the run returns.
};

/// An item that was set aside.
struct failed_item {
    /// As stage_error::stage() and stage_error::item().
    std::size_t stage = 0;
    std::uint64_t item = 0;
    /// What it failed with.
    std::exception_ptr error{};
};

/// What can be chosen about a run; given to the sink: `yoke::collect({.items = 100})`.
struct pipeline_options {
    /// The most items between source and sink at once, those that only wait for their turn at the sink included. The source is asked
    /// for the next item when there are fewer. 0 means four per call that may run at once, but at least 64. An item counts once wherever it
    /// is: each element after `flatten` counts, so it may exceed the bound for a while, and a batch counts once. If everything
    /// waits for a batch to become full, the source is asked all the same.
    std::size_t items = 0;
    /// Ends the run early.
    std::stop_token stop{};
    /// How it ends then.
    stop_policy on_stop = stop_policy::now;
    /// What errors in stages, filters, flatten and orders do. Errors of source and sink stop the run in any case.
    error_policy on_error = error_policy::stop;
    /// Where items that were set aside are appended, in the order of failing; null: they are counted only.
    std::vector<failed_item>* failed = nullptr;
    /// Filled in when the run has ended, whichever way; null: not.
    pipeline_statistics* statistics = nullptr;
};

}  // namespace yoke
