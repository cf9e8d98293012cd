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
        if (last - first < 4096) return std::sort(first, last);
        const double a = *first;
        const double b = first[(last - first) / 2];
        const double c = *(last - 1);
        const double pivot = std::max(std::min(a, b), std::min(std::max(a, b), c));
        double* const lower = std::partition(first, last, [pivot](double each) { return each < pivot; });
        double* const upper = std::partition(lower, last, [pivot](double each) { return !(pivot < each); });
#pragma omp task
        sort(upper, last);
        sort(first, lower);
#pragma omp taskwait
    }
};

}  // namespace

int main(int argc, char** argv) { return bench::thread_quicksort::main<contender>(argc, argv); }
