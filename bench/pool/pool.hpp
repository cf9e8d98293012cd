// SPDX-License-Identifier: MIT
#pragma once

/// The pools under test, each in a header of its own and all with the same few members, so that a question
/// about pools has one short file a contender:
///
///     explicit pool(unsigned threads)
///     detach(f)     runs f() on a thread of the pool; nobody waits for it
///     submit(f)     the same, and returns something whose get() yields the result
///     wait()        blocks until all tasks have run
///
/// Each has as many of these as its library has. Here is what the questions need besides.

#include "../harness.hpp"
#include "../tally.hpp"

#include <cstddef>
#include <cstdint>

namespace bench {

/// The task that is timed where nothing but the pool shall be: it counts itself.
inline constexpr auto counted_task = [] { tally::count(); };

/// Waits until the tally is `expected`, by the pool's own means if it has any.
template <class Pool>
void wait_for_all(Pool& pool, std::uint64_t expected) {
    if constexpr (requires { pool.wait(); }) {
        pool.wait();
    } else {
        tally::wait_for(expected);
    }
}

/// Detaches tasks one by one.
template <class Pool>
class one_by_one {
public:
    explicit one_by_one(unsigned threads) : pool_(threads) {}

    /// Runs `counted_task` n times, and returns once all have run.
    void run(std::size_t tasks) {
        const std::uint64_t before = tally::total();
        for (std::size_t i = 0; i < tasks; ++i) pool_.detach(counted_task);
        wait_for_all(pool_, before + tasks);
    }

private:
    Pool pool_;
};

}  // namespace bench
