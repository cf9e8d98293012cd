// SPDX-License-Identifier: MIT
// The plain loop.
#include "question.hpp"

namespace {

class contender {
public:
    static void run(bench::thread_axpy::vectors v) {
        for (std::size_t i = 0; i < v.x.size(); ++i) v.y[i] += v.a * v.x[i];
    }
};

}  // namespace

int main(int argc, char** argv) { return bench::thread_axpy::main<contender>(argc, argv); }
