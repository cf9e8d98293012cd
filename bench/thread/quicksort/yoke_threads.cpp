// SPDX-License-Identifier: MIT
// yoke::sort.
#include "question.hpp"

#include <yoke/algorithm/sort.hpp>
#include <yoke/executor/thread_pool.hpp>

namespace {

class contender {
public:
    void run(std::vector<double>& numbers) { yoke::sort(pool_, numbers); }

private:
    yoke::thread_pool pool_{bench::workers()};
};

}  // namespace

int main(int argc, char** argv) { return bench::thread_quicksort::main<contender>(argc, argv); }
