// SPDX-License-Identifier: MIT
#pragma once

#include <yoke/detail/os/system_memory.hpp>

namespace yoke::detail {

YOKE_INLINE double number_behind(const std::string& path, std::string_view key, double otherwise) {
    std::string_view line;
    for (line_reader lines(path); lines.next(line);)
        if (line.substr(0, key.size()) == key) return std::strtod(line.data() + key.size(), nullptr);
    return otherwise;
}

YOKE_INLINE system_memory look_at_memory(const memory_files& files) {
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

YOKE_INLINE std::uint64_t out_of_memory_kills(const memory_files& files) {
    double kills = number_behind(files.vmstat, "oom_kill ", 0);
    for_each_group(files.groups, "memory", [&](const std::string& directory, bool version2) {
        kills +=
            number_behind(directory + (version2 ? "/memory.events" : "/memory.oom_control"), "oom_kill ", 0);
    });
    return static_cast<std::uint64_t>(kills);
}

}  // namespace yoke::detail
