// expect: yoke::stage: this executor cannot run this call
// SPDX-License-Identifier: MIT
// expect: lambdas without captures
#include <yoke/algorithm/pipeline.hpp>
#include <yoke/executor/process_pool.hpp>
#include <yoke/wire/bind_values.hpp>

int main(int argc, char** argv) {
    const yoke::runtime rt{argc, argv};
    yoke::process_pool processes(1);
    const int factor = 3;
#ifdef YOKE_FIXED
    auto times = yoke::bind_values([](int by, int x) { return by * x; }, factor);
#else
    auto times = [&factor](int x) { return factor * x; };
#endif
    return static_cast<int>((yoke::from({1, 2}) | yoke::stage(processes, times) | yoke::collect()).size());
}
