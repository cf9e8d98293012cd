// SPDX-License-Identifier: MIT
#pragma once

/// What a thread pool's worker runs.

namespace yoke::detail {

/// A task as its queue sees it. The queue owns it (or its share of it) until it calls run() or stop(), once;
/// after that the task may be gone.
class task {
public:
    task(const task&) = delete;
    task& operator=(const task&) = delete;

    /// Runs the task here, unless it was overtaken.
    virtual void run() noexcept = 0;
    /// Completes the task as stopped, unless it was overtaken.
    virtual void stop() noexcept = 0;

protected:
    task() = default;
    ~task() = default;
};

}  // namespace yoke::detail
