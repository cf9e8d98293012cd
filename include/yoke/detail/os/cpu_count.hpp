// SPDX-License-Identifier: MIT
#pragma once

/// How many threads this process can really run at once.
///
/// The number of processors is the wrong answer in a container: the scheduler's affinity mask may leave out
/// some, and a cgroup's CPU quota may allow fewer still, in which case more threads than the quota only get
/// throttled.

#include <yoke/detail/base/config.hpp>

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
    ~line_reader();

    /// The next line without its newline, followed by a byte that is none of its characters, and valid until the
    /// next call; false at the end.
    bool next(std::string_view& line) noexcept;

private:
    std::FILE* file_;
    char* text_ = nullptr;
    std::size_t room_ = 0;
};

/// The field of `line` with this number, counted from 0; fields end at `separator`.
std::string_view field(std::string_view line, std::size_t number, char separator) noexcept;

/// True if `word` is one of the comma-separated words of `list`.
bool lists(std::string_view list, std::string_view word) noexcept;

/// The number in this field of the file's first line; 0 if there is none.
double number_in(const std::string& directory, const char* file, std::size_t number);

/// CPUs granted by one cgroup directory: cpu.max in version 2 ("max 100000" or "150000 100000"), two files in
/// version 1.
double cpu_quota_of_group(const std::string& directory, bool version2);

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
double cpu_quota(const cgroup_files& files = {});

#else

inline double cpu_quota() noexcept { return no_cpu_quota; }

#endif

/// Processors that this thread may run on, at least 1.
std::size_t cpu_affinity();

/// How many threads make sense on so many processors under such a quota: whichever is less, the quota rounded up; at
/// least 1. Both are greater than 0.
std::size_t concurrency_for(std::size_t processors, double quota) noexcept;

/// The number of workers a pool has if nobody says otherwise: of the processors that this thread may use and the CPU
/// quota of its cgroup. The quota is looked up once in the life of the program, as that takes longer than to make a
/// pool.
std::size_t default_concurrency();

}  // namespace yoke::detail

#if YOKE_IS_HEADER_ONLY
#include <yoke/detail/os/cpu_count.ipp>
#endif
