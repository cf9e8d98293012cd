// SPDX-License-Identifier: MIT
#include "catch.hpp"

#include <yoke/detail/os/fork_detector.hpp>

#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

/// A child that runs no handlers of pthread_atfork.
pid_t bare_clone() {
#if defined(SYS_fork)
    return static_cast<pid_t>(::syscall(SYS_fork));
#else
    return static_cast<pid_t>(::syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0));
#endif
}

}  // namespace

TEST_CASE("what was made before a fork knows in the child, and only there", "[process]") {
    const auto make_child = GENERATE(
        as<pid_t (*)()>(), [] { return ::fork(); }, &bare_clone);
    const yoke::detail::fork_watch before;
    const pid_t child = make_child();
    if (child == 0) {
        const yoke::detail::fork_watch after;
        const bool first = before.forked() && !after.forked();
        const pid_t grandchild = make_child();
        if (grandchild == 0) ::_exit(before.forked() && after.forked() ? 0 : 1);
        int status = 0;
        ::waitpid(grandchild, &status, 0);
        ::_exit(first && WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : 1);
    }
    REQUIRE(child > 0);
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    REQUIRE(WIFEXITED(status));
    REQUIRE(WEXITSTATUS(status) == 0);
    REQUIRE_FALSE(before.forked());
}

TEST_CASE("a process that has taken a thing over from its parent has it for its own, and its children do not",
          "[process]") {
    yoke::detail::fork_watch handed_on;
    const pid_t child = ::fork();
    if (child == 0) {
        handed_on.belong_here();
        const bool own = !handed_on.forked();
        const pid_t grandchild = bare_clone();
        if (grandchild == 0) ::_exit(handed_on.forked() ? 0 : 1);
        int status = 0;
        ::waitpid(grandchild, &status, 0);
        ::_exit(own && WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : 1);
    }
    REQUIRE(child > 0);
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    REQUIRE(WIFEXITED(status));
    REQUIRE(WEXITSTATUS(status) == 0);
    REQUIRE_FALSE(handed_on.forked());
}
