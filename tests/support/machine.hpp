// SPDX-License-Identifier: MIT
#pragma once

#include <yoke/detail/os/cpu_count.hpp>
#include <yoke/detail/os/system_memory.hpp>

#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>

namespace yoke_test {

/// A made-up machine: files of /proc and of the cgroup tree, below a directory that goes with it.
class machine {
public:
    machine() {
        std::string name = (std::filesystem::temp_directory_path() / "yoke-machine-XXXXXX").string();
        if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary directory");
        root_ = name;
    }
    machine(const machine&) = delete;
    machine& operator=(const machine&) = delete;
    ~machine() { std::filesystem::remove_all(root_); }

    void write(const std::string& path, const std::string& text) const {
        const auto full = root_ / path;
        std::filesystem::create_directories(full.parent_path());
        std::ofstream(full) << text;
    }
    void mount2(const std::string& top, const std::string& at) const {
        write("mountinfo", "25 1 0:1 / / rw - ext4 /dev/sda rw\n30 25 0:26 " + top + " " + path(at) +
                               " rw,nosuid shared:4 - cgroup2 cgroup2 rw\n");
    }
    void mount1(const std::string& top, const std::string& at) const {
        write("mountinfo", "31 25 0:27 " + top + " " + path("cpuset") + " rw - cgroup cgroup rw,cpuset\n" +
                               "32 25 0:28 " + top + " " + path(at) +
                               " rw shared:9 - cgroup cgroup rw,cpu,cpuacct\n" + "33 25 0:29 " + top + " " +
                               path("memory") + " rw - cgroup cgroup rw,memory\n");
    }
    [[nodiscard]] std::string path(const std::string& name) const { return (root_ / name).string(); }
    [[nodiscard]] yoke::detail::cgroup_files groups() const {
        return {.memberships = path("cgroup"), .mounts = path("mountinfo")};
    }
    [[nodiscard]] double quota() const { return yoke::detail::cpu_quota(groups()); }
    [[nodiscard]] yoke::detail::memory_files memory() const {
        return {.groups = groups(), .meminfo = path("meminfo"), .vmstat = path("vmstat")};
    }

private:
    std::filesystem::path root_;
};

}  // namespace yoke_test
