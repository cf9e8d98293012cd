// SPDX-License-Identifier: MIT
#pragma once

/// What a thread pool has done and is doing: the values that `thread_pool::statistics()` returns.
///
/// The workers count for themselves, without a word to each other, and the counts are added up when somebody asks. So
/// asking costs the pool nothing, and while tasks run the numbers need not fit together to the last one.

#include <cstddef>
#include <cstdint>
#include <vector>

namespace yoke {

/// What one worker has done. If its thread has left and another one has taken its number, both together.
struct worker_statistics {
    /// Tasks that completed on its thread: with a value, with an error, or stopped.
    std::uint64_t done = 0;
    /// Tasks that it took from another worker's queue.
    std::uint64_t stolen = 0;
    /// How often it found nothing to do and went to sleep.
    std::uint64_t slept = 0;
    /// True while it is in a task, or in a part of one that another worker has forked.
    bool busy = false;
};

/// What a pool has done since it was made. A task is counted once, whoever runs it.
struct pool_statistics {
    /// Threads that there are now. They are started when they are needed, so this may be less than `concurrency()`;
    /// after a resize to fewer it may be more for a while.
    std::size_t threads = 0;
    /// Tasks that were accepted and have not begun; those that have begun and have not completed; and those that have
    /// completed: with a value, with an error, or stopped.
    std::uint64_t queued = 0;
    std::uint64_t running = 0;
    std::uint64_t done = 0;
    /// Of all, those that were begun by a task that waited for them, or cancelled, before a worker came to them.
    std::uint64_t overtaken = 0;
    /// Tasks that a worker took from another worker's queue.
    std::uint64_t stolen = 0;
    /// How often a worker found nothing to do and went to sleep.
    std::uint64_t slept = 0;
    /// Exceptions that nobody could receive, see `dropped_errors()`.
    std::uint64_t dropped_errors = 0;
    /// Each worker by its number; only those that were ever started.
    std::vector<worker_statistics> workers{};
};

}  // namespace yoke
