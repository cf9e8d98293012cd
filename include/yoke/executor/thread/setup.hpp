// SPDX-License-Identifier: MIT
#pragma once

/// What a thread pool's core is made with; see thread_pool_options for what it means.

#include <yoke/executor/thread/hooks.hpp>

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

namespace yoke::detail {

struct pool_setup {
    std::size_t threads;
    std::size_t max_pending;
    std::string name;
    std::vector<unsigned> processors;
    std::chrono::nanoseconds drain_time;
    /// May be null.
    std::unique_ptr<worker_hooks> hooks{};
    /// The hooks want to hear of each task and each sleep.
    bool observed = false;
    /// The hooks initialize each thread, which may fail: threads are started where the user is told of it.
    bool initialized = false;
};

}  // namespace yoke::detail
