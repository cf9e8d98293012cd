// SPDX-License-Identifier: MIT
//
// The main function of every test program. The runtime comes first: it forks the fork server while the program has
// one thread, and what it started is gone before the process ends.
#include <yoke/runtime.hpp>

int run_catch(int argc, char** argv);

int main(int argc, char** argv) {
    yoke::runtime rt{argc, argv};
    return run_catch(argc, argv);
}
