// SPDX-License-Identifier: MIT
// citor's forkJoin; the caller is one of the threads.
#include "question.hpp"

#include <citor/thread_pool.h>

namespace {

class contender {
public:
    void run(std::vector<double>& numbers) { sort(numbers.data(), numbers.data() + numbers.size()); }

private:
    void sort(double* first, double* last) {
        if (last - first < bench::thread_quicksort::few) return std::sort(first, last);
        const auto [lower, upper] = bench::thread_quicksort::divide(first, last);
        pool_.forkJoin<citor::CcdLocalForkJoinHints>([=, this, from = upper] { sort(from, last); },
                                                     [=, this, to = lower] { sort(first, to); });
    }

    citor::ThreadPool pool_{bench::workers()};
};

}  // namespace

int main(int argc, char** argv) { return bench::thread_quicksort::main<contender>(argc, argv); }
