// SPDX-License-Identifier: MIT
// Not a pool but the machine's limit: a futex each way; the data do not come into it.
#include "../../futex.hpp"
#include "question.hpp"

namespace {

class contender {
public:
    explicit contender(std::size_t count) : count_(count) {}
    std::uint64_t run() { return echo_.run(2 * count_ - 1); }

private:
    std::size_t count_;
    bench::futex_echo echo_;
};

}  // namespace

int main(int argc, char** argv) { return bench::process_shared::main<contender>(argc, argv); }
