// expect: yoke: a pipeline begins with yoke::from(...)
// SPDX-License-Identifier: MIT
#include <yoke/algorithm/pipeline.hpp>
#include <yoke/executor/inline_executor.hpp>

int main() {
    yoke::inline_executor here;
#ifdef YOKE_FIXED
    yoke::from({1, 2}) |
#endif
        yoke::stage(here, [](int x) { return x; }) | yoke::discard();
}
