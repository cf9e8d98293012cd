// SPDX-License-Identifier: MIT
// The plain loop.
#include "question.hpp"

namespace {

class contender {
public:
    template <class F>
    static void run(std::size_t size, F f) {
        for (std::size_t i = 0; i < size; ++i) f(i);
    }
};

}  // namespace

int main(int argc, char** argv) { return bench::thread_small_loop::main<contender>(argc, argv); }
