// SPDX-License-Identifier: MIT
#pragma once

/// How well is a loop shared whose items differ wildly?
///
/// Timed: 20,000 calls, by a thread outside the pool. Item i costs i * i / 20,000 steps, so that the last quarter of the items
/// has more than half of the work, and one of a thousand costs 200,000 steps besides. Checked: every result.

#include "../../work.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

namespace bench::thread_irregular {

inline constexpr unit ms{"ms", 1e3};

class item {
public:
    item(std::size_t size, std::vector<std::uint64_t>& results) : size_(size), results_(&results) {}
    void operator()(std::size_t i) const { (*results_)[i] = work(i, steps(i)); }

private:
    [[nodiscard]] std::size_t steps(std::size_t i) const {
        return i * i / size_ + (i * 2'654'435'761U % 1000 == 0 ? 200'000 : 0);
    }
    std::size_t size_;
    std::vector<std::uint64_t>* results_;
};

/// `Contender` has `run(size, f)`, which calls f(0) to f(size - 1).
template <class Contender>
int main(int argc, char** argv) {
    program here(argc, argv);
    const std::size_t size = here.scaled(20'000);
    const auto expected = std::make_shared<std::vector<std::uint64_t>>(size);
    for (std::size_t i = 0; i < size; ++i) item(size, *expected)(i);
    here.add("thread/irregular", ms, [=] {
        const auto results = std::make_shared<std::vector<std::uint64_t>>(size);
        auto contender = std::make_shared<Contender>();
        return [=] {
            results->assign(size, 0);
            const auto start = clock::now();
            contender->run(size, item(size, *results));
            const double seconds = seconds_since(start);
            require(*results == *expected, "a wrong result");
            return cost(seconds, 1, ms);
        };
    });
    return here.run();
}

}  // namespace bench::thread_irregular
