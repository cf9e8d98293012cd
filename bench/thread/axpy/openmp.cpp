// SPDX-License-Identifier: MIT
// OpenMP's parallel for.
#include "question.hpp"

namespace {

class contender {
public:
    static void run(bench::thread_axpy::vectors v) {
#pragma omp parallel for
        for (std::size_t i = 0; i < v.x.size(); ++i) v.y[i] += v.a * v.x[i];
    }
};

}  // namespace

int main(int argc, char** argv) { return bench::thread_axpy::main<contender>(argc, argv); }
