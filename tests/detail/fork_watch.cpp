// SPDX-License-Identifier: MIT
#include "catch.hpp"

#include <yoke/detail/fork_watch.hpp>

#include <sys/wait.h>
#include <unistd.h>

TEST_CASE("what was made before a fork knows in the child, and only there", "[process]") {
    const yoke::detail::fork_watch before;
    const pid_t child = ::fork();
    if (child == 0) {
        const yoke::detail::fork_watch after;
        const bool first = before.forked() && !after.forked();
        const pid_t grandchild = ::fork();
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
