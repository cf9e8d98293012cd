// SPDX-License-Identifier: MIT
#pragma once

/// How many items pass through a bounded queue?
///
/// Timed: 1,000,000 items of 8 bytes through a queue for 1,024, one item a call unless the contender's name
/// says otherwise, from the signal to all threads, which stand ready, until the last item is out. `1p1c`: one
/// producer, one consumer; `2p2c`: two of each. Checked: the number and the sum of the items.

#include "../../harness.hpp"

#include <atomic>
#include <cstdint>
#include <latch>
#include <numeric>
#include <thread>
#include <vector>

namespace bench::queue_bounded {

inline constexpr unit million_items{"M items/s", 1e-6};
inline constexpr std::size_t capacity = 1024;

using item = std::uint64_t;

/// Pushes the items `first`, `first + step`, ... below `end`, one at a time.
template <class Queue>
void push_each(Queue& queue, item first, item step, item end) {
    for (item i = first; i < end; i += step) static_cast<void>(queue.push(i));
}
/// Takes `count` items, one at a time, and returns their sum.
template <class Queue>
item pop_each(Queue& queue, std::size_t count) {
    item sum = 0;
    for (std::size_t i = 0; i < count; ++i) sum += queue.pop();
    return sum;
}

template <class Contender>
double seconds_of_run(std::size_t items, std::size_t pairs) {
    Contender queue;
    std::latch ready(static_cast<std::ptrdiff_t>(2 * pairs));
    std::latch go(1);
    std::vector<item> sums(pairs);
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < pairs; ++i) {
        threads.emplace_back([&, i] {
            ready.count_down();
            go.wait();
            queue.produce(i, pairs, items);
        });
        threads.emplace_back([&, i] {
            ready.count_down();
            go.wait();
            sums[i] = queue.consume(items / pairs);
        });
    }
    ready.wait();
    const auto start = clock::now();
    go.count_down();
    for (auto& thread : threads) thread.join();
    const double seconds = seconds_since(start);
    const item sum = std::accumulate(sums.begin(), sums.end(), item{0});
    require(sum == items * (items - 1) / 2, "the sum of the items is wrong");
    return seconds;
}

/// `Contender` is a queue for `capacity` items with `produce(first, step, end)`, which pushes the items
/// first, first + step, ... below end, and `consume(count)`, which takes that many and returns their sum.
/// Both wait.
template <class Contender>
int main(int argc, char** argv) {
    program here(argc, argv);
    const std::size_t items = here.scaled(1'000'000);
    const auto sample_of = [items](std::size_t pairs) {
        return [items, pairs] {
            return [items, pairs] {
                return rate(seconds_of_run<Contender>(items, pairs), items, million_items);
            };
        };
    };
    here.add("queue/bounded/1p1c", million_items, sample_of(1));
    here.add("queue/bounded/2p2c", million_items, sample_of(2));
    return here.run();
}

}  // namespace bench::queue_bounded
