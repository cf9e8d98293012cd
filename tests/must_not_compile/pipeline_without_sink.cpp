// expect: a pipeline runs when it ends in a sink
// SPDX-License-Identifier: MIT
#pragma GCC diagnostic error "-Wunused-result"
#pragma GCC diagnostic error "-Wunused-value"
#include <yoke/algorithm/pipeline.hpp>
#include <yoke/executor/inline_executor.hpp>

int main() {
    yoke::inline_executor here;
    yoke::from({1, 2}) | yoke::stage(here, [](int x) { return x; })
#ifdef YOKE_FIXED
        | yoke::discard()
#endif
        ;
}
