// SPDX-License-Identifier: MIT
#pragma once

/// Where a worker was when it crashed: written by the worker itself as it dies of the signal, read by the pool.
///
/// The worker has a handler on a stack of its own for the signals of a crash. It writes the addresses of the stack,
/// with the names that the dynamic linker knows, to a memory file, takes the text from there to the memory that it
/// shares with the pool, and lets the signal have its default effect: so the pool hears of the death as of any other.
/// All that was made ready before the first task; what the handler calls needs no memory and no lock, but for looking
/// up names. Should it crash or hang itself - a task may have crashed inside the dynamic linker - the worker dies of
/// the same signal within two seconds.
///
/// A handler that was there before (a sanitizer's) stays, and one that a task installs takes this one's place.

#include <yoke/detail/base/config.hpp>
#include <yoke/detail/process/fork_server.hpp>
#include <yoke/detail/process/shared_futex.hpp>
#include <yoke/detail/process/sys.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

#include <cxxabi.h>
#include <unistd.h>
#if __has_include(<execinfo.h>)
#include <execinfo.h>
#define YOKE_HAS_BACKTRACE 1
#else
#define YOKE_HAS_BACKTRACE 0
#endif

namespace yoke::detail {

/// A worker's place for it, in shared memory.
struct crash_report {
    shared_word size{0};  ///< of the text; written after it
    std::array<char, 8192 - sizeof(shared_word)> text;

    /// The text, with the names of functions as they are in the source, and empties the place. The worker is dead.
    [[nodiscard]] std::string take();

private:
    /// "./program(_Z3foov+0x12) [0x...]" with "foo()".
    static std::string with_readable_name(std::string_view line);
};

/// The worker's side. It has one thread of its own; those of tasks are reported, too.
class crash_handler {
public:
    /// From now on a crash of this process is reported there. Without memory for that there will be no reports.
    static void install(crash_report& to) noexcept;

private:
#if YOKE_HAS_BACKTRACE
    static void report(int signal) noexcept;
    /// Of what a fault has raised, and of what was sent, alike.
    static void die_of(int signal) noexcept;

    YOKE_SHARED_STATE inline static crash_report* place_ = nullptr;
    YOKE_SHARED_STATE inline static int file_ = -1;
    YOKE_SHARED_STATE inline static volatile std::sig_atomic_t signal_ = 0;
#endif
};

}  // namespace yoke::detail

#if YOKE_IS_HEADER_ONLY
#include <yoke/executor/process/crash_report.ipp>
#endif
