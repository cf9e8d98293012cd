// SPDX-License-Identifier: MIT
#pragma once

/// How much memory this process may use before the kernel ends processes to get some: of the machine, and of the
/// control groups (containers) that the process is in.

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
inline double number_behind(const std::string& path, std::string_view key, double otherwise) {
    std::string_view line;
    for (line_reader lines(path); lines.next(line);)
        if (line.substr(0, key.size()) == key) return std::strtod(line.data() + key.size(), nullptr);
    return otherwise;
}

/// Some 100 us, most of them the kernel's.
inline system_memory look_at_memory(const memory_files& files = {}) {
    system_memory memory;
    const auto least = [](std::uint64_t& of, double bytes) {
        if (bytes >= 0 && bytes < 1e18) of = std::min(of, static_cast<std::uint64_t>(bytes));
    };
    least(memory.total, number_behind(files.meminfo, "MemTotal:", -1) * 1024);
    least(memory.available, number_behind(files.meminfo, "MemAvailable:", -1) * 1024);
    for_each_group(files.groups, "memory", [&](const std::string& directory, bool version2) {
        // 0 is "max", or no such file. What version 1 says of a group without a limit is more than any machine has.
        const double limit = number_in(directory, version2 ? "/memory.max" : "/memory.limit_in_bytes", 0);
        if (limit <= 0 || limit >= 1e18) return;
        const double used = number_in(directory, version2 ? "/memory.current" : "/memory.usage_in_bytes", 0) -
                            number_behind(directory + "/memory.stat",
                                          version2 ? "inactive_file " : "total_inactive_file ", 0);
        least(memory.total, limit);
        least(memory.available, std::max(0.0, limit - std::max(0.0, used)));
    });
    return memory;
}

/// How many processes the kernel has ended because memory had run out, in the groups of this process and on the machine.
/// It only grows; what counts is whether it has grown.
inline std::uint64_t out_of_memory_kills(const memory_files& files = {}) {
    double kills = number_behind(files.vmstat, "oom_kill ", 0);
    for_each_group(files.groups, "memory", [&](const std::string& directory, bool version2) {
        kills +=
            number_behind(directory + (version2 ? "/memory.events" : "/memory.oom_control"), "oom_kill ", 0);
    });
    return static_cast<std::uint64_t>(kills);
}

}  // namespace yoke::detail
