// SPDX-License-Identifier: MIT
// labels: process
// own-main
//
// A worker that the system kills because memory ran out: row A13 of the list of faults. The worker puts itself under a limit of
// a control group, so this needs the right to make one, as root has it; without that the test says so and does no more.
#include "support/process_watch.hpp"

#include <yoke/executor/process_pool.hpp>

#include <sys/stat.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <string>

using yoke_test::require;

namespace {

bool write(const std::string& path, const std::string& text) {
    std::ofstream file(path);
    file << text;
    file.flush();
    return file.good();
}

/// A group whose processes may use 64 MiB; empty if there can be none. Of either version of control groups.
std::string make_group() {
    const std::string name = "/yoke-test-" + std::to_string(::getpid());
    for (const auto& [root, limit] :
         {std::pair<std::string, const char*>{"/sys/fs/cgroup/memory", "/memory.limit_in_bytes"},
          {"/sys/fs/cgroup", "/memory.max"}}) {
        const std::string group = root + name;
        if (::mkdir(group.c_str(), 0755) != 0) continue;
        if (write(group + limit, std::to_string(64 << 20))) return group;
        ::rmdir(group.c_str());
    }
    return {};
}

std::size_t use_too_much(const std::string& group) {
    if (!write(group + "/cgroup.procs", std::to_string(::getpid()))) return 0;
    // volatile, or a compiler may see that nobody reads the memory and not use any.
    constexpr std::size_t size = std::size_t{400} << 20;
    const std::unique_ptr<volatile char[]> memory(new volatile char[size]);
    for (std::size_t at = 0; at < size; at += 4096) memory[at] = 'm';
    return size;
}

}  // namespace

int main() {
    yoke::process_pool pool(1);
    const yoke_test::watchdog dog("a worker without memory", std::chrono::seconds(30));
    const std::string group = make_group();
    if (group.empty()) {
        std::puts("skipped: no control group with a limit for memory can be made here");
        return 0;
    }
    int killed = 0;
    for (int round = 0; round < 2; ++round) {
        try {
            const std::size_t used = pool.submit(use_too_much, group).get();
            std::printf("a task used %zu bytes\n", used);
        } catch (const yoke::worker_lost& lost) {
            require(lost.signal() == SIGKILL, "the system kills by SIGKILL");
            require(std::string(lost.what()).find("ran out of memory") != std::string::npos,
                    "the text says what it was, most likely");
            ++killed;
        }
        require(pool.submit([](int x) { return x; }, round).get() == round, "the pool goes on");
    }
    require(yoke_test::eventually([&] { return ::rmdir(group.c_str()) == 0; }), "the group is empty");
    require(killed == 2, "both were killed");
    std::puts("killed, replaced, and the error says why");
    return 0;
}
