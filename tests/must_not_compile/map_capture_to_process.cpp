// expect: the function, the items or the results cannot cross to this executor's worker processes
// SPDX-License-Identifier: MIT
// expect: a captureless lambda or yoke::bind_values(f, values...)
#include <yoke/algorithm/map.hpp>
#include <yoke/executor/process_pool.hpp>
#include <yoke/wire/bind_values.hpp>

#include <vector>

int main(int argc, char** argv) {
    const yoke::runtime rt{argc, argv};
    yoke::process_pool processes(1);
    const std::vector<int> numbers{1, 2, 3};
    const int factor = 3;
#ifdef YOKE_FIXED
    auto times = yoke::bind_values([](int by, int x) { return by * x; }, factor);
#else
    auto times = [&factor](int x) { return factor * x; };
#endif
    return yoke::map(processes, numbers, times).front();
}
