// expect: yoke::flatten: what comes out of the part before it is not a range
// SPDX-License-Identifier: MIT
#include <yoke/algorithm/pipeline.hpp>
#include <yoke/executor/inline_executor.hpp>

#include <vector>

int main() {
    yoke::inline_executor here;
#ifdef YOKE_FIXED
    const auto parts = [](int x) { return std::vector{x}; };
#else
    const auto parts = [](int x) { return x; };
#endif
    auto all = yoke::from({1, 2}) | yoke::stage(here, parts) | yoke::flatten() |
               yoke::stage(here, [](int x) { return x; }) | yoke::collect();
    return static_cast<int>(all.size());
}
