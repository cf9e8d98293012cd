// TBB parallel_for
#include <tbb/parallel_for.h>

#include <vector>

int main() {
    std::vector<int> numbers(1000, 1);
    tbb::parallel_for(std::size_t{0}, numbers.size(), [&](std::size_t i) { numbers[i] += 1; });
    return numbers[0] - 2;
}
