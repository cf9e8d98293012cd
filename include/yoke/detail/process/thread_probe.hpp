// SPDX-License-Identifier: MIT
#pragma once

/// Does this process have more than one thread? Asked before a fork whose child goes on running this program's code:
/// a lock that another thread holds at that moment would stay locked in the child for ever.

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
[[nodiscard]] inline bool other_threads_run() noexcept {
    const auto ask = [] {
        if constexpr (threads_of_the_tools == 0) {
            // Does nothing in a process of one thread, and is refused with EINVAL in any other.
            if (sys.unshare(CLONE_THREAD) == 0) return false;
            if (errno == EINVAL) return true;
        }
        // Some containers forbid unshare. The directory has one link per thread, and two of its own.
        struct stat tasks {};
        if (::stat("/proc/self/task", &tasks) != 0) return false;
        return tasks.st_nlink > 2 + 1 + threads_of_the_tools;
    };
    const std::int64_t give_up = monotonic_ns() + 1'000'000;
    while (ask()) {
        if (monotonic_ns() >= give_up) return true;
        const timespec moment{0, 20'000};
        ::nanosleep(&moment, nullptr);
    }
    return false;
}

}  // namespace yoke::detail
