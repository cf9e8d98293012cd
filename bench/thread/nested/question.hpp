// SPDX-License-Identifier: MIT
#pragma once

/// What does it cost when each task submits one and waits for it?
///
/// Timed: tasks that wait inside each other. `16_on_2`: 16 levels on a pool of 2 threads, 100 times in a row
/// inside one task; `10000_on_1`: 10,000 levels on a pool of 1 thread; per level. The innermost task returns
/// 0, each other 1 more than its own. Checked: the sum.
///
/// Waiting by plain futures holds a thread a level, so with more levels than threads nobody is left to run
/// the innermost task. Each contender first tries each row in a child process; what deadlocks there, or ends
/// badly, is reported so.

#include "../../harness.hpp"
#include "../../trial.hpp"

#include <cstdint>
#include <memory>
#include <semaphore>
#include <string>
#include <utility>

namespace bench::thread_nested {

inline constexpr unit ns_per_level{"ns per level", 1e9};

/// A pool as a contender: `submit(f).get()`.
template <class Pool>
class by_future {
public:
    explicit by_future(unsigned threads) : pool_(threads) {}

    std::uint64_t run(std::uint64_t levels, std::size_t times) {
        std::uint64_t sum = 0;
        std::binary_semaphore done(0);  // and not a future's get(): that may run the outermost task here
        auto outermost = pool_.submit([&] {
            for (std::size_t i = 0; i < times; ++i) sum += nest(levels);
            done.release();
            return true;
        });
        done.acquire();
        outermost.get();
        return sum;
    }

private:
    std::uint64_t nest(std::uint64_t levels) {
        if (levels == 0) return 0;
        return pool_.submit([this, levels] { return nest(levels - 1); }).get() + 1;
    }

    Pool pool_;
};

struct shape {
    const char* row;
    unsigned threads;
    std::uint64_t levels;
    std::size_t times;
};
inline constexpr shape shapes[] = {{"thread/nested/16_on_2", 2, 16, 100},
                                   {"thread/nested/10000_on_1", 1, 10'000, 1}};

template <class Contender>
std::string what_prevents_one(const shape& of) {
    return what_prevents(std::chrono::milliseconds(3000), [&of] {
        Contender contender(of.threads);
        require(contender.run(of.levels, 1) == of.levels, "the sum is wrong");
    });
}

/// `Contender` is constructed with the number of threads, and has `run(levels, times)`, which `times` times
/// runs so many levels and returns the sum of what the outermost tasks return.
template <class Contender>
int main(int argc, char** argv) {
    program here(argc, argv);
    for (const shape& of : shapes) {
        const std::string prevented = what_prevents_one<Contender>(of);
        here.add(of.row, ns_per_level, [&of, prevented] {
            if (!prevented.empty()) throw unable(prevented);
            return [&of, contender = std::make_unique<Contender>(of.threads)] {
                const auto start = clock::now();
                const std::uint64_t sum = contender->run(of.levels, of.times);
                const double seconds = seconds_since(start);
                require(sum == of.levels * of.times, "the sum is wrong");
                return cost(seconds, of.levels * of.times, ns_per_level);
            };
        });
    }
    return here.run();
}

}  // namespace bench::thread_nested
