// SPDX-License-Identifier: MIT
#pragma once

/// How much memory this process may use before the kernel ends processes to get some: of the machine, and of the
/// control groups (containers) that the process is in.

#include <yoke/detail/base/config.hpp>
#include <yoke/detail/os/cpu_count.hpp>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

namespace yoke::detail {

/// Where to read; tests put a made-up tree here.
struct memory_files {
    cgroup_files groups{};
    std::string meminfo = "/proc/meminfo";
    std::string vmstat = "/proc/vmstat";
};

/// In bytes.
struct system_memory {
    static constexpr std::uint64_t unknown = ~std::uint64_t{0};
    std::uint64_t total = unknown;      ///< RAM, or the least limit of a group
    std::uint64_t available = unknown;  ///< of it, without taking it from anybody
};

/// The number behind `key` on the first line that begins with it; `otherwise` if there is none.
double number_behind(const std::string& path, std::string_view key, double otherwise);

/// Some 100 us, most of them the kernel's.
system_memory look_at_memory(const memory_files& files = {});

/// How many processes the kernel has ended because memory had run out, in the groups of this process and on the machine.
/// It only grows; what counts is whether it has grown.
std::uint64_t out_of_memory_kills(const memory_files& files = {});

}  // namespace yoke::detail

#if YOKE_IS_HEADER_ONLY
#include <yoke/detail/os/system_memory.ipp>
#endif
