// SPDX-License-Identifier: MIT
#pragma once

/// How long does one task take in a worker process, from submit to its result, when the pool has nothing else
/// to do?
///
/// Timed: submit one task with an integer argument to a pool of running processes and get its result, again
/// and again; each trip by itself: the median, and the 99th percentile as `/p99`. Task i returns i + 1. The trips follow
/// each other at once, which flatters whoever waits awake for the next; or, as `after_pause`, each comes after 300 us in which
/// nothing happened, so that everybody is asleep. Checked: every result. boost_message_queue is no pool (two message queues and one process that answers);
/// limit_futex is what this machine needs at the least (an integer in shared memory and a futex each way).
/// `380_B`, `4_KiB` and `64_KiB`: the same at once, with a result of so many characters.

#include "../../harness.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <thread>
#include <utility>

namespace bench::process_round_trip {

inline constexpr unit microseconds{"us", 1e6};

/// `text(size)` has another process make so many characters 't', and returns them.
template <class Contender>
concept has_text = requires(Contender& contender) {
    contender.text(std::size_t{1}).size();
};

/// `Contender` has `run(i)`, which has another process compute i + 1, and returns that.
template <class Contender>
int main(int argc, char** argv) {
    program here(argc, argv);
    const auto add = [&](const char* row, std::size_t trips, std::chrono::microseconds pause) {
        here.add_single(row, microseconds, trips, [pause] {
            auto contender = std::make_unique<Contender>();
            for (std::uint64_t i = 0; i < 100; ++i) contender->run(i);
            return [pause, i = std::uint64_t{0}, contender = std::move(contender)]() mutable {
                if (pause.count() != 0) std::this_thread::sleep_for(pause);
                const auto start = clock::now();
                const std::uint64_t result = contender->run(i);
                const double seconds = seconds_since(start);
                require(result == ++i, "a result is wrong");
                return cost(seconds, 1, microseconds);
            };
        });
    };
    add("process/round_trip", 10'000, std::chrono::microseconds(0));
    add("process/round_trip/after_pause", 2'000, std::chrono::microseconds(300));
    if constexpr (has_text<Contender>) {
        const auto add_text = [&](const char* row, std::size_t size, std::size_t trips) {
            here.add_single(row, microseconds, trips, [size] {
                auto contender = std::make_unique<Contender>();
                for (int i = 0; i < 100; ++i) contender->text(size);
                return [size, contender = std::move(contender)] {
                    const auto start = clock::now();
                    const auto result = contender->text(size);
                    const double seconds = seconds_since(start);
                    require(result.size() == size && result[size - 1] == 't', "a result is wrong");
                    return cost(seconds, 1, microseconds);
                };
            });
        };
        add_text("process/round_trip/380_B", 380, 10'000);
        add_text("process/round_trip/4_KiB", 4 << 10, 10'000);
        add_text("process/round_trip/64_KiB", 64 << 10, 5'000);
    }
    return here.run();
}

}  // namespace bench::process_round_trip
