// SPDX-License-Identifier: MIT
#pragma once

#include <yoke/detail/process/thread_probe.hpp>

namespace yoke::detail {

YOKE_INLINE bool other_threads_run() noexcept {
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
