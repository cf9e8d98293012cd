// expect: argument 1 is a std::string_view
// expect: pass std::string
// SPDX-License-Identifier: MIT
#include <yoke/wire/remote_call.hpp>

#include <string>
#include <string_view>

template <class F, class... Args>
void send(F&&, Args&&...) {
    yoke::refuse_unshippable<F, Args...>();
}

void parse(std::string_view) {}

void test(std::string_view text) {
#ifdef YOKE_FIXED
    send(parse, std::string(text));
#else
    send(parse, text);
#endif
}
