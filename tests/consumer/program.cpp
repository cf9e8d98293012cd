// SPDX-License-Identifier: MIT
//
// A small program of somebody who uses the library.
#include <yoke/executor/inline_executor.hpp>
#include <yoke/executor/thread_pool.hpp>
#include <yoke/version.hpp>
#ifdef WITH_sqlite
#include <yoke/adapter/sqlite.hpp>
#endif

#include <cstdio>

int main() {
    const auto multiply = [](int a, int b) { return a * b; };
    yoke::inline_executor here;
    yoke::thread_pool threads(2);
    const int serial = yoke::submit(here, multiply, 6, 7).get();
    const int parallel = threads.submit(multiply, 6, 7).get();
    std::printf("yoke %d.%d: %d %d\n", yoke::version.major_number, yoke::version.minor_number, serial,
                parallel);
    return serial == 42 && parallel == 42 ? 0 : 1;
}
