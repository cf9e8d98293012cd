// expect: argument 1 is a pointer, which another process cannot follow
// expect: pass the value
// SPDX-License-Identifier: MIT
#include <yoke/wire/remote_call.hpp>

template <class F, class... Args>
void send(F&&, Args&&...) {
    yoke::refuse_unshippable<F, Args...>();
}

void test(int* number) {
#ifdef YOKE_FIXED
    send([](int n) { return n; }, *number);
#else
    send([](int* n) { return *n; }, number);
#endif
}
