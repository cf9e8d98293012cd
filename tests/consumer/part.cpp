// SPDX-License-Identifier: MIT
//
// A further source file of the program that must not be linked with both forms of the library.
#include <yoke/executor/inline_executor.hpp>
#include <yoke/version.hpp>

int part() {
    yoke::inline_executor here;
    return yoke::submit(here, [] { return 42; }).get();
}
