// expect: argument 1 is a std::reference_wrapper
// expect: pass the value
// SPDX-License-Identifier: MIT
#include <yoke/wire/remote_call.hpp>

#include <functional>

template <class F, class... Args>
void send(F&&, Args&&...) {
    yoke::refuse_unshippable<F, Args...>();
}

void test(int& number) {
#ifdef YOKE_FIXED
    send([](int n) { return n + 1; }, number);
#else
    send([](int& n) { return ++n; }, std::ref(number));
#endif
}
