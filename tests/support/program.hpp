// SPDX-License-Identifier: MIT
#pragma once

/// Programs that a test runs, each in a process of its own, because they end it or change what only a process has.

#include <yoke/runtime.hpp>

#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

namespace yoke_test {

/// Calls `program` in a child that has a runtime, and after 30 seconds an alarm. Ends the test if the child does not end with
/// `expected`, an exit status (0 if the program returns), or 1000 and the signal that ended it.
template <class Program>
void run_program(const char* what, Program&& program, int expected) {
    std::fflush(nullptr);
    const pid_t child = ::fork();
    if (child == 0) {
        const yoke::runtime rt;
        ::alarm(30);
        program();
        std::fflush(nullptr);
        ::_exit(0);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    const int ended = WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
    if (ended == expected) return;
    std::printf("FAILED: %s: ended with %d, not %d\n", what, ended, expected);
    std::exit(1);
}

}  // namespace yoke_test
