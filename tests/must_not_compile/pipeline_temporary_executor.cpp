// expect: yoke::stage: the executor must outlive the pipeline, so it cannot be a temporary
// SPDX-License-Identifier: MIT
#include <yoke/algorithm/pipeline.hpp>
#include <yoke/executor/inline_executor.hpp>

int main() {
#ifdef YOKE_FIXED
    yoke::inline_executor here;
    yoke::from({1, 2}) | yoke::stage(here, [](int x) { return x; }) | yoke::discard();
#else
    yoke::from({1, 2}) | yoke::stage(yoke::inline_executor(), [](int x) { return x; }) | yoke::discard();
#endif
}
