// expect: the result of the call is a smart pointer
// expect: return the value
// SPDX-License-Identifier: MIT
#include <yoke/wire/remote_call.hpp>

#include <memory>

template <class F, class... Args>
void send(F&&, Args&&...) {
    yoke::refuse_unshippable<F, Args...>();
}

void test() {
#ifdef YOKE_FIXED
    send([] { return 3; });
#else
    send([] { return std::make_unique<int>(3); });
#endif
}
