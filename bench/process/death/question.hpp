// SPDX-License-Identifier: MIT
#pragma once

/// How soon is a dead worker noticed and replaced?
///
/// The pool has one worker, whose task notes the time and kills its process (SIGKILL). `seen`: from then until the thread
/// that waits for the task knows. `replaced`: from then until the result of the next task is there, which is submitted
/// at once. limit_pidfd is no pool: a process of the program's own, a pidfd, and another fork.

#include "../../futex.hpp"
#include "../../harness.hpp"

#include <csignal>
#include <memory>

namespace bench::process_death {

inline constexpr unit microseconds{"us", 1e6};

struct note {
    clock::time_point died;  // the steady clock is the same in all processes
};
/// Made before the first process is forked.
inline const shared<note>& notes() {
    static const shared<note> all;
    return all;
}

/// What the task does.
inline int die(int) {
    notes()->died = clock::now();
    ::raise(SIGKILL);
    return 0;
}

/// `Contender` has `kill()`, which has the worker run `die` and returns when it knows of the death, and `run(i)`, which has
/// a worker compute i + 1. main() has called notes() first of all.
template <class Contender>
int main(int argc, char** argv) {
    program here(argc, argv);
    here.add_single("process/death/seen", microseconds, 200, [] {
        return [contender = std::make_unique<Contender>()] {
            contender->kill();
            const double seconds = seconds_since(notes()->died);
            require(contender->run(1) == 2, "a result is wrong");
            return cost(seconds, 1, microseconds);
        };
    });
    here.add_single("process/death/replaced", microseconds, 200, [] {
        return [contender = std::make_unique<Contender>()] {
            contender->kill();
            require(contender->run(1) == 2, "a result is wrong");
            return cost(seconds_since(notes()->died), 1, microseconds);
        };
    });
    return here.run();
}

}  // namespace bench::process_death
