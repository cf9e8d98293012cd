// expect: yoke::sort: the range cannot be sorted with this comparison and projection
// SPDX-License-Identifier: MIT
#include <yoke/algorithm/sort.hpp>
#include <yoke/executor/thread_pool.hpp>

#include <functional>
#include <string>
#include <vector>

struct person {
    std::string name;
    int age;
};

int main() {
    yoke::thread_pool pool;
    std::vector<person> people;
#ifdef YOKE_FIXED
    yoke::sort(pool, people, std::ranges::less(), &person::age);
#else
    yoke::sort(pool, people);
#endif
}
