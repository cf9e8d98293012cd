// SPDX-License-Identifier: MIT
//
// Catch2's runner, by itself: in version 2 it is all of Catch2, which takes longer to compile than any test.
#if __has_include(<catch2/catch_session.hpp>)
#include <catch2/catch_session.hpp>
#else
#define CATCH_CONFIG_RUNNER
#include <catch2/catch.hpp>
#endif

int run_catch(int argc, char** argv);

int run_catch(int argc, char** argv) { return Catch::Session().run(argc, argv); }
