// SPDX-License-Identifier: MIT
#include "catch.hpp"

#include "support/machine.hpp"

#include <yoke/detail/os/system_memory.hpp>

#include <cstdint>

using yoke::detail::look_at_memory;
using yoke::detail::out_of_memory_kills;
using yoke::detail::system_memory;
using yoke_test::machine;

TEST_CASE("a system that does not tell has an unknown amount of memory") {
    const machine m;
    REQUIRE(look_at_memory(m.memory()).total == system_memory::unknown);
    REQUIRE(look_at_memory(m.memory()).available == system_memory::unknown);
    REQUIRE(out_of_memory_kills(m.memory()) == 0);
}

TEST_CASE("the memory of a machine is what it has and what is available of it") {
    const machine m;
    m.write("meminfo", "MemTotal:       2000 kB\nMemFree:  10 kB\nMemAvailable:    500 kB\n");
    REQUIRE(look_at_memory(m.memory()).total == 2000 * 1024);
    REQUIRE(look_at_memory(m.memory()).available == 500 * 1024);
}

TEST_CASE("the least limit of any group counts, and what files in its cache take does not") {
    const machine m;
    m.write("meminfo", "MemTotal:       1000000 kB\nMemAvailable:    500000 kB\n");
    SECTION("version 2") {
        m.write("cgroup", "0::/slice/app\n");
        m.mount2("/", "cg");
        m.write("cg/slice/app/memory.max", "4000000\n");
        m.write("cg/slice/app/memory.current", "1000000\n");
        m.write("cg/slice/memory.max", "3000000\n");
        m.write("cg/slice/memory.current", "2500000\n");
        m.write("cg/slice/memory.stat", "anon 7\ninactive_file 600000\nactive_file 1\n");
    }
    SECTION("version 1") {
        m.write("cgroup", "7:memory:/slice/app\n3:cpu,cpuacct:/\n");
        m.mount1("/", "cpu");
        m.write("memory/memory.limit_in_bytes", "9223372036854771712\n");
        m.write("memory/slice/app/memory.limit_in_bytes", "3000000\n");
        m.write("memory/slice/app/memory.usage_in_bytes", "2500000\n");
        m.write("memory/slice/app/memory.stat", "inactive_file 1\ntotal_inactive_file 600000\n");
    }
    REQUIRE(look_at_memory(m.memory()).total == 3'000'000);
    REQUIRE(look_at_memory(m.memory()).available == 1'100'000);
}

TEST_CASE("a group beyond its limit has nothing available") {
    const machine m;
    m.write("cgroup", "0::/app\n");
    m.mount2("/", "cg");
    m.write("cg/app/memory.max", "1000\n");
    m.write("cg/app/memory.current", "2000\n");
    REQUIRE(look_at_memory(m.memory()).available == 0);
}

TEST_CASE(
    "processes that the kernel has ended for want of memory are counted, of the machine and of the groups") {
    const machine m;
    m.write("vmstat", "nr_free 7\noom_kill 3\n");
    REQUIRE(out_of_memory_kills(m.memory()) == 3);
    m.write("cgroup", "0::/app\n7:memory:/old\n");
    m.mount2("/", "cg");
    m.write("cg/app/memory.events", "low 0\noom 9\noom_kill 2\n");
    REQUIRE(out_of_memory_kills(m.memory()) == 5);
    m.mount1("/", "cpu");
    m.write("memory/old/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 4\n");
    REQUIRE(out_of_memory_kills(m.memory()) == 7);
}
