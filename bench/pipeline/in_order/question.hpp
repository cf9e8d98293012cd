// SPDX-License-Identifier: MIT
#pragma once

/// What does it cost to pass items through a pipeline: a serial source, two transforms that may run in
/// parallel, a sink that takes the items in order?
///
/// Timed: from the start of the run until the last item is in the sink, threads exist where the contender has
/// a pool. Items are of 8 bytes. `trivial`: transforms of two instructions, 200,000 items, per item. `1us`
/// and `10us`: transforms with about that much work each (a set number of steps), 50,000 and 5,000 items, as
/// a percentage of the ideal, which is the time this work takes on one thread, measured right before and
/// after, divided by the number of processors. Checked: every item, in order, by a checksum that depends on
/// the order.

#include "../../harness.hpp"
#include "../../work.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

namespace bench::pipeline_in_order {

inline constexpr unit ns_per_item{"ns per item", 1e9};
inline constexpr unit percent_of_ideal{"% of ideal", 100};

/// What a contender keeps in flight at most, where it asks; the capacity of each queue, where it has queues.
inline constexpr std::size_t in_flight = 1024;

using item = std::uint64_t;

/// The stages. The source yields the items 0 to items - 1.
struct stages {
    item items;
    std::size_t steps;

    [[nodiscard]] item first(item value) const { return work(value * 3 + 1, steps); }
    [[nodiscard]] item second(item value) const { return work(value ^ (value >> 7), steps); }
};

/// The sink.
class checksum {
public:
    void take(item value) { sum_ = sum_ * 31 + value; }
    [[nodiscard]] item value() const { return sum_; }

private:
    item sum_ = 0;
};

inline item expected_checksum(const stages& of) {
    checksum sink;
    for (item i = 0; i < of.items; ++i) sink.take(of.second(of.first(i)));
    return sink.value();
}

/// `Contender` has `run(stages)`, which passes the items through and returns the checksum.
template <class Contender>
int main(int argc, char** argv) {
    program here(argc, argv);
    const item trivial = here.scaled(200'000);
    here.add("pipeline/in_order/trivial", ns_per_item, [trivial] {
        const stages of{trivial, 0};
        auto contender = std::make_unique<Contender>();
        contender->run(of);
        return [of, expected = expected_checksum(of), contender = std::move(contender)] {
            const auto start = clock::now();
            const item sum = contender->run(of);
            const double seconds = seconds_since(start);
            require(sum == expected, "items are lost, wrong or out of order");
            return cost(seconds, of.items, ns_per_item);
        };
    });
    const auto efficiency = [](double seconds_of_body, item items) {
        return [seconds_of_body, items] {
            const stages of{items, steps_of(seconds_of_body)};
            auto contender = std::make_unique<Contender>();
            contender->run({std::min<item>(items, 1000), 0});
            return [of, expected = expected_checksum(of), contender = std::move(contender)] {
                const std::size_t calls = of.items / 10 + 1;
                const double before = seconds_of_work(calls, of.steps);
                const auto start = clock::now();
                const item sum = contender->run(of);
                const double seconds = seconds_since(start);
                const double after = seconds_of_work(calls, of.steps);
                require(sum == expected, "items are lost, wrong or out of order");
                const double one_body = (before + after) / static_cast<double>(2 * calls);
                const double ideal = 2 * one_body * static_cast<double>(of.items) / workers();
                return sample{seconds, ideal / seconds * percent_of_ideal.per_second};
            };
        };
    };
    here.add("pipeline/in_order/1us", percent_of_ideal, efficiency(1e-6, here.scaled(50'000)));
    here.add("pipeline/in_order/10us", percent_of_ideal, efficiency(10e-6, here.scaled(5'000)));
    return here.run();
}

}  // namespace bench::pipeline_in_order
