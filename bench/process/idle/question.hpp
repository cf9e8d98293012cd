// SPDX-License-Identifier: MIT
#pragma once

/// What does a pool of processes use that has nothing to do?
///
/// `memory`: what a worker has to itself, by smaps_rollup, after 1,000 round trips through the pool; a mean over the workers.
/// `cpu`: the processor time of the program and its workers in half a second of idleness that begins 100 ms
/// later.

#include "../../harness.hpp"

#include <ctime>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include <sys/types.h>

namespace bench::process_idle {

inline constexpr unit kibibytes{"KiB a worker", 1.0};
inline constexpr unit milliseconds_a_second{"ms of CPU a second", 1e3};

/// KiB of the process's pages that no other process has.
inline double private_kibibytes(pid_t pid) {
    std::ifstream rollup("/proc/" + std::to_string(pid) + "/smaps_rollup");
    double sum = 0;
    bool found = false;
    for (std::string line; std::getline(rollup, line);) {
        std::istringstream words(line);
        std::string name;
        double value = 0;
        if (words >> name >> value && (name == "Private_Clean:" || name == "Private_Dirty:")) {
            sum += value;
            found = true;
        }
    }
    require(found, "a process cannot be looked at");
    return sum;
}

/// Seconds for which the process's main thread, or this program, has run.
inline double processor_seconds(pid_t pid) {
    std::ifstream file("/proc/" + std::to_string(pid) + "/schedstat");
    double nanoseconds = 0;
    require(static_cast<bool>(file >> nanoseconds), "a process cannot be looked at");
    return nanoseconds * 1e-9;
}
inline double processor_seconds() {
    timespec time{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

/// `Contender` has `run(i)`, which has a worker compute i + 1, and `workers()`, their process ids.
template <class Contender>
int main(int argc, char** argv) {
    program here(argc, argv);
    const auto worked = [] {
        auto contender = std::make_unique<Contender>();
        for (std::uint64_t i = 0; i < 1000; ++i) require(contender->run(i) == i + 1, "a result is wrong");
        return contender;
    };
    here.add_single("process/idle/memory", kibibytes, 3, [worked] {
        return [worked] {
            const auto contender = worked();
            const std::vector<int> all = contender->workers();
            double sum = 0;
            for (const int worker : all) sum += private_kibibytes(worker);
            return sample{1e-3, sum / static_cast<double>(all.size())};
        };
    });
    const double window = here.quick() ? 0.01 : 0.5;
    here.add_single("process/idle/cpu", milliseconds_a_second, 1, [worked, window] {
        return [worked, window] {
            const auto contender = worked();
            const std::vector<int> all = contender->workers();
            const auto used = [&all] {
                double sum = processor_seconds();
                for (const int worker : all) sum += processor_seconds(worker);
                return sum;
            };
            std::this_thread::sleep_for(std::chrono::milliseconds(100));
            const double before = used();
            std::this_thread::sleep_for(std::chrono::duration<double>(window));
            return sample{window, (used() - before) / window * milliseconds_a_second.per_second};
        };
    });
    return here.run();
}

}  // namespace bench::process_idle
