// SPDX-License-Identifier: MIT
#pragma once

/// How long do the processes of a pool outlive a program that is killed?
///
/// The program has a pool of as many workers as there are processors, all of them busy, when it is killed (SIGKILL). Timed:
/// from then until none of its processes is left. A contender of which some are left after half a second has no
/// figure. limit_fork is no pool: children that asked the kernel to be killed with their parent.

#include "../../futex.hpp"
#include "../../harness.hpp"

#include <poll.h>

#include <cerrno>
#include <fstream>
#include <thread>

namespace bench::process_orphans {

inline constexpr unit milliseconds{"ms", 1e3};

/// Ends what was left behind and says how many that were.
inline std::size_t end_children() {
    std::size_t count = 0;
    while (true) {
        std::ifstream children("/proc/self/task/" + std::to_string(getpid()) + "/children");
        pid_t pid = 0;
        if (!(children >> pid)) return count;
        kill(pid, SIGKILL);
        waitpid(pid, nullptr, 0);
        ++count;
    }
}

/// `Contender(workers, busy)` is a pool whose workers each have a task that adds 1 to `busy` and then never ends.
/// It is made in a child of this program, which is the reaper of all that the child leaves behind.
template <class Contender>
int main(int argc, char** argv) {
    program here(argc, argv);
    here.add_single("process/orphans", milliseconds, 20, [] {
        return [] {
            prctl(PR_SET_CHILD_SUBREAPER, 1);
            const shared<std::atomic<unsigned>> busy;
            const pid_t victim = fork();
            require(victim >= 0, "there can be no more processes");
            if (victim == 0) {
                Contender pool(workers(), *busy.operator->());
                for (;;) pause();
            }
            while (busy->load() != workers()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
            const auto start = clock::now();
            kill(victim, SIGKILL);
            while (waitpid(-1, nullptr, WNOHANG) >= 0 && seconds_since(start) < 0.5)
                std::this_thread::sleep_for(std::chrono::microseconds(20));
            const double seconds = seconds_since(start);
            if (const std::size_t left = end_children(); left != 0)
                throw unable("leaves " + std::to_string(left) + " processes behind");
            return cost(seconds, 1, milliseconds);
        };
    });
    return here.run();
}

}  // namespace bench::process_orphans
