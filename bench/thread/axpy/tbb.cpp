// SPDX-License-Identifier: MIT
// oneTBB's parallel_for.
#include "question.hpp"

#include <tbb/parallel_for.h>

namespace {

class contender {
public:
    static void run(bench::thread_axpy::vectors v) {
        tbb::parallel_for(std::size_t{0}, v.x.size(), [&v](std::size_t i) { v.y[i] += v.a * v.x[i]; });
    }
};

}  // namespace

int main(int argc, char** argv) { return bench::thread_axpy::main<contender>(argc, argv); }
