// SPDX-License-Identifier: MIT
#pragma once

/// What happens on a pool's threads besides its tasks: see `pool_observer` (observe/pool_observer.hpp) and the initialization
/// of executor/thread_pool.hpp. Here, so that the pool's core need not know them.

#include <cstddef>

namespace yoke::detail {

class worker_hooks {
public:
    worker_hooks() = default;
    worker_hooks(const worker_hooks&) = delete;
    worker_hooks& operator=(const worker_hooks&) = delete;
    virtual ~worker_hooks() = default;

    /// Before the first task of worker `self`, on its thread. If it throws, the worker ends.
    virtual void begin(std::size_t self) = 0;
    /// After its last, if begin() has not thrown.
    virtual void end(std::size_t self) noexcept = 0;

    /// Around each task and each sleep, if the pool is observed.
    virtual void task_begin(std::size_t self) noexcept = 0;
    virtual void task_end(std::size_t self) noexcept = 0;
    virtual void sleep_begin(std::size_t self) noexcept = 0;
    virtual void sleep_end(std::size_t self) noexcept = 0;
};

}  // namespace yoke::detail
