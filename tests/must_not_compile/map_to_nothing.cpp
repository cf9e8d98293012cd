// expect: yoke::map: the function returns nothing; use yoke::for_each
// SPDX-License-Identifier: MIT
#include <yoke/algorithm/map.hpp>
#include <yoke/executor/inline_executor.hpp>

#include <vector>

int main() {
    yoke::inline_executor ex;
    std::vector<int> numbers{1, 2, 3};
#ifdef YOKE_FIXED
    yoke::for_each(ex, numbers, [](int& x) { ++x; });
#else
    static_cast<void>(yoke::map(ex, numbers, [](int& x) { ++x; }));
#endif
}
