// SPDX-License-Identifier: MIT
// Not a pool but the machine's limit: a ring of slots each way, one process that answers and never sleeps.
#include "../../shared_ring.hpp"
#include "question.hpp"

namespace {

class contender {
public:
    std::uint64_t run(std::uint64_t count) {
        std::uint64_t sum = 0;
        echo_.run(count, [&sum](std::uint64_t value) { sum += value; });
        return sum;
    }

private:
    bench::ring_echo echo_;
};

}  // namespace

int main(int argc, char** argv) { return bench::process_submit_collect::main<contender>(argc, argv); }
