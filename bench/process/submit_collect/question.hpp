// SPDX-License-Identifier: MIT
#pragma once

/// How many small tasks a second go to worker processes and come back?
///
/// Timed: submit 100,000 tasks with an integer argument, keep their futures, then get all results in the order of
/// submission. Task i returns i + 1. Checked: the sum of the results. limit_ring is no pool but what this machine can
/// do: a ring of slots each way and one process that never sleeps.

#include "../../harness.hpp"

#include <cstdint>
#include <memory>

namespace bench::process_submit_collect {

inline constexpr unit millions{"M tasks/s", 1e-6};

/// `Contender` has `run(count)`, which returns the sum of the results.
template <class Contender>
int main(int argc, char** argv) {
    program here(argc, argv);
    here.add("process/submit_collect", millions, [count = std::uint64_t{here.scaled(100'000)}] {
        return [count, contender = std::make_unique<Contender>()] {
            const auto start = clock::now();
            const std::uint64_t sum = contender->run(count);
            const double seconds = seconds_since(start);
            require(sum == count * (count + 1) / 2, "a result is wrong");
            return rate(seconds, count, millions);
        };
    });
    return here.run();
}

}  // namespace bench::process_submit_collect
