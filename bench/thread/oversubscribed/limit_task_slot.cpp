// SPDX-License-Identifier: MIT
// A ring of task slots between two threads that spin: no pool can be quicker.
#include "../../task_slots.hpp"
#include "question.hpp"

namespace {

class contender {
public:
    explicit contender(unsigned /*threads*/) {}

    void run(std::size_t tasks) {
        slots_.run(tasks, [](std::size_t) { bench::counted_task(); });
    }

private:
    bench::task_slots slots_;
};

}  // namespace

int main(int argc, char** argv) { return bench::thread_oversubscribed::main<contender>(argc, argv); }
