// SPDX-License-Identifier: MIT
// OpenMP's parallel for.
#include "question.hpp"

namespace {

class contender {
public:
    template <class F>
    static void run(std::size_t size, F f) {
#pragma omp parallel for
        for (std::size_t i = 0; i < size; ++i) f(i);
    }
};

}  // namespace

int main(int argc, char** argv) { return bench::thread_small_loop::main<contender>(argc, argv); }
