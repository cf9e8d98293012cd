// SPDX-License-Identifier: MIT
// OpenMP tasks: std::nth_element would be dear, so a plain partition about the middle item.
#include "question.hpp"

namespace {

class contender {
public:
    static void run(std::vector<double>& numbers) {
#pragma omp parallel
#pragma omp single
        sort(numbers.data(), numbers.data() + numbers.size());
    }

private:
    static void sort(double* first, double* last) {
        if (last - first < bench::thread_quicksort::few) return std::sort(first, last);
        const auto [lower, upper] = bench::thread_quicksort::divide(first, last);
#pragma omp task
        sort(upper, last);
        sort(first, lower);
#pragma omp taskwait
    }
};

}  // namespace

int main(int argc, char** argv) { return bench::thread_quicksort::main<contender>(argc, argv); }
