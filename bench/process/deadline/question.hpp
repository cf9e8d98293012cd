// SPDX-License-Identifier: MIT
#pragma once

/// How late is a task ended that runs too long?
///
/// The task notes when it begins, and would sleep for a minute; it may run for 20 ms. Timed: from 20 ms after its
/// beginning until the thread that waits for it knows that it was ended. limit_kill is no pool: a program that sleeps
/// until then and kills its child. Python's pools have no such limit.

#include "../../futex.hpp"
#include "../../harness.hpp"

#include <memory>
#include <thread>

namespace bench::process_deadline {

inline constexpr unit microseconds{"us late", 1e6};
inline constexpr std::chrono::milliseconds limit{20};

struct note {
    clock::time_point began;  // the steady clock is the same in all processes
    shared_futex running;
};
/// Made before the first process is forked.
inline const shared<note>& notes() {
    static const shared<note> all;
    return all;
}

/// What the task does.
inline int sleep_long(int) {
    notes()->began = clock::now();
    notes()->running.store_and_wake(1);
    std::this_thread::sleep_for(std::chrono::minutes(1));
    return 0;
}

/// `Contender` has `run()`, which has a worker run `sleep_long` and returns when that was ended. main() has called
/// notes() first of all.
template <class Contender>
int main(int argc, char** argv) {
    program here(argc, argv);
    here.add_single("process/deadline", microseconds, 50, [] {
        return [contender = std::make_unique<Contender>()] {
            notes()->running.store_and_wake(0);
            contender->run();
            const double late = seconds_since(notes()->began + limit);
            require(late > 0, "the task was ended too early");
            return cost(late, 1, microseconds);
        };
    });
    return here.run();
}

}  // namespace bench::process_deadline
