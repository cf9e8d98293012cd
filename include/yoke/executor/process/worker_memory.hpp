// SPDX-License-Identifier: MIT
#pragma once

/// How much memory this process uses, as the kernel counts it.

#include <cstdint>
#include <cstdio>

#include <fcntl.h>
#include <unistd.h>

namespace yoke::detail {

/// In bytes; zeros if the system does not tell.
struct process_memory {
    std::uint64_t resident = 0;  ///< in RAM and not shared with a file or another process's mapping of one
    std::uint64_t data = 0;      ///< what RLIMIT_DATA bounds, and the stack: in RAM or only promised
};

/// One system call after the first (about a microsecond). For processes with one thread.
inline process_memory memory_of_this_process() noexcept {
    static const int file = ::open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    char text[128];
    const ssize_t size = ::pread(file, text, sizeof text - 1, 0);
    if (size <= 0) return {};
    text[size] = 0;
    unsigned long resident = 0;
    unsigned long shared = 0;
    unsigned long data = 0;
    if (std::sscanf(text, "%*u %lu %lu %*u %*u %lu", &resident, &shared, &data) != 3) return {};
    const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
    return {.resident = (resident - shared) * page, .data = data * page};
}

}  // namespace yoke::detail
