// SPDX-License-Identifier: MIT
#pragma once

/// What does a loop cost that is not worth sharing?
///
/// Timed: 1,000 additions to numbers in memory, by a thread outside the pool; 100 such loops in a row, per loop. Checked: the
/// numbers.

#include "../../harness.hpp"

#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

namespace bench::thread_small_loop {

inline constexpr unit microseconds{"us", 1e6};

class item {
public:
    explicit item(std::vector<unsigned>& numbers) : numbers_(&numbers) {}
    void operator()(std::size_t i) const { (*numbers_)[i] += static_cast<unsigned>(i); }

private:
    std::vector<unsigned>* numbers_;
};

/// `Contender` has `run(size, f)`, which calls f(0) to f(size - 1).
template <class Contender>
int main(int argc, char** argv) {
    program here(argc, argv);
    here.add("thread/small_loop", microseconds, [] {
        constexpr std::size_t size = 1000;
        constexpr std::size_t loops = 100;
        const auto numbers = std::make_shared<std::vector<unsigned>>(size);
        auto contender = std::make_shared<Contender>();
        return [=] {
            numbers->assign(size, 0);
            const auto start = clock::now();
            for (std::size_t i = 0; i < loops; ++i) {
                contender->run(size, item(*numbers));
                benchmark::ClobberMemory();
            }
            const double seconds = seconds_since(start);
            for (std::size_t i = 0; i < size; ++i)
                require((*numbers)[i] == i * loops, "an item was not done once in each loop");
            return cost(seconds, loops, microseconds);
        };
    });
    return here.run();
}

}  // namespace bench::thread_small_loop
