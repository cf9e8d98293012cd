// SPDX-License-Identifier: MIT
#pragma once

/// What a task that runs in a worker process can ask about itself.
///
///     int simulate(int steps) {
///         for (int i = 0; i < steps; ++i) {
///             if (yoke::this_task::stop_requested()) throw yoke::cancelled();     // completes as stopped
///             advance(i);
///         }
///         return result();
///     }
///     std::stop_source stop;
///     auto outcome = processes.submit({.stop = stop.get_token(), .grace = 2s}, simulate, 1'000'000);
///     stop.request_stop();                                    // killed if it has not ended two seconds later
///
/// A stop request on `task_options::stop` cannot reach into another process by itself; these functions are its other end.
/// A task on threads is given the std::stop_token as an argument.

#if !defined(__linux__)
#error                                                                                                       \
    "yoke::this_task is about tasks in worker processes, which need Linux; give a task on threads its std::stop_token"
#endif

#include <yoke/executor/process/stop_listener.hpp>

#include <stop_token>

namespace yoke::this_task {

/// Whether a stop was requested for the task that this worker process runs; false outside of one. Reads one word of
/// memory. Any thread of the task may ask.
[[nodiscard]] inline bool stop_requested() noexcept {
    const detail::stoppable_task* const task = detail::stoppable_task::current();
    return task != nullptr && task->stop_requested();
}

/// A token of that request, to wait with or to hand on; one without a state outside of a worker's task. The first call in
/// a task starts a thread, which lasts as long as the task; callbacks run on it. For the task's own thread. Throws
/// std::system_error if the thread cannot be started.
[[nodiscard]] inline std::stop_token stop_token() {
    detail::stoppable_task* const task = detail::stoppable_task::current();
    return task != nullptr ? task->stop_token() : std::stop_token();
}

}  // namespace yoke::this_task
