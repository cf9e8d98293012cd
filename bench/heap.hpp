// SPDX-License-Identifier: MIT
#pragma once

/// Counts the calls to the heap of the C library, from this program and its shared libraries: operator new,
/// too, ends there. Include this in one file of a program. With another C library than glibc nothing is
/// counted, see `heap::counted`.

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdlib>

namespace bench::heap {

#if defined(__GLIBC__)
inline constexpr bool counted = true;
#else
inline constexpr bool counted = false;
#endif

namespace detail {
inline std::atomic<std::uint64_t> calls{0};
inline void count() { calls.fetch_add(1, std::memory_order_relaxed); }
}  // namespace detail

/// How many blocks were allocated so far.
inline std::uint64_t allocations() { return detail::calls.load(std::memory_order_relaxed); }

}  // namespace bench::heap

#if defined(__GLIBC__)

// A program's own definitions of these come before the library's, which stay in reach by these names.
extern "C" {

void* __libc_malloc(std::size_t);
void* __libc_calloc(std::size_t, std::size_t);
void* __libc_realloc(void*, std::size_t);
void* __libc_memalign(std::size_t, std::size_t);

void* malloc(std::size_t size) noexcept {
    bench::heap::detail::count();
    return __libc_malloc(size);
}
void* calloc(std::size_t count, std::size_t size) noexcept {
    bench::heap::detail::count();
    return __libc_calloc(count, size);
}
void* realloc(void* block, std::size_t size) noexcept {
    bench::heap::detail::count();
    return __libc_realloc(block, size);
}
void* memalign(std::size_t alignment, std::size_t size) noexcept {
    bench::heap::detail::count();
    return __libc_memalign(alignment, size);
}
void* aligned_alloc(std::size_t alignment, std::size_t size) noexcept { return memalign(alignment, size); }
int posix_memalign(void** block, std::size_t alignment, std::size_t size) noexcept {
    *block = memalign(alignment, size);
    return *block == nullptr ? ENOMEM : 0;
}

}  // extern "C"

#endif
