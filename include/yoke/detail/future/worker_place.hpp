// SPDX-License-Identifier: MIT
#pragma once

/// Of which pool of threads the calling thread is a worker.

#include <yoke/detail/base/config.hpp>

#include <cstddef>

namespace yoke::detail {

class worker_counters;

/// The number of a thread that is no worker.
inline constexpr std::size_t no_worker = static_cast<std::size_t>(-1);

/// Of which pool this thread is a worker, and which one.
struct worker_place {
    const void* pool = nullptr;
    std::size_t index = no_worker;
    worker_counters* counters = nullptr;
};
YOKE_SHARED_STATE inline thread_local worker_place this_worker;

}  // namespace yoke::detail
