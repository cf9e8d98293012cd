// SPDX-License-Identifier: MIT
// std::async: starts a thread.
#include "question.hpp"

#include <future>

namespace {

class contender {
public:
    std::thread::id run() { return std::async(std::launch::async, bench::thread_round_trip::task).get(); }
};

}  // namespace

int main(int argc, char** argv) { return bench::thread_round_trip::main<contender>(argc, argv); }
