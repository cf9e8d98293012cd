// expect: argument 2 is a pointer to characters
// expect: pass std::string
// SPDX-License-Identifier: MIT
#include <yoke/wire/remote_call.hpp>

#include <string>

template <class F, class... Args>
void send(F&&, Args&&...) {
    yoke::refuse_unshippable<F, Args...>();
}

void print_line(int, const std::string&) {}

void test() {
#ifdef YOKE_FIXED
    send(print_line, 1, std::string("text"));
#else
    send(print_line, 1, "text");
#endif
}
