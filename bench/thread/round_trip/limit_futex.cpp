// SPDX-License-Identifier: MIT
// A word in shared memory and a raw futex, to another process and back.
#include "../../futex.hpp"
#include "question.hpp"

namespace {

class contender {
public:
    explicit contender(unsigned /*threads*/) {}

    std::thread::id on_a_worker() {
        bench::require(echo_.run(1) == 2, "a result is wrong");
        return {};  // not the caller's
    }

private:
    bench::futex_echo echo_;
};

}  // namespace

int main(int argc, char** argv) { return bench::thread_round_trip::main<contender>(argc, argv); }
