// SPDX-License-Identifier: MIT
#pragma once

/// Looks over a thread pool's shoulder.
///
///     class busy_time : public yoke::pool_observer { ... };
///     busy_time watch;
///     yoke::thread_pool pool({.observer = &watch});
///
/// `yoke::trace` (observe/trace.hpp) is one.

#include <yoke/detail/base/config.hpp>

#include <cstddef>
#include <string_view>
#include <utility>

namespace yoke {

/// Is told what the workers of a pool do. Derive from it and override what is of interest; the others do nothing.
///
/// Every call comes from the worker it speaks of, while that does nothing else: so calls for different workers come at
/// the same time, those for one worker one after the other, and what they take is the pool's loss. They must not wait
/// for tasks of the pool. `worker` is the worker's number in its pool; one observer may watch several pools, which
/// worker_started() tells apart by their names.
///
/// The pool does not own its observer, which must live until the pool's threads have ended.
class pool_observer {
public:
    pool_observer() = default;
    pool_observer(const pool_observer&) = delete;
    pool_observer& operator=(const pool_observer&) = delete;
    virtual ~pool_observer() = default;

    /// A thread has been started and has done nothing yet, and: it will do nothing more. What a worker needs for
    /// itself can be made and put away here.
    virtual void worker_started(std::string_view /*pool*/, std::size_t /*worker*/) noexcept {}
    virtual void worker_ended(std::string_view /*pool*/, std::size_t /*worker*/) noexcept {}

    /// The worker has taken a task from the pool's queues, or a part that another worker's task has forked (invoke, the
    /// loops), and: that is over. A task may be one that somebody else has begun or cancelled meanwhile, and then takes no
    /// time. What a task runs because it waits for it is part of that task.
    virtual void task_begin(std::size_t /*worker*/) noexcept {}
    virtual void task_end(std::size_t /*worker*/) noexcept {}

    /// A task_span begins, and ends, in what the worker runs.
    virtual void span_begin(std::size_t /*worker*/, std::string_view /*name*/) noexcept {}
    virtual void span_end(std::size_t /*worker*/) noexcept {}

    /// The worker found nothing to do, and: it was woken.
    virtual void sleep_begin(std::size_t /*worker*/) noexcept {}
    virtual void sleep_end(std::size_t /*worker*/) noexcept {}
};

namespace detail {

/// Who watches this thread, which is a worker of an observed pool.
struct watched_place {
    pool_observer* observer = nullptr;
    std::size_t worker = 0;
};
YOKE_SHARED_STATE inline thread_local watched_place this_watched_worker;

}  // namespace detail

/// Names a part of what a task does, for the observer of the pool that runs it:
///
///     const yoke::task_span reading("read the file");
///
/// Without an observer it costs a look at a thread-local variable. Spans on one thread end in the reverse order of their
/// beginning.
class task_span {
public:
    explicit task_span(std::string_view name) noexcept : place_(detail::this_watched_worker) {
        if (place_.observer != nullptr) place_.observer->span_begin(place_.worker, name);
    }
    ~task_span() {
        if (place_.observer != nullptr) place_.observer->span_end(place_.worker);
    }
    task_span(const task_span&) = delete;
    task_span& operator=(const task_span&) = delete;

private:
    const detail::watched_place place_;
};

}  // namespace yoke
