// SPDX-License-Identifier: MIT
#pragma once

/// How fast do large arguments and results, by value, get to a worker process and back?
///
/// Timed: one task with a vector of integers as its argument, `there`, or as its result, `back`, to the end of `get()`,
/// again and again; bytes of the vector a second. The other side reads the first and the last element. Checked: those
/// elements. limit_copy is no pool but what this machine can do: one copy into memory that both processes have
/// touched before, and a futex each way.

#include "../../harness.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace bench::process_bandwidth {

inline constexpr unit gigabytes{"GB/s", 1e-9};

using numbers = std::vector<std::uint64_t>;

/// `Contender` has `there(numbers)`, which returns the sum of the first and the last as the other process sees them,
/// and `back(count)`, which returns that sum of a vector of so many elements, all `count`, made by the other process.
template <class Contender>
int main(int argc, char** argv) {
    program here(argc, argv);
    for (const std::size_t mebibytes : {std::size_t{1}, std::size_t{64}}) {
        const std::size_t bytes = here.scaled(mebibytes << 20) / 8 * 8;
        const std::string row = "process/bandwidth/" + std::to_string(mebibytes) + "MiB";
        const std::size_t samples = mebibytes == 1 ? 500 : 20;
        here.add_single((row + "/there").c_str(), gigabytes, samples, [bytes] {
            auto contender = std::make_unique<Contender>();
            numbers sent(bytes / sizeof(std::uint64_t), 21);
            for (int i = 0; i < 3; ++i) contender->there(sent);
            return [bytes, sent, contender = std::move(contender)] {
                const auto start = clock::now();
                const std::uint64_t sum = contender->there(sent);
                const double seconds = seconds_since(start);
                require(sum == 42, "a worker has seen something else");
                return rate(seconds, bytes, gigabytes);
            };
        });
        here.add_single((row + "/back").c_str(), gigabytes, samples, [bytes] {
            auto contender = std::make_unique<Contender>();
            const std::size_t count = bytes / sizeof(std::uint64_t);
            for (int i = 0; i < 3; ++i) contender->back(count);
            return [bytes, count, contender = std::move(contender)] {
                const auto start = clock::now();
                const std::uint64_t sum = contender->back(count);
                const double seconds = seconds_since(start);
                require(sum == 2 * count, "a result is wrong");
                return rate(seconds, bytes, gigabytes);
            };
        });
    }
    return here.run();
}

}  // namespace bench::process_bandwidth
