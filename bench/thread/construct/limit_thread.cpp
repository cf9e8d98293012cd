// SPDX-License-Identifier: MIT
// One thread that runs the task, however many are asked for: no pool can be used for less.
#include "question.hpp"

#include <thread>

namespace {

class contender {
public:
    explicit contender(unsigned) {}
    std::thread::id run() {
        std::thread::id ran_on;
        std::thread([&ran_on] { ran_on = bench::thread_construct::task(); }).join();
        return ran_on;
    }
};

}  // namespace

int main(int argc, char** argv) { return bench::thread_construct::main<contender>(argc, argv, false); }
