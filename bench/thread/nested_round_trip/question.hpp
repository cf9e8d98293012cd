// SPDX-License-Identifier: MIT
#pragma once

/// How long does a round trip take inside the pool, where the waiting task may run the awaited one itself?
///
/// Timed: a task of the pool 1,000 times submits another and waits for its result; per round trip. Task i
/// returns i. Checked: the sum of the results. Only contenders with a wait of their own can answer: with
/// plain futures, the waiting tasks can hold all threads, and nobody runs the awaited ones.

#include "../../harness.hpp"

#include <cstdint>
#include <memory>
#include <utility>

namespace bench::thread_nested_round_trip {

inline constexpr unit microseconds{"us", 1e6};

struct task {
    std::uint64_t number;
    std::uint64_t operator()() const { return number; }
};

/// `Contender` has `run(n)`, which does n round trips from inside a task and returns the sum of the results.
template <class Contender>
int main(int argc, char** argv) {
    program here(argc, argv);
    const std::size_t trips = here.scaled(1000);
    here.add("thread/nested_round_trip", microseconds, [trips] {
        return [trips, contender = std::make_unique<Contender>()] {
            const auto start = clock::now();
            const std::uint64_t sum = contender->run(trips);
            const double seconds = seconds_since(start);
            require(sum == trips * (trips - 1) / 2, "the sum of the results is wrong");
            return cost(seconds, trips, microseconds);
        };
    });
    return here.run();
}

}  // namespace bench::thread_nested_round_trip
