// SPDX-License-Identifier: MIT
// oneTBB's parallel_scan.
#include "question.hpp"

#include <tbb/blocked_range.h>
#include <tbb/parallel_scan.h>

#include <functional>

namespace {

class contender {
public:
    static void run(const bench::thread_scan::numbers& from, bench::thread_scan::numbers& to) {
        tbb::parallel_scan(
            tbb::blocked_range<std::size_t>(0, from.size()), std::uint64_t{0},
            [&](const tbb::blocked_range<std::size_t>& part, std::uint64_t sum, bool is_final) {
                for (std::size_t i = part.begin(); i != part.end(); ++i) {
                    sum += from[i];
                    if (is_final) to[i] = sum;
                }
                return sum;
            },
            std::plus<>());
    }
};

}  // namespace

int main(int argc, char** argv) { return bench::thread_scan::main<contender>(argc, argv); }
