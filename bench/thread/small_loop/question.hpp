// SPDX-License-Identifier: MIT
#pragma once

/// What does a loop cost that is not worth sharing, or just so?
///
/// Timed: 1,000 additions to numbers in memory, by a thread outside the pool; 100 such loops in a row, per loop. `120us`:
/// the same with items that take one thread about 120 us. `<n>_items`: n additions, so that a step between two sizes shows.
/// `8_threads`: on a pool of eight threads, whatever processors there are; for contenders that can be told. Checked: the
/// numbers.

#include "../../work.hpp"

#include <concepts>
#include <cstddef>
#include <memory>
#include <string>
#include <type_traits>
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

/// The same after so much work that 1,000 items take some 120 us.
class longer_item {
public:
    explicit longer_item(std::vector<unsigned>& numbers) : add_(numbers) {}
    void operator()(std::size_t i) const {
        benchmark::DoNotOptimize(work(i, 200));
        add_(i);
    }

private:
    item add_;
};

/// `Contender` has `run(size, f)`, which calls f(0) to f(size - 1). It may be made of a number of threads.
template <class Contender>
int main(int argc, char** argv) {
    program here(argc, argv);
    const auto row = [&here]<class Item>(const std::string& name, std::size_t size, auto make,
                                         std::type_identity<Item>) {
        here.add(name.c_str(), microseconds, [size, make] {
            constexpr std::size_t loops = 100;
            const auto numbers = std::make_shared<std::vector<unsigned>>(size);
            auto contender = make();
            return [=] {
                numbers->assign(size, 0);
                const auto start = clock::now();
                for (std::size_t i = 0; i < loops; ++i) {
                    contender->run(size, Item(*numbers));
                    benchmark::ClobberMemory();
                }
                const double seconds = seconds_since(start);
                for (std::size_t i = 0; i < size; ++i)
                    require((*numbers)[i] == i * loops, "an item was not done once in each loop");
                return cost(seconds, loops, microseconds);
            };
        });
    };
    const auto made = [] { return std::make_shared<Contender>(); };
    row("thread/small_loop", 1000, made, std::type_identity<item>());
    row("thread/small_loop/120us", 1000, made, std::type_identity<longer_item>());
    const std::string name = "thread/small_loop/";
    for (const std::size_t size : {4U, 8U, 9U, 64U, 128U, 129U, 512U})
        row(name + std::to_string(size) + "_items", size, made, std::type_identity<item>());
    if constexpr (std::constructible_from<Contender, unsigned>) {
        const auto made_of_eight = [] { return std::make_shared<Contender>(8U); };
        for (const std::size_t size : {4U, 32U, 33U, 512U, 513U})
            row(name + "8_threads/" + std::to_string(size) + "_items", size, made_of_eight,
                std::type_identity<item>());
    }
    return here.run();
}

}  // namespace bench::thread_small_loop
