// SPDX-License-Identifier: MIT
// OpenMP's scan directive.
#include "question.hpp"

// g++ 12 takes the running total of each thread, which it makes itself, for uninitialized.
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"

namespace {

class contender {
public:
    static void run(const bench::thread_scan::numbers& from, bench::thread_scan::numbers& to) {
        std::uint64_t sum = 0;
#pragma omp parallel for reduction(inscan, + : sum)
        for (std::size_t i = 0; i < from.size(); ++i) {
            sum += from[i];
#pragma omp scan inclusive(sum)
            to[i] = sum;
        }
    }
};

}  // namespace

int main(int argc, char** argv) { return bench::thread_scan::main<contender>(argc, argv); }
