// SPDX-License-Identifier: MIT
#pragma once

/// Memory for tasks: blocks of one size that are kept for the next task instead of being given back.
///
/// A task is made by one thread and ends on another, many million times a second, which is the worst case of most
/// allocators. Here every thread has two *magazines*, arrays of pointers to free blocks, and exchanges full ones for empty
/// ones with all others through a *depot*, so that a shared structure is touched once in `block_magazine::room` tasks. The
/// scheme is Bonwick and Adams, "Magazines and Vmem" (USENIX 2001).
///
/// The depot's lock is only ever tried, never waited for: if it is taken, the system's allocator does, as it does for
/// what does not fit a block. So no thread can hang here, in a forked child neither, where the lock may be held by a
/// thread that does not exist. The depot keeps at most `block_depot::limit` magazines of either kind (2 MiB of blocks a
/// process).
///
/// Under a sanitizer of addresses nothing is kept, so that it sees every use of a task after its end.

#include <yoke/detail/base/config.hpp>

#include <array>
#include <atomic>
#include <cstddef>
#include <initializer_list>
#include <new>
#include <utility>

namespace yoke::detail {

#if defined(YOKE_ADDRESS_SANITIZER)
inline constexpr bool blocks_are_kept = false;
#else
inline constexpr bool blocks_are_kept = true;
#endif

inline constexpr std::size_t block_size = 128;

/// Up to `room` free blocks.
struct block_magazine {
    static constexpr std::size_t room = 62;  // half a KiB with the rest
    block_magazine* next = nullptr;
    std::size_t count = 0;
    std::array<void*, room> blocks;

    /// Gives everything back to the system.
    static void destroy(block_magazine* gone) noexcept {
        if (gone == nullptr) return;
        while (gone->count != 0) ::operator delete(gone->blocks[--gone->count]);
        delete gone;
    }
};

/// Full and empty magazines. Never destroyed: threads may end after everything else.
struct block_depot {
    static constexpr std::size_t limit = 256;

    struct stack {
        block_magazine* top = nullptr;
        std::size_t count = 0;
    };
    std::atomic_flag taken = ATOMIC_FLAG_INIT;
    stack full;
    stack empty;

    /// One of them, or null.
    [[nodiscard]] block_magazine* take(stack& from) noexcept;
    /// Keeps it, or destroys it if there is no room. Null is nothing.
    void give(stack& to, block_magazine* more) noexcept;
};
YOKE_SHARED_STATE inline constinit block_depot all_blocks;

/// The magazines of one thread. Trivial, so that looking at them costs no guard; a janitor gives them away at the thread's
/// end.
struct thread_blocks {
    block_magazine* loaded = nullptr;
    block_magazine* other = nullptr;  // full or empty or none
    bool ended = false;               // the janitor has been here

    /// `loaded` is empty or none.
    [[nodiscard]] void* allocate_slowly();
    /// `loaded` is full or none.
    void deallocate_slowly(void* block) noexcept;

    /// Sees to it that this thread's end gives the magazines away.
    static void hire_janitor() noexcept;
};
YOKE_SHARED_STATE inline constinit thread_local thread_blocks blocks_of_this_thread;

/// Memory for an object of `bytes` bytes, from any thread, before main() and after it. Throws std::bad_alloc.
[[nodiscard]] inline void* allocate_block(std::size_t bytes) {
    if (!blocks_are_kept || bytes > block_size) return ::operator new(bytes);
    block_magazine* const loaded = blocks_of_this_thread.loaded;
    if (loaded != nullptr && loaded->count != 0) return loaded->blocks[--loaded->count];
    return blocks_of_this_thread.allocate_slowly();
}
/// Takes it back, on any thread. `bytes` is what it was allocated with.
inline void deallocate_block(void* block, std::size_t bytes) noexcept {
    if (!blocks_are_kept || bytes > block_size) return ::operator delete(block);
    block_magazine* const loaded = blocks_of_this_thread.loaded;
    if (loaded != nullptr && loaded->count != block_magazine::room) {
        loaded->blocks[loaded->count++] = block;
    } else {
        blocks_of_this_thread.deallocate_slowly(block);
    }
}

/// Base of what lives in blocks. For classes that are deleted as what they are, or through a virtual destructor.
struct in_block {
    static void* operator new(std::size_t bytes) { return allocate_block(bytes); }
    static void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept {
        try {
            return allocate_block(bytes);
        } catch (...) {
            return nullptr;
        }
    }
    static void operator delete(void* block, std::size_t bytes) noexcept { deallocate_block(block, bytes); }
    // What needs more alignment than a block has.
    static void* operator new(std::size_t bytes, std::align_val_t alignment) {
        return ::operator new(bytes, alignment);
    }
    static void operator delete(void* block, std::size_t, std::align_val_t alignment) noexcept {
        ::operator delete(block, alignment);
    }
};

}  // namespace yoke::detail

#if YOKE_IS_HEADER_ONLY
#include <yoke/detail/future/block_cache.ipp>
#endif
