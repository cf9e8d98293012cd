// SPDX-License-Identifier: MIT
#pragma once

#include <yoke/executor/thread_pool.hpp>

// In the compiled form only: the pool that most programs use is compiled once, too. A header-only program compiles of it
// what it uses.
#if !YOKE_IS_HEADER_ONLY

namespace yoke {

template class detail::pool_core<detail::work_stealing_queues>;
template class basic_thread_pool<work_stealing>;

}  // namespace yoke

#endif
