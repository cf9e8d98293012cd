// SPDX-License-Identifier: MIT
#pragma once

/// Replaces operator new in the program that includes this, in one source file: it counts what is alive, and the n-th
/// allocation of a thread fails if a test wishes so.

#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <new>
#include <stdexcept>

namespace yoke_test {

/// Allocations of this thread until one fails; a negative number never gets there.
inline thread_local long until_failure = -1;
/// Blocks that nobody has given back.
inline std::atomic<long> living{0};
/// Allocations so far.
inline std::atomic<long> made{0};

inline void* allocate(std::size_t size, std::size_t alignment) {
    if (until_failure >= 0 && until_failure-- == 0) throw std::bad_alloc();
    void* memory = nullptr;
    if (::posix_memalign(&memory, alignment < sizeof(void*) ? sizeof(void*) : alignment,
                         size == 0 ? 1 : size) != 0)
        throw std::bad_alloc();
    ++living;
    ++made;
    return memory;
}

/// Out of line: inlined, it would look like the wrong function for what `new` returned.
[[gnu::noinline]] inline void deallocate(void* memory) noexcept {
    if (memory == nullptr) return;
    --living;
    std::free(memory);
}

/// How the attempts of `fail_every_allocation_once` ended.
struct attempts {
    int threw = 0;     // std::bad_alloc
    int returned = 0;  // the last one, and each that did without the memory it was refused
};

/// Calls `attempt` with the first allocation failing, then the second, until none fails. An attempt may return although an
/// allocation failed in it (a pool that cannot start a further thread goes on with those it has), so what
/// the attempts did must be compared with `returned`, not with 1.
template <class Attempt>
attempts fail_every_allocation_once(Attempt&& attempt) {
    attempts all;
    for (int n = 0; n != 1000; ++n) {
        until_failure = n;
        try {
            attempt();
            ++all.returned;
        } catch (const std::bad_alloc&) {
            ++all.threw;
        }
        const bool none_failed = until_failure >= 0;
        until_failure = -1;
        if (none_failed) return all;
    }
    throw std::logic_error("a thousand allocations, and one of them still fails");
}

}  // namespace yoke_test

void* operator new(std::size_t size) { return yoke_test::allocate(size, alignof(std::max_align_t)); }
void* operator new(std::size_t size, std::align_val_t alignment) {
    return yoke_test::allocate(size, static_cast<std::size_t>(alignment));
}
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
    try {
        return operator new(size);
    } catch (const std::bad_alloc&) {
        return nullptr;
    }
}
void operator delete(void* memory, const std::nothrow_t&) noexcept { yoke_test::deallocate(memory); }
void operator delete(void* memory) noexcept { yoke_test::deallocate(memory); }
void operator delete(void* memory, std::size_t) noexcept { yoke_test::deallocate(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { yoke_test::deallocate(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { yoke_test::deallocate(memory); }
