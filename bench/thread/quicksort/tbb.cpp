// SPDX-License-Identifier: MIT
// oneTBB's parallel_sort.
#include "question.hpp"

#include <tbb/parallel_sort.h>

namespace {

class contender {
public:
    static void run(std::vector<double>& numbers) { tbb::parallel_sort(numbers.begin(), numbers.end()); }
};

}  // namespace

int main(int argc, char** argv) { return bench::thread_quicksort::main<contender>(argc, argv); }
