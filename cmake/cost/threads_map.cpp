// map on threads
// budget: 8.0 compiled 8.0, goal: 3.3 compiled 2.0
#include <yoke/algorithm/map.hpp>
#include <yoke/executor/thread_pool.hpp>

int main() {
    yoke::thread_pool pool;
    const std::vector<int> numbers(1000, 1);
    return static_cast<int>(yoke::map(pool, numbers, [](int x) { return x + 1; }).size()) - 1000;
}
