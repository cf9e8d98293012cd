// SPDX-License-Identifier: MIT
// std::sort.
#include "question.hpp"

namespace {

class contender {
public:
    static void run(std::vector<double>& numbers) { std::sort(numbers.begin(), numbers.end()); }
};

}  // namespace

int main(int argc, char** argv) { return bench::thread_quicksort::main<contender>(argc, argv); }
