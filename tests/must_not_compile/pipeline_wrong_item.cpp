// expect: yoke::stage: the function cannot be called with what comes out of the part before it
// SPDX-License-Identifier: MIT
#include <yoke/algorithm/pipeline.hpp>
#include <yoke/executor/inline_executor.hpp>

#include <string>

int main() {
    yoke::inline_executor here;
#ifdef YOKE_FIXED
    const auto shout = [](int x) { return x + 1; };
#else
    const auto shout = [](const std::string& text) { return text + "!"; };
#endif
    auto results = yoke::from({1, 2, 3}) | yoke::stage(here, [](int x) { return x * 2; }) |
                   yoke::stage(here, shout) | yoke::collect();
    return static_cast<int>(results.size());
}
