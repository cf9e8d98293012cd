// SPDX-License-Identifier: MIT
#pragma once

/// How long does one task take from submit to its result, on a pool with nothing else to do?
///
/// Timed: submit one task that returns its thread's id, and get that from the future, by a thread outside the
/// pool. `warm`: 1,000 times in a row, per round trip. `cold`: once, after the pool has had nothing to do for
/// 2 ms; the median of 100. Checked: the task ran on a thread of the pool. `warm_anywhere`, `cold_anywhere`:
/// the same where it does not matter who runs the task, so that a waiter who takes part may run it itself.
/// (Waiters inside the pool have the question thread/nested_round_trip.)

#include "../../harness.hpp"

#include <memory>
#include <thread>
#include <utility>

namespace bench::thread_round_trip {

inline constexpr unit microseconds{"us", 1e6};

inline constexpr auto task = [] { return std::this_thread::get_id(); };

/// A pool as a contender.
template <class Pool>
class by_future {
public:
    explicit by_future(unsigned threads) : pool_(threads) {}
    std::thread::id on_a_worker() { return pool_.submit(task).get(); }

private:
    Pool pool_;
};

/// Adds the rows "thread/round_trip/warm..." and "cold...". `trip(contender)` makes a round trip and returns
/// the task's result.
template <class Contender, class Trip>
void add_rows(program& here, const char* warm, const char* cold, bool on_a_worker, Trip trip) {
    const std::size_t trips = here.scaled(1000);
    const auto check = [on_a_worker](std::size_t by_the_caller) {
        require(!on_a_worker || by_the_caller == 0, "the caller ran the task itself");
    };
    here.add(warm, microseconds, [trips, trip, check] {
        return [trips, trip, check, contender = std::make_unique<Contender>(workers())] {
            const auto caller = std::this_thread::get_id();
            std::size_t by_the_caller = 0;
            const auto start = clock::now();
            for (std::size_t i = 0; i < trips; ++i) by_the_caller += trip(*contender) == caller;
            const double seconds = seconds_since(start);
            check(by_the_caller);
            return cost(seconds, trips, microseconds);
        };
    });
    here.add_single(cold, microseconds, 100, [trip, check] {
        auto contender = std::make_unique<Contender>(workers());
        trip(*contender);
        return [trip, check, contender = std::move(contender)] {
            std::this_thread::sleep_for(std::chrono::milliseconds(2));
            const auto start = clock::now();
            const auto thread = trip(*contender);
            const double seconds = seconds_since(start);
            check(thread == std::this_thread::get_id());
            return cost(seconds, 1, microseconds);
        };
    });
}

/// `Contender` is constructed with the number of threads, and has `on_a_worker()` or `anywhere()` or both,
/// which run `task` and return its result.
template <class Contender>
int main(int argc, char** argv) {
    program here(argc, argv);
    if constexpr (requires(Contender pool) { pool.on_a_worker(); })
        add_rows<Contender>(here, "thread/round_trip/warm", "thread/round_trip/cold", true,
                            [](Contender& contender) { return contender.on_a_worker(); });
    if constexpr (requires(Contender pool) { pool.anywhere(); })
        add_rows<Contender>(here, "thread/round_trip/warm_anywhere", "thread/round_trip/cold_anywhere", false,
                            [](Contender& contender) { return contender.anywhere(); });
    return here.run();
}

}  // namespace bench::thread_round_trip
