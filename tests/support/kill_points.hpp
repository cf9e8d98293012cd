// SPDX-License-Identifier: MIT
#pragma once

/// Kills worker processes, or holds them up, at named places of the library's code. For programs with a main function of their own
/// that define YOKE_TEST_POINTS before their first include.
///
///     yoke_test::kill_points::install();             // before the first pool
///     yoke_test::kill_points::arm("task claimed");   // the next worker that comes by there is killed
///     ...
///     yoke_test::kill_points::await_death();         // until it is dead
///     yoke_test::kill_points::deaths("task claimed") // how many have died there so far

#include "support/process_watch.hpp"

#include <yoke/detail/base/test_point.hpp>
#include <yoke/detail/process/fork_server.hpp>

#include <sched.h>
#include <signal.h>

#include <atomic>
#include <cstring>
#include <map>
#include <string>

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
    /// The next worker that comes by there waits instead, awake, until it is let go. Not while another is held.
    static void hold(const char* name) {
        plan_.holds = 1;  // first: who comes by an armed place that holds nobody is killed
        arm(name);
    }
    static void let_go() { plan_.holds = 0; }
    /// The process that was killed or held; 0 before that.
    static int struck() { return plan_.struck; }
    /// Waits for a worker to come by the armed place and die there: until the system has no such process any more. Counts
    /// that death.
    static void await_death() {
        const bool dead = eventually([] { return plan_.struck != 0 && !alive(plan_.struck); });
        require(dead, "a worker has died at", plan_.name);
        ++deaths_[plan_.name];
    }
    /// So many deaths at a place were waited for.
    static int deaths(const char* name) { return deaths_[name]; }

private:
    struct plan {
        std::atomic<int> armed{0};
        std::atomic<int> left{0};
        std::atomic<int> struck{0};  ///< the worker's process
        std::atomic<int> holds{0};   ///< it is not killed, but waits until this is 0
        char name[64] = {};
    };

    static void pass(const char* name) {
        if (!yoke::detail::in_worker_process || plan_.armed == 0 || std::strcmp(name, plan_.name) != 0)
            return;
        if (plan_.left.fetch_sub(1) > 0) return;
        if (plan_.armed.exchange(0) == 0) return;
        plan_.struck = ::getpid();
        if (plan_.holds != 0) {
            while (plan_.holds != 0) sched_yield();
            return;
        }
        ::kill(::getpid(), SIGKILL);
    }

    inline static plan& plan_ = make_shared_object<plan>();
    inline static std::map<std::string, int> deaths_;
};

}  // namespace yoke_test
