// SPDX-License-Identifier: MIT
#pragma once

/// A store-load barrier of which one side is free.
///
/// Two threads that each store to one variable and then load the other's need a full barrier between store and
/// load, both of them, or both may miss the other. Where one side runs ten million times for each time the other
/// does, the rare side can pay for both: `membarrier` makes every running thread of the process pass a full
/// barrier before it returns.
///
///     often:   a.store(...);  light_barrier();  b.load()          light_barrier() is only an order to the compiler
///     seldom:  b.store(...);  heavy_barrier();  a.load()
///
/// Why at least one sees the other: the heavy barrier falls somewhere between two instructions of the other
/// thread. If the thread's store comes before that point, it is visible to the load after the heavy barrier. If
/// not, then its load comes after that point too, and sees what was stored before the heavy barrier. (A thread
/// that does not run at that time passes a full barrier when it is switched.)
///
/// The kernel wants to be asked once by each process that uses this. In a program that has several threads
/// by then, asking waits for all of them (10 to 20 ms), in a program of one thread it takes 20 us. Where there is no
/// membarrier - old kernels, other systems, a seccomp filter, valgrind - `enable_asymmetric_barrier()` says so and
/// both sides use seq_cst operations instead. A filter may also come later, when the often side has long relied on
/// the barrier; then `heavy_barrier()` says that there was none, and the rare side must do without what it wanted to
/// do. All loads and stores around the barriers are atomic, so a thread sanitizer misses nothing by not knowing
/// membarrier.

#include <yoke/detail/base/config.hpp>
#include <yoke/detail/base/test_point.hpp>

#include <atomic>

#if defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#if defined(__has_include)
#if __has_include(<sys/single_threaded.h>)
#include <sys/single_threaded.h>
#define YOKE_KNOWS_SINGLE_THREADED
#endif
#endif
#endif

namespace yoke::detail {

#if defined(__linux__) && defined(SYS_membarrier)

namespace membarrier {
// From linux/membarrier.h, which old systems lack.
inline constexpr int private_expedited = 1 << 3;
inline constexpr int register_private_expedited = 1 << 4;

[[nodiscard]] inline bool call(int command) noexcept { return ::syscall(SYS_membarrier, command, 0, 0) == 0; }
}  // namespace membarrier

/// This process was asked for.
YOKE_SHARED_STATE inline std::atomic<bool> asymmetric_barrier_enabled{false};

/// Asks for the use of heavy_barrier() in this process; false if it cannot be had. Costs nothing the second time. A
/// child of fork() inherits it.
[[nodiscard]] inline bool enable_asymmetric_barrier() noexcept {
    if (asymmetric_barrier_enabled.load(std::memory_order_relaxed)) return true;
    if (!membarrier::call(membarrier::register_private_expedited)) return false;
    asymmetric_barrier_enabled.store(true, std::memory_order_relaxed);
    return true;
}

/// The rare side's barrier; false if the kernel refuses. To be called only after enable_asymmetric_barrier() returned
/// true.
[[nodiscard]] inline bool heavy_barrier() noexcept {
    YOKE_TEST_POINT("heavy_barrier");
    return membarrier::call(membarrier::private_expedited);
}

#else

[[nodiscard]] inline bool enable_asymmetric_barrier() noexcept { return false; }
[[nodiscard]] inline bool heavy_barrier() noexcept { return false; }

#endif

/// True if asking is cheap because this is (as far as the C library knows) the program's only thread.
[[nodiscard]] inline bool asymmetric_barrier_is_cheap_to_enable() noexcept {
#if defined(YOKE_KNOWS_SINGLE_THREADED)
    return __libc_single_threaded != 0;
#else
    return false;
#endif
}

/// The frequent side's barrier.
inline void light_barrier() noexcept { std::atomic_signal_fence(std::memory_order_seq_cst); }

}  // namespace yoke::detail
