// SPDX-License-Identifier: MIT
#include "catch.hpp"

#include <yoke/detail/cpu.hpp>

#include <sched.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

namespace {

/// A made-up machine: files of /proc and of the cgroup tree, below a directory that goes with it.
class machine {
public:
    machine() {
        std::string name = (std::filesystem::temp_directory_path() / "yoke-cpu-XXXXXX").string();
        REQUIRE(::mkdtemp(name.data()) != nullptr);
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
                               " rw shared:9 - cgroup cgroup rw,cpu,cpuacct\n");
    }
    [[nodiscard]] std::string path(const std::string& name) const { return (root_ / name).string(); }
    [[nodiscard]] double quota() const {
        return yoke::detail::cpu_quota({.memberships = path("cgroup"), .mounts = path("mountinfo")});
    }

private:
    std::filesystem::path root_;
};

}  // namespace

TEST_CASE("without cgroups there is no CPU quota") {
    const machine m;
    REQUIRE(m.quota() == yoke::detail::no_cpu_quota);
    m.write("cgroup", "0::/\n");
    m.mount2("/", "cg");
    REQUIRE(m.quota() == yoke::detail::no_cpu_quota);
    m.write("cg/cpu.max", "max 100000\n");
    REQUIRE(m.quota() == yoke::detail::no_cpu_quota);
}

TEST_CASE("the quota of a version 2 group counts, and that of any group above it") {
    const machine m;
    m.write("cgroup", "0::/slice/app\n");
    m.mount2("/", "cg");
    m.write("cg/slice/app/cpu.max", "150000 100000\n");
    REQUIRE(m.quota() == 1.5);
    m.write("cg/slice/cpu.max", "50000 100000\n");
    REQUIRE(m.quota() == 0.5);
    m.write("cg/slice/cpu.max", "max 100000\n");
    m.write("cg/cpu.max", "100000 100000\n");
    REQUIRE(m.quota() == 1.0);
}

TEST_CASE("the quota of a version 1 group counts where the cpu controller is mounted") {
    const machine m;
    m.write("cgroup", "11:cpuset:/other\n4:cpu,cpuacct:/box\n0::/unified\n");
    m.mount1("/", "cg1");
    m.write("cg1/box/cpu.cfs_quota_us", "-1\n");
    m.write("cg1/box/cpu.cfs_period_us", "100000\n");
    REQUIRE(m.quota() == yoke::detail::no_cpu_quota);
    m.write("cg1/box/cpu.cfs_quota_us", "20000\n");
    REQUIRE(m.quota() == 0.2);
}

TEST_CASE("inside a container the mount shows the own group as its top") {
    const machine m;
    m.write("cgroup", "0::/docker/0123\n");
    m.mount2("/docker/0123", "cg");
    m.write("cg/cpu.max", "200000 100000\n");
    REQUIRE(m.quota() == 2.0);
    m.mount2("/elsewhere", "cg");
    REQUIRE(m.quota() == 2.0);
}

TEST_CASE("files that make no sense mean no quota") {
    const machine m;
    m.write("cgroup", "nonsense\n\n:::\n0::\n");
    m.write("mountinfo", "\n - \n1 2 3\n1 2 3 / " + m.path("cg") + " - cgroup2");
    REQUIRE(m.quota() == yoke::detail::no_cpu_quota);
    m.write("cg/cpu.max", "lots of time\n");
    REQUIRE(m.quota() == yoke::detail::no_cpu_quota);
    m.write("cg/cpu.max", "100000 0\n");
    REQUIRE(m.quota() == yoke::detail::no_cpu_quota);
    m.write("cg/cpu.max", "");
    REQUIRE(m.quota() == yoke::detail::no_cpu_quota);
}

TEST_CASE("a pool is as large as processors and quota allow, and never empty") {
    using yoke::detail::concurrency_for;
    REQUIRE(concurrency_for(2, yoke::detail::no_cpu_quota) == 2);
    REQUIRE(concurrency_for(2, 64.0) == 2);
    REQUIRE(concurrency_for(8, 2.0) == 2);
    REQUIRE(concurrency_for(8, 1.5) == 2);
    REQUIRE(concurrency_for(1, 1.5) == 1);
    REQUIRE(concurrency_for(8, 1.0) == 1);
    const machine m;
    m.write("cgroup", "4:cpu,cpuacct:/box\n");
    m.mount1("/", "cg1");
    m.write("cg1/box/cpu.cfs_quota_us", "20000\n");
    m.write("cg1/box/cpu.cfs_period_us", "100000\n");
    REQUIRE(concurrency_for(2, m.quota()) == 1);
}

TEST_CASE("a thread that may use one processor counts one") {
    std::size_t counted = 0;
    std::size_t concurrency = 0;
    std::thread([&] {
        cpu_set_t all;
        cpu_set_t one;
        CPU_ZERO(&one);
        if (::sched_getaffinity(0, sizeof all, &all) != 0) return;
        for (int i = 0; i != CPU_SETSIZE; ++i) {
            if (CPU_ISSET(i, &all)) {
                CPU_SET(i, &one);
                break;
            }
        }
        if (::sched_setaffinity(0, sizeof one, &one) != 0) return;
        counted = yoke::detail::cpu_affinity();
        concurrency = yoke::detail::default_concurrency();
    }).join();
    REQUIRE(counted == 1);
    REQUIRE(concurrency == 1);
    REQUIRE(yoke::detail::default_concurrency() >= 1);
    REQUIRE(yoke::detail::default_concurrency() <= yoke::detail::cpu_affinity());
}
