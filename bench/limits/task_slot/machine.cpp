// SPDX-License-Identifier: MIT
/// What does it cost to hand a task from one thread to another?
///
/// A ring of 64-byte slots that hold the callables; the producer fills them and a consumer calls what is in
/// them, both spinning; 1,000,000 tasks, per task. Needs two processors.

#include "../../tally.hpp"
#include "../../task_slots.hpp"

namespace {

constexpr bench::unit ns_per_task{"ns per task", 1e9};

}  // namespace

int main(int argc, char** argv) {
    bench::program here(argc, argv);
    const std::size_t tasks = here.scaled(1'000'000);
    here.add("limits/task_slot", ns_per_task, [tasks] {
        return [tasks, slots = std::make_unique<bench::task_slots>()] {
            const std::uint64_t before = bench::tally::total();
            const auto start = bench::clock::now();
            slots->run(tasks, [](std::size_t) { bench::tally::count(); });
            const double seconds = bench::seconds_since(start);
            bench::require(bench::tally::total() - before == tasks, "not all tasks have run");
            return bench::cost(seconds, tasks, ns_per_task);
        };
    });
    return here.run();
}
