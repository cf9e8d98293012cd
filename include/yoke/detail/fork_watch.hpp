// SPDX-License-Identifier: MIT
#pragma once

/// Notices that the program has forked: in the child, objects that own threads find that their threads are
/// gone.
///
/// A handler of pthread_atfork counts in the child, so asking costs one load. (A child made by a bare clone()
/// runs no handlers and goes unnoticed.)

#include <yoke/detail/config.hpp>

#include <atomic>
#include <new>

#if defined(__unix__) || defined(__APPLE__)
#include <pthread.h>
#endif

namespace yoke::detail {

YOKE_SHARED_STATE inline std::atomic<unsigned> forks_behind{0};

/// Remembers in which process it was made. The constructor throws std::bad_alloc if the handler cannot be
/// installed.
class fork_watch {
public:
    fork_watch() {
        install();
        made_after_ = forks_behind.load(std::memory_order_relaxed);
    }

    /// True in a child forked since.
    [[nodiscard]] bool forked() const noexcept {
        // relaxed: the child's only thread wrote it, or a thread that this one started.
        return forks_behind.load(std::memory_order_relaxed) != made_after_;
    }

private:
    YOKE_SHARED_STATE static void install() {
#if defined(__unix__) || defined(__APPLE__)
        static const int failed =
            ::pthread_atfork(nullptr, nullptr, [] { forks_behind.fetch_add(1, std::memory_order_relaxed); });
        if (failed != 0) throw std::bad_alloc();
#endif
    }

    unsigned made_after_ = 0;
};

}  // namespace yoke::detail
