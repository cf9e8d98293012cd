// SPDX-License-Identifier: MIT
#pragma once

/// What every test of faults keeps to: it ends within ten seconds or says what hangs, and it leaves the system as it
/// found it.
///
/// Needs nothing of Catch2, so that test programs with a main function of their own can use it.

#include <dirent.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <mutex>
#include <new>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

namespace yoke_test {

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
inline constexpr int patience = 6;
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer) || __has_feature(address_sanitizer)
inline constexpr int patience = 6;
#else
inline constexpr int patience = 1;
#endif
#else
inline constexpr int patience = 1;
#endif

inline std::vector<std::string> names_in(const std::string& folder) {
    std::vector<std::string> names;
    if (DIR* const open = ::opendir(folder.c_str())) {
        while (const dirent* entry = ::readdir(open))
            if (entry->d_name[0] != '.') names.emplace_back(entry->d_name);
        ::closedir(open);
    }
    std::sort(names.begin(), names.end());
    return names;
}
inline std::string content_of(const std::string& path) {
    std::ifstream file(path);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

/// One process, as /proc has it.
struct process_info {
    int pid = 0;
    int parent = 0;
    char state = '?';
    std::string name;
    [[nodiscard]] bool lives() const { return state != 'Z' && state != 'X'; }
};
/// A process's line; pid 0 if it is gone.
inline process_info look_at(int pid) {
    const std::string line = content_of("/proc/" + std::to_string(pid) + "/stat");
    const auto open = line.find('(');
    const auto close = line.rfind(')');
    if (open == std::string::npos || close == std::string::npos) return {};
    process_info info;
    info.pid = pid;
    info.name = line.substr(open + 1, close - open - 1);
    std::istringstream rest(line.substr(close + 1));
    rest >> info.state >> info.parent;
    return info;
}
inline bool alive(int pid) {
    const auto info = look_at(pid);
    return info.pid != 0 && info.lives();
}
inline std::vector<process_info> children_of(int parent) {
    std::vector<process_info> children;
    for (const auto& name : names_in("/proc")) {
        if (name.find_first_not_of("0123456789") != std::string::npos) continue;
        const auto info = look_at(std::atoi(name.c_str()));
        if (info.pid != 0 && info.parent == parent && info.lives()) children.push_back(info);
    }
    return children;
}

/// Memory that a process has in RAM, in pages; 0 if the process is gone.
inline long resident_pages(int pid) {
    std::istringstream pages(content_of("/proc/" + std::to_string(pid) + "/statm"));
    long all = 0;
    long resident = 0;
    pages >> all >> resident;
    return resident;
}

/// Looks until `done()` is true. False after the time is over.
template <class Done>
bool eventually(Done&& done, std::chrono::milliseconds within = std::chrono::seconds(8 * patience)) {
    const auto end = std::chrono::steady_clock::now() + within;
    while (!done()) {
        if (std::chrono::steady_clock::now() > end) return false;
        ::usleep(500);  // between two looks at another process; nothing waits for this moment
    }
    return true;
}

/// Ends the program if it lives for more than ten seconds, after printing what each thread and each child is doing.
class watchdog {
public:
    explicit watchdog(std::string what, std::chrono::seconds time = std::chrono::seconds(10))
        : what_(std::move(what)), time_(time * patience), thread_([this] { watch(); }) {}
    watchdog(const watchdog&) = delete;
    watchdog& operator=(const watchdog&) = delete;
    ~watchdog() {
        {
            const std::lock_guard lock(mutex_);
            over_ = true;
        }
        changed_.notify_one();
        thread_.join();
    }

private:
    void watch() {
        std::unique_lock lock(mutex_);
        if (changed_.wait_for(lock, time_, [this] { return over_; })) return;
        std::fprintf(stderr, "\nwatchdog: \"%s\" hangs. Threads:\n", what_.c_str());
        const std::string tasks = "/proc/self/task";
        for (const auto& task : names_in(tasks)) {
            const std::string folder = tasks + "/" + task;
            std::fprintf(stderr, "  %s %s  in %s, system call %s\n", task.c_str(),
                         line(folder + "/comm").c_str(), line(folder + "/wchan").c_str(),
                         line(folder + "/syscall").c_str());
        }
        for (const auto& name : names_in("/proc")) {
            if (name.find_first_not_of("0123456789") != std::string::npos) continue;
            const auto info = look_at(std::atoi(name.c_str()));
            if (info.name.rfind("yoke-", 0) == 0)
                std::fprintf(stderr, "  process %d %s, state %c, parent %d\n", info.pid, info.name.c_str(),
                             info.state, info.parent);
        }
        std::fflush(stderr);
        std::abort();
    }
    static std::string line(const std::string& path) {
        std::string text = content_of(path);
        return text.substr(0, text.find('\n'));
    }

    const std::string what_;
    const std::chrono::seconds time_;
    std::mutex mutex_;
    std::condition_variable changed_;
    bool over_ = false;
    std::thread thread_;
};

/// What a program holds of the system.
struct holdings {
    std::vector<std::string> descriptors = names_in("/proc/self/fd");
    std::vector<std::string> threads = names_in("/proc/self/task");
    std::vector<std::string> shared_memory = names_in("/dev/shm");
    /// True if this process has any child, dead or alive.
    bool children = ::waitpid(-1, nullptr, WNOHANG) != -1 || errno != ECHILD;
};
/// What `after` has that `before` had not; empty if all is as it was. Threads are compared by number, as they take a
/// moment to leave: ask with eventually().
inline std::string difference(const holdings& before, const holdings& after) {
    std::string text;
    if (after.descriptors.size() > before.descriptors.size()) text += "more descriptors; ";
    if (after.threads.size() > before.threads.size()) text += "more threads; ";
    if (after.shared_memory != before.shared_memory) text += "other files in /dev/shm; ";
    if (after.children && !before.children) text += "a child; ";
    return text;
}

/// An object in memory that this process and all it forks later share. To be made before main().
template <class T>
T& make_shared_object() {
    void* const memory =
        ::mmap(nullptr, sizeof(T), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) throw std::bad_alloc();
    return *new (memory) T;
}

/// For programs without Catch2: says what is wrong, and ends the program.
inline void require(bool condition, const char* what, const char* where = "") {
    if (condition) return;
    std::fprintf(stderr, "FAILED: %s %s\n", what, where);
    std::exit(1);
}

}  // namespace yoke_test
