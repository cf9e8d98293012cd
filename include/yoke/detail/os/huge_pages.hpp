// SPDX-License-Identifier: MIT
#pragma once

/// Memory that is about to be filled with a large value.
///
/// The first touch of a fresh page costs more than the copy into it, and a large block comes fresh from the system
/// each time. Pages of 2 MiB instead of 4 KiB make that 512 times rarer.

#include <cstddef>
#include <cstdint>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace yoke::detail {

inline constexpr std::size_t large_page = std::size_t{2} << 20;
/// From here on it pays.
inline constexpr std::size_t large_value = 2 * large_page;

/// Asks the system for large pages behind so many bytes, if they are many. Advice: nothing is lost where it is not taken,
/// and what already has pages keeps them.
inline void expect_to_fill([[maybe_unused]] void* memory, [[maybe_unused]] std::size_t bytes) noexcept {
#if defined(__linux__) && defined(MADV_HUGEPAGE)
    if (bytes < large_value) return;
    const auto begin = reinterpret_cast<std::uintptr_t>(memory);
    const std::uintptr_t first = (begin + large_page - 1) / large_page * large_page;
    const std::uintptr_t last = (begin + bytes) / large_page * large_page;
    if (first < last) ::madvise(reinterpret_cast<void*>(first), last - first, MADV_HUGEPAGE);
#endif
}

}  // namespace yoke::detail
