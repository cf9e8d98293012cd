// SPDX-License-Identifier: MIT
#pragma once

/// How many threads this process can really run at once.
///
/// The number of processors is the wrong answer in a container: the scheduler's affinity mask may leave out
/// some, and a cgroup's CPU quota may allow fewer still, in which case more threads than the quota only get
/// throttled.

#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <string>
#include <thread>

#if defined(__linux__)
#include <cerrno>
#include <sched.h>
#endif

namespace yoke::detail {

/// Where to read the quota; tests put a made-up tree here.
struct cgroup_files {
    std::string memberships = "/proc/self/cgroup";
    std::string mounts = "/proc/self/mountinfo";
};

inline constexpr double no_cpu_quota = std::numeric_limits<double>::infinity();

/// Calls `use(line)` with each line of a file, without the newline; nothing if it cannot be read.
template <class Use>
void for_each_line(const std::string& path, Use&& use) {
    std::FILE* const file = std::fopen(path.c_str(), "re");
    if (file == nullptr) return;
    std::string line;
    for (int c = std::fgetc(file); c != EOF; c = std::fgetc(file)) {
        if (c != '\n') {
            line.push_back(static_cast<char>(c));
        } else {
            use(line);
            line.clear();
        }
    }
    if (!line.empty()) use(line);
    std::fclose(file);
}

/// The field of `line` with this number, counted from 0; fields end at `separator`.
inline std::string field(const std::string& line, std::size_t number, char separator) {
    std::size_t begin = 0;
    for (; number != 0; --number) {
        begin = line.find(separator, begin);
        if (begin == std::string::npos) return {};
        ++begin;
    }
    return line.substr(begin, line.find(separator, begin) - begin);
}

/// True if `word` is one of the comma-separated words of `list`.
inline bool lists(const std::string& list, const std::string& word) {
    return ("," + list + ",").find("," + word + ",") != std::string::npos;
}

/// CPUs granted by one cgroup directory: cpu.max in version 2 ("max 100000" or "150000 100000"), two files in
/// version 1.
inline double cpu_quota_of_group(const std::string& directory, bool version2) {
    const auto first_line = [](const std::string& path) {
        std::string first;
        for_each_line(path, [&](const std::string& line) {
            if (first.empty()) first = line;
        });
        return first;
    };
    std::string quota;
    std::string period;
    if (version2) {
        const std::string both = first_line(directory + "/cpu.max");
        quota = field(both, 0, ' ');
        period = field(both, 1, ' ');
    } else {
        quota = first_line(directory + "/cpu.cfs_quota_us");
        period = first_line(directory + "/cpu.cfs_period_us");
    }
    const double microseconds =
        std::strtod(quota.c_str(), nullptr);  // "max" and nothing give 0, version 1's "none" is -1
    const double of = std::strtod(period.c_str(), nullptr);
    return microseconds > 0 && of > 0 ? microseconds / of : no_cpu_quota;
}

/// CPUs granted to this process by its cgroup and all above it, or no_cpu_quota.
inline double cpu_quota(const cgroup_files& files = {}) {
    // A line of memberships is "id:controllers:/path"; version 2 has no controllers.
    std::string path1;
    std::string path2;
    for_each_line(files.memberships, [&](const std::string& line) {
        const std::string controllers = field(line, 1, ':');
        const std::size_t path = line.find(':', line.find(':') + 1) + 1;
        if (lists(controllers, "cpu")) path1 = line.substr(path);
        if (controllers.empty()) path2 = line.substr(path);
    });

    // A line of mounts is "id parent major:minor root mount-point options [optional fields] - type source
    // options".
    double least = no_cpu_quota;
    for_each_line(files.mounts, [&](const std::string& line) {
        const std::size_t dash = line.find(" - ");
        if (dash == std::string::npos) return;
        const std::string tail = line.substr(dash + 3);
        const bool version2 = field(tail, 0, ' ') == "cgroup2";
        const bool version1 = field(tail, 0, ' ') == "cgroup" && lists(field(tail, 2, ' '), "cpu");
        if (!version1 && !version2) return;

        const std::string root = field(line, 3, ' ');
        const std::string mount = field(line, 4, ' ');
        std::string path = version2 ? path2 : path1;
        // Inside a container the mount shows a part of the tree only; a path outside of it cannot be looked
        // up, and then the mount's top is our group.
        if (root != "/")
            path = path.compare(0, root.size(), root) == 0 ? path.substr(root.size()) : std::string();
        while (!path.empty() && path.back() == '/') path.pop_back();
        for (;;) {
            const double quota = cpu_quota_of_group(mount + path, version2);
            if (quota < least) least = quota;
            const std::size_t parent = path.rfind('/');
            if (parent == std::string::npos) break;
            path.resize(parent);
        }
    });
    return least;
}

/// Processors that this thread may run on, at least 1.
inline std::size_t cpu_affinity() {
#if defined(__linux__)
    for (std::size_t processors = 1024; processors <= std::size_t{1} << 20; processors *= 2) {
        cpu_set_t* const set = CPU_ALLOC(processors);
        if (set == nullptr) break;
        const std::size_t bytes = CPU_ALLOC_SIZE(processors);
        const int failed = ::sched_getaffinity(0, bytes, set);
        const int count = failed == 0 ? CPU_COUNT_S(bytes, set) : 0;
        CPU_FREE(set);
        if (count > 0) return static_cast<std::size_t>(count);
        if (errno != EINVAL) break;  // EINVAL: this machine has more processors than the set has bits
    }
#endif
    const std::size_t processors = std::thread::hardware_concurrency();
    return processors != 0 ? processors : 1;
}

/// The number of workers a pool has if nobody says otherwise: the processors that this process may use, or
/// the CPU quota of its cgroup, rounded up, if that is less; at least 1. The quota is looked up once in the life of
/// the program, as that takes longer than to make a pool.
inline std::size_t default_concurrency() {
    const std::size_t processors = cpu_affinity();
    static const double quota = cpu_quota();
    if (quota >= static_cast<double>(processors)) return processors;
    const auto whole = static_cast<std::size_t>(quota);
    return static_cast<double>(whole) < quota ? whole + 1 : whole;
}

}  // namespace yoke::detail
