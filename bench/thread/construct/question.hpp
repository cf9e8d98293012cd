// SPDX-License-Identifier: MIT
#pragma once

/// What does it cost to have a pool for a moment?
///
/// Timed: to make a pool of 2 or 8 threads and to destroy it, `unused`, or `used_once`: with one task in between,
/// which returns its thread's id, to its result. Checked: the task ran on another thread.

#include "../../harness.hpp"

#include <string>
#include <thread>

namespace bench::thread_construct {

inline constexpr unit microseconds{"us per pool", 1e6};

inline constexpr auto task = [] { return std::this_thread::get_id(); };

/// A pool as a contender.
template <class Pool>
class by_future {
public:
    explicit by_future(unsigned threads) : pool_(threads) {}
    std::thread::id run() { return pool_.submit(task).get(); }

private:
    Pool pool_;
};

/// `Contender(threads)` is a pool; it has `run()`, which submits `task` and returns its result. A limit has no pool
/// that could be `unused`.
template <class Contender>
int main(int argc, char** argv, bool is_pool = true) {
    program here(argc, argv);
    const std::size_t pools = here.scaled(200);
    for (const unsigned threads : {2U, 8U}) {
        const std::string row = "thread/construct/" + std::to_string(threads);
        if (is_pool)
            here.add((row + "/unused").c_str(), microseconds, [threads, pools] {
                return [threads, pools] {
                    const auto start = clock::now();
                    for (std::size_t i = 0; i < pools; ++i) {
                        Contender pool(threads);
                        benchmark::DoNotOptimize(&pool);
                    }
                    return cost(seconds_since(start), pools, microseconds);
                };
            });
        here.add((row + "/used_once").c_str(), microseconds, [threads, pools] {
            return [threads, pools] {
                const auto caller = std::this_thread::get_id();
                std::size_t elsewhere = 0;
                const auto start = clock::now();
                for (std::size_t i = 0; i < pools; ++i) elsewhere += Contender(threads).run() != caller;
                const double seconds = seconds_since(start);
                require(elsewhere == pools, "the caller ran the task itself");
                return cost(seconds, pools, microseconds);
            };
        });
    }
    return here.run();
}

}  // namespace bench::thread_construct
