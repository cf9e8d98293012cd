// expect: argument 1 is a std::span
// expect: pass std::vector
// SPDX-License-Identifier: MIT
#include <yoke/wire/remote_call.hpp>

#include <span>
#include <vector>

template <class F, class... Args>
void send(F&&, Args&&...) {
    yoke::refuse_unshippable<F, Args...>();
}

double first(std::span<const double> values) { return values[0]; }

void test(std::span<const double> values) {
#ifdef YOKE_FIXED
    send(first, std::vector<double>(values.begin(), values.end()));
#else
    send(first, values);
#endif
}
