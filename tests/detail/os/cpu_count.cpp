// SPDX-License-Identifier: MIT
#include "catch.hpp"

#include "support/machine.hpp"

#include <yoke/detail/os/cpu_count.hpp>

#include <sched.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

using yoke_test::machine;

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
