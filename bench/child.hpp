// SPDX-License-Identifier: MIT
#pragma once

/// A forked process, for probes and peers.

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <system_error>

namespace bench {

/// Runs `f()` in a child process, which ends with it, or with this program.
class child {
public:
    template <class F>
    explicit child(F f) : pid_(fork()) {
        if (pid_ == -1) throw std::system_error(errno, std::generic_category(), "fork");
        if (pid_ != 0) return;
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        f();
        _exit(0);
    }
    child(const child&) = delete;
    child& operator=(const child&) = delete;
    [[nodiscard]] pid_t pid() const { return pid_; }
    /// Waits for its end.
    ~child() { waitpid(pid_, nullptr, 0); }

private:
    pid_t pid_;
};

}  // namespace bench
