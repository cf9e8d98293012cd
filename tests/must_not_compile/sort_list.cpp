// expect: random_access_range
// SPDX-License-Identifier: MIT
#include <yoke/algorithm/sort.hpp>
#include <yoke/executor/thread_pool.hpp>

#include <list>
#include <vector>

int main() {
    yoke::thread_pool pool;
#ifdef YOKE_FIXED
    std::vector<int> numbers{2, 1};
#else
    std::list<int> numbers{2, 1};
#endif
    yoke::sort(pool, numbers);
}
