// SPDX-License-Identifier: MIT
// Not a map but the machine's limit: a ring of slots each way, one process that answers and never sleeps.
#include "../../shared_ring.hpp"
#include "question.hpp"

namespace {

class contender {
public:
    bench::process_map::items map(const bench::process_map::items& input, std::size_t chunk) {
        if (chunk == 0) throw bench::unable("has no chunks");
        bench::process_map::items results;
        results.reserve(input.size());
        echo_.run(input.size(), [&results](std::uint64_t value) { results.push_back(value); });
        return results;
    }

private:
    bench::ring_echo echo_;
};

}  // namespace

int main(int argc, char** argv) { return bench::process_map::main<contender>(argc, argv); }
