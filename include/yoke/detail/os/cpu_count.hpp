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
#include <string_view>
#include <thread>

#if defined(__linux__)
#include <cerrno>
#include <sched.h>
#endif

namespace yoke::detail {

inline constexpr double no_cpu_quota = std::numeric_limits<double>::infinity();

#if defined(__linux__)

/// Where to read the quota; tests put a made-up tree here.
struct cgroup_files {
    std::string memberships = "/proc/self/cgroup";
    std::string mounts = "/proc/self/mountinfo";
};

// Text is looked at through string_view: every user of a pool compiles this, and it was a fifth of that with strings.

/// The lines of a file, one after the other; none if it cannot be read.
class line_reader {
public:
    explicit line_reader(const std::string& path) noexcept : file_(std::fopen(path.c_str(), "re")) {}
    line_reader(const line_reader&) = delete;
    line_reader& operator=(const line_reader&) = delete;
    ~line_reader() {
        if (file_ != nullptr) std::fclose(file_);
        std::free(text_);
    }

    /// The next line without its newline, followed by a byte that is none of its characters, and valid until the
    /// next call; false at the end.
    bool next(std::string_view& line) noexcept {
        if (file_ == nullptr) return false;
        const auto read = ::getline(&text_, &room_, file_);
        if (read < 0) return false;
        line = std::string_view(text_, static_cast<std::size_t>(read));
        if (!line.empty() && line.back() == '\n') line.remove_suffix(1);
        return true;
    }

private:
    std::FILE* file_;
    char* text_ = nullptr;
    std::size_t room_ = 0;
};

/// The field of `line` with this number, counted from 0; fields end at `separator`.
inline std::string_view field(std::string_view line, std::size_t number, char separator) noexcept {
    for (; number != 0; --number) {
        const std::size_t end = line.find(separator);
        if (end == std::string_view::npos) return {};
        line.remove_prefix(end + 1);
    }
    return line.substr(0, line.find(separator));
}

/// True if `word` is one of the comma-separated words of `list`.
inline bool lists(std::string_view list, std::string_view word) noexcept {
    for (;;) {
        const std::size_t end = list.find(',');
        if (list.substr(0, end) == word) return true;
        if (end == std::string_view::npos) return false;
        list.remove_prefix(end + 1);
    }
}

/// The number in this field of the file's first line; 0 if there is none.
inline double number_in(const std::string& directory, const char* file, std::size_t number) {
    std::string path = directory;
    line_reader lines(path.append(file));
    std::string_view line;
    if (!lines.next(line)) return 0;
    const std::string_view text = field(line, number, ' ');
    return text.empty() ? 0 : std::strtod(text.data(), nullptr);  // ends at the blank or the line's end
}

/// CPUs granted by one cgroup directory: cpu.max in version 2 ("max 100000" or "150000 100000"), two files in
/// version 1.
inline double cpu_quota_of_group(const std::string& directory, bool version2) {
    // "max" and nothing give 0, version 1's "none" is -1.
    const double microseconds =
        version2 ? number_in(directory, "/cpu.max", 0) : number_in(directory, "/cpu.cfs_quota_us", 0);
    const double of =
        version2 ? number_in(directory, "/cpu.max", 1) : number_in(directory, "/cpu.cfs_period_us", 0);
    return microseconds > 0 && of > 0 ? microseconds / of : no_cpu_quota;
}

/// Calls `visit(directory, version2)` for each cgroup of this process that this controller's files may lie in, and for all
/// groups above.
template <class Visit>
void for_each_group(const cgroup_files& files, std::string_view controller, Visit visit) {
    std::string_view line;
    // A line of memberships is "id:controllers:/path"; version 2 has no controllers.
    std::string path1;
    std::string path2;
    for (line_reader lines(files.memberships); lines.next(line);) {
        const std::string_view controllers = field(line, 1, ':');
        const std::size_t path = line.find(':', line.find(':') + 1) + 1;
        if (lists(controllers, controller)) path1 = line.substr(path);
        if (controllers.empty()) path2 = line.substr(path);
    }

    // A line of mounts is "id parent major:minor root mount-point options [optional fields] - type source
    // options".
    for (line_reader lines(files.mounts); lines.next(line);) {
        const std::size_t dash = line.find(" - ");
        if (dash == std::string_view::npos) continue;
        const std::string_view tail = line.substr(dash + 3);
        const bool version2 = field(tail, 0, ' ') == "cgroup2";
        const bool version1 = field(tail, 0, ' ') == "cgroup" && lists(field(tail, 2, ' '), controller);
        if (!version1 && !version2) continue;

        const std::string_view root = field(line, 3, ' ');
        std::string_view path = version2 ? path2 : path1;
        // Inside a container the mount shows a part of the tree only; a path outside of it cannot be looked
        // up, and then the mount's top is our group.
        if (root != "/")
            path = path.substr(0, root.size()) == root ? path.substr(root.size()) : std::string_view();
        while (!path.empty() && path.back() == '/') path.remove_suffix(1);
        std::string directory(field(line, 4, ' '));
        const std::size_t top = directory.size();
        directory.append(path);
        for (;;) {
            visit(directory, version2);
            const std::size_t parent = directory.rfind('/');
            if (parent == std::string::npos || parent < top) break;
            directory.resize(parent);
        }
    }
}

/// CPUs granted to this process by its cgroup and all above it, or no_cpu_quota.
inline double cpu_quota(const cgroup_files& files = {}) {
    double least = no_cpu_quota;
    for_each_group(files, "cpu", [&least](const std::string& directory, bool version2) {
        const double quota = cpu_quota_of_group(directory, version2);
        if (quota < least) least = quota;
    });
    return least;
}

#else

inline double cpu_quota() noexcept { return no_cpu_quota; }

#endif

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

/// How many threads make sense on so many processors under such a quota: whichever is less, the quota rounded up; at
/// least 1. Both are greater than 0.
inline std::size_t concurrency_for(std::size_t processors, double quota) noexcept {
    if (quota >= static_cast<double>(processors)) return processors;
    const auto whole = static_cast<std::size_t>(quota);
    return static_cast<double>(whole) < quota ? whole + 1 : whole;
}

/// The number of workers a pool has if nobody says otherwise: of the processors that this thread may use and the CPU
/// quota of its cgroup. The quota is looked up once in the life of the program, as that takes longer than to make a
/// pool.
inline std::size_t default_concurrency() {
    static const double quota = cpu_quota();
    return concurrency_for(cpu_affinity(), quota);
}

}  // namespace yoke::detail
