// SPDX-License-Identifier: MIT
#pragma once

/// How long does one task take from submit to its result, on a pool with nothing else to do?
///
/// Timed: submit one task that returns its thread's id, and get that from the future, by a thread outside the
/// pool. `warm`: 1,000 times in a row, per round trip. `cold`: once, after the pool has had nothing to do for
/// 2 ms; the median of 100. Checked: the task ran on a thread of the pool (contenders in which the caller
/// runs the task itself have the question thread/nested_round_trip).

#include "../../harness.hpp"

#include <memory>
#include <thread>
#include <utility>

namespace bench::thread_round_trip {

inline constexpr unit microseconds{"us", 1e6};

inline constexpr auto task = [] { return std::this_thread::get_id(); };

/// `Contender` has `run()`, which submits `task` and returns its result.
template <class Contender>
int main(int argc, char** argv) {
    program here(argc, argv);
    const std::size_t trips = here.scaled(1000);
    here.add("thread/round_trip/warm", microseconds, [trips] {
        return [trips, contender = std::make_unique<Contender>()] {
            const auto caller = std::this_thread::get_id();
            std::size_t elsewhere = 0;
            const auto start = clock::now();
            for (std::size_t i = 0; i < trips; ++i) elsewhere += contender->run() != caller;
            const double seconds = seconds_since(start);
            require(elsewhere == trips, "the caller ran the task itself");
            return cost(seconds, trips, microseconds);
        };
    });
    here.add_single("thread/round_trip/cold", microseconds, 100, [] {
        auto contender = std::make_unique<Contender>();
        contender->run();
        return [contender = std::move(contender)] {
            std::this_thread::sleep_for(std::chrono::milliseconds(2));
            const auto start = clock::now();
            const auto thread = contender->run();
            const double seconds = seconds_since(start);
            require(thread != std::this_thread::get_id(), "the caller ran the task itself");
            return cost(seconds, 1, microseconds);
        };
    });
    return here.run();
}

}  // namespace bench::thread_round_trip
