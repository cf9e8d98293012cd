// expect: argument 1 holds something that cannot cross to another process
// SPDX-License-Identifier: MIT
#include <yoke/wire/remote_call.hpp>

#include <string>
#include <string_view>
#include <vector>

template <class F, class... Args>
void send(F&&, Args&&...) {
    yoke::refuse_unshippable<F, Args...>();
}

#ifdef YOKE_FIXED
using text = std::string;
#else
using text = std::string_view;
#endif

struct row {
    int number = 0;
    std::vector<text> columns;
};

void test() {
    send([](const row& r) { return r.columns.size(); }, row());
}
