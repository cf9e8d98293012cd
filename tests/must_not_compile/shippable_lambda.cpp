// expect: the function is a lambda with captures
// expect: yoke::bind_values(f, values...)
// SPDX-License-Identifier: MIT
#include <yoke/wire/remote_call.hpp>

template <class F, class... Args>
void send(F&&, Args&&...) {
    yoke::refuse_unshippable<F, Args...>();
}

void test() {
    const int factor = 3;
#ifdef YOKE_FIXED
    send(yoke::bind_values([](int k, int x) { return k * x; }, factor), 4);
#else
    send([factor](int x) { return factor * x; }, 4);
#endif
}
