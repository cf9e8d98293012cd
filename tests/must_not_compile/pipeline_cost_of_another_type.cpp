// expect: yoke::stage: the order's cost function must take a const item of this stage
// SPDX-License-Identifier: MIT
#include <yoke/algorithm/pipeline.hpp>
#include <yoke/executor/inline_executor.hpp>

struct entry {
    int interval;
};

int main() {
    yoke::inline_executor here;
#ifdef YOKE_FIXED
    const auto same = [](entry e) { return e; };
#else
    const auto same = [](entry e) { return e.interval; };
#endif
    yoke::from({entry{1}}) | yoke::stage(here, same) |
        yoke::stage(
            here, [](auto x) { return x; }, {}, yoke::longest_first(&entry::interval)) |
        yoke::discard();
}
