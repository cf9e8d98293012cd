// SPDX-License-Identifier: MIT
// The plain loop.
#include "question.hpp"

#include <numeric>

namespace {

class contender {
public:
    static void run(const bench::thread_scan::numbers& from, bench::thread_scan::numbers& to) {
        std::inclusive_scan(from.begin(), from.end(), to.begin());
    }
};

}  // namespace

int main(int argc, char** argv) { return bench::thread_scan::main<contender>(argc, argv); }
