// SPDX-License-Identifier: MIT
// oneTBB's parallel_for.
#include "question.hpp"

#include <tbb/parallel_for.h>

namespace {

class contender {
public:
    template <class F>
    static void run(std::size_t size, F f) {
        tbb::parallel_for(std::size_t{0}, size, f);
    }
};

}  // namespace

int main(int argc, char** argv) { return bench::thread_irregular::main<contender>(argc, argv); }
