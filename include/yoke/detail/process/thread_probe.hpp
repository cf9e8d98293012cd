// SPDX-License-Identifier: MIT
#pragma once

/// Does this process have more than one thread? Asked before a fork whose child goes on running this program's code:
/// a lock that another thread holds at that moment would stay locked in the child for ever.

#include <yoke/detail/base/config.hpp>
#include <yoke/detail/process/sys.hpp>

#include <sys/stat.h>
#include <time.h>

namespace yoke::detail {

#if defined(__SANITIZE_THREAD__)
inline constexpr unsigned long threads_of_the_tools = 1;
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
inline constexpr unsigned long threads_of_the_tools = 1;
#else
inline constexpr unsigned long threads_of_the_tools = 0;
#endif
#else
inline constexpr unsigned long threads_of_the_tools = 0;
#endif

/// True if other threads run. A thread that was joined a moment ago may still be on its way out of the kernel, so the
/// question is repeated for a millisecond before the answer is yes.
[[nodiscard]] bool other_threads_run() noexcept;

}  // namespace yoke::detail

#if YOKE_IS_HEADER_ONLY
#include <yoke/detail/process/thread_probe.ipp>
#endif
