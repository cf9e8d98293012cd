// SPDX-License-Identifier: MIT
// Not a pool but the machine's limit: a process that does nothing but sleep on a futex.
#include "../../futex.hpp"
#include "question.hpp"

namespace {

class contender {
public:
    std::uint64_t run(std::uint64_t i) { return echo_.run(i); }
    [[nodiscard]] std::vector<int> workers() const { return {echo_.pid()}; }

private:
    bench::futex_echo echo_;
};

}  // namespace

int main(int argc, char** argv) { return bench::process_idle::main<contender>(argc, argv); }
