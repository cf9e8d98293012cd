// SPDX-License-Identifier: MIT
// A ring of task slots between two threads that spin: no pool can be quicker.
#include "../../task_slots.hpp"
#include "question.hpp"

// Not by `main`: there is one producer, which is the quickest that hands over as many tasks.
int main(int argc, char** argv) {
    using namespace bench::thread_producers;
    bench::program here(argc, argv);
    const std::size_t tasks = producers * here.scaled(25'000);
    here.add("thread/producers", ns_per_task, [tasks] {
        return [tasks, slots = std::make_unique<bench::task_slots>()] {
            const auto start = bench::clock::now();
            slots->run(tasks, [](std::size_t) { bench::counted_task(); });
            return bench::cost(bench::seconds_since(start), tasks, ns_per_task);
        };
    });
    return here.run();
}
