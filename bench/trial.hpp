// SPDX-License-Identifier: MIT
#pragma once

/// Tries in a child process what may never end, or end badly.

#include "futex.hpp"
#include "harness.hpp"

#include <csignal>
#include <cstring>
#include <string>
#include <thread>

namespace bench {

/// Runs `f()` in a child process; call this before the program has threads. Returns "" if it ended well
/// within `limit`, else how it did not.
template <class F>
std::string what_prevents(std::chrono::milliseconds limit, F f) {
    struct message {
        char text[256] = {};
    };
    const shared<message> error;
    const pid_t pid = fork();
    if (pid == -1) throw std::system_error(errno, std::generic_category(), "fork");
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        try {
            f();
            _exit(0);
        } catch (const std::exception& thrown) {
            std::strncpy(error->text, thrown.what(), sizeof error->text - 1);
        }
        _exit(1);
    }
    int status = 0;
    for (const auto start = clock::now(); waitpid(pid, &status, WNOHANG) == 0;) {
        if (clock::now() - start > limit) {
            kill(pid, SIGKILL);
            waitpid(pid, &status, 0);
            return "deadlocks: did not end within " + std::to_string(limit.count()) + " ms";
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    if (WIFSIGNALED(status)) return std::string("is ended by ") + strsignal(WTERMSIG(status));
    if (WEXITSTATUS(status) != 0) return "throws: " + std::string(error->text);
    return "";
}

}  // namespace bench
