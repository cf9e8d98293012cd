// SPDX-License-Identifier: MIT
#pragma once

/// Kills worker processes at named places of the library's code. For programs with a main function of their own
/// that define YOKE_TEST_POINTS before their first include.
///
///     yoke_test::kill_points::install();             // before the first pool
///     yoke_test::kill_points::arm("task claimed");   // the next worker that comes by there is killed
///     ...
///     yoke_test::kill_points::struck();              // whether one was

#include "support/process_watch.hpp"

#include <yoke/detail/fork_server.hpp>
#include <yoke/detail/test_point.hpp>

#include <signal.h>

#include <atomic>
#include <cstring>

namespace yoke_test {

class kill_points {
public:
    static void install() { yoke::detail::test_point_hook = &pass; }
    /// `passes` workers go by unharmed before one is killed.
    static void arm(const char* name, int passes = 0) {
        std::strncpy(plan_.name, name, sizeof plan_.name - 1);
        plan_.struck = 0;
        plan_.left = passes;
        plan_.armed = 1;
    }
    static void disarm() { plan_.armed = 0; }
    static bool struck() { return plan_.struck != 0; }

private:
    struct plan {
        std::atomic<int> armed{0};
        std::atomic<int> left{0};
        std::atomic<int> struck{0};
        char name[64] = {};
    };

    static void pass(const char* name) {
        if (!yoke::detail::in_worker_process || plan_.armed == 0 || std::strcmp(name, plan_.name) != 0)
            return;
        if (plan_.left.fetch_sub(1) > 0) return;
        if (plan_.armed.exchange(0) == 0) return;
        plan_.struck = 1;
        ::kill(::getpid(), SIGKILL);
    }

    inline static plan& plan_ = make_shared_object<plan>();
};

}  // namespace yoke_test
