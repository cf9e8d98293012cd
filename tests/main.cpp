// SPDX-License-Identifier: MIT
//
// The main function of every test program. The runtime comes first: it forks the fork server while the program has
// one thread, and what it started is gone before the process ends.
#if __has_include(<catch2/catch_session.hpp>)
#include <catch2/catch_session.hpp>
#else
#define CATCH_CONFIG_RUNNER
#include <catch2/catch.hpp>
#endif

#include <yoke/runtime.hpp>

int main(int argc, char** argv) {
    yoke::runtime rt{argc, argv};
    return Catch::Session().run(argc, argv);
}
