// SPDX-License-Identifier: MIT
#pragma once

/// Tells in which process this is: in a child, objects that own threads, or share memory with others, find that these
/// are their parent's.
///
/// A process has a number, larger than those of all that it descends from. The number lies on a page that the kernel
/// wipes in every child that has a copy of it (MADV_WIPEONFORK), be it forked by fork() or by a bare clone(); so asking
/// costs two loads, and the first question in a child finds a zero and makes the next number. Where the kernel cannot
/// do that (before Linux 4.14, other systems) a handler of pthread_atfork does it, which a bare clone() does not run. A
/// child that shares its parent's memory (vfork) cannot be told from the parent.

#include <yoke/detail/base/config.hpp>

#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <new>

#if defined(__unix__) || defined(__APPLE__)
#include <pthread.h>
#endif
#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace yoke::detail {

/// The number that was given last, in this process or in those it descends from.
YOKE_SHARED_STATE inline constinit std::atomic<unsigned> last_process_number{1};
/// Where this process's number is; 0 there: a child that has none yet. At first a word that nothing wipes.
YOKE_SHARED_STATE inline constinit std::atomic<unsigned> unwatched_process_number{1};
YOKE_SHARED_STATE inline constinit std::atomic<std::atomic<unsigned>*> own_process_number{
    &unwatched_process_number};

/// This process is a child without a number. If several threads come here at once, one of them decides.
YOKE_SHARED_STATE inline unsigned renew_process_number(std::atomic<unsigned>& own) noexcept {
    // Counted first, so that `own` is never ahead of the count, which a further child has a copy of.
    const unsigned next = last_process_number.fetch_add(1, std::memory_order_relaxed) + 1;
    unsigned seen = 0;
    return own.compare_exchange_strong(seen, next, std::memory_order_relaxed) ? next : seen;
}

/// This process's number.
[[nodiscard]] inline unsigned process_number() noexcept {
    // acquire: the page has a number before it becomes the place to look at. The number itself needs no order: it
    // changes only in a child, before the first of its threads gets here.
    std::atomic<unsigned>& own = *own_process_number.load(std::memory_order_acquire);
    const unsigned number = own.load(std::memory_order_relaxed);
    return number != 0 ? number : renew_process_number(own);
}

/// Remembers in which process it was made. Notices forks only once there is a fork_watch in the program, as
/// everything has that owns threads.
class process_stamp {
public:
    /// True in a child made since.
    [[nodiscard]] bool forked() const noexcept { return process_number() != made_in_; }
    /// From now on this process counts as the one in which it was made.
    void belong_here() noexcept { made_in_ = process_number(); }

private:
    unsigned made_in_ = process_number();
};

/// The same, and sees to it that forks are noticed from now on. The constructor throws std::bad_alloc if the
/// handler cannot be installed.
class fork_watch : public process_stamp {
public:
    fork_watch() { install(); }

private:
    YOKE_SHARED_STATE static void install() {
        static const bool installed = [] {
#if defined(__unix__) || defined(__APPLE__)
            const int failed = ::pthread_atfork(nullptr, nullptr, [] {
                own_process_number.load(std::memory_order_relaxed)->store(0, std::memory_order_relaxed);
            });
            if (failed != 0) return false;
#endif
#if defined(__linux__) && defined(MADV_WIPEONFORK)
            constexpr std::size_t size = 4096;
            void* const page =
                ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
            if (page == MAP_FAILED) return true;
            if (::madvise(page, size, MADV_WIPEONFORK) != 0) {
                ::munmap(page, size);
                return true;
            }
            own_process_number.store(::new (page) std::atomic<unsigned>(process_number()),
                                     std::memory_order_release);
#endif
            return true;
        }();
        if (!installed) throw std::bad_alloc();
    }
};

/// For a thread of the library's own whose task, receiver or hook has forked and come back in the child: there it is
/// the only thread, what it would go on with is its parent's, and there is no program to return to.
[[noreturn]] inline void end_forked_process() noexcept { std::_Exit(EXIT_FAILURE); }

}  // namespace yoke::detail
