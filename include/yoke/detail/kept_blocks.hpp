// SPDX-License-Identifier: MIT
#pragma once

/// Memory for the tasks of one pool, kept from task to task. (block_cache.hpp is for smaller ones of the whole process.)
///
/// Who holds a burst of futures and lets go of them hands a system's allocator so much memory at a time that it goes back to the
/// system, and the next burst spends more time on page faults than on its tasks. So blocks are kept here while the pool has
/// work, however many they are, and cleared away when it has had none for a while.
///
/// Blocks are given by any thread, onto a stack, and taken by one at a time, which takes the whole stack at once: nobody
/// ever takes the top alone, so there is no ABA.

#include <yoke/detail/block_cache.hpp>

#include <atomic>
#include <cstddef>
#include <new>
#include <utility>

namespace yoke::detail {

class kept_blocks {
public:
    /// Bytes of a block.
    static constexpr std::size_t size = 640;

    kept_blocks() = default;
    kept_blocks(const kept_blocks&) = delete;
    kept_blocks& operator=(const kept_blocks&) = delete;
    ~kept_blocks() { clear(); }

    /// A block that was given, or null. One thread at a time, as for clear(). From now on blocks are kept.
    [[nodiscard]] void* take() noexcept {
        keeps_.store(blocks_are_kept, std::memory_order_relaxed);
        // acquire: what the givers did with the memory before.
        if (mine_ == nullptr) mine_ = given_.exchange(nullptr, std::memory_order_acquire);
        return mine_ == nullptr ? nullptr : std::exchange(mine_, mine_->next);
    }
    /// Takes a block over from any thread, of `size` bytes from ::operator new.
    void give(void* memory) noexcept {
        if (!keeps_.load(std::memory_order_relaxed)) return ::operator delete(memory);
        auto* const given = ::new (memory) block{given_.load(std::memory_order_relaxed)};
        while (!given_.compare_exchange_weak(given->next, given, std::memory_order_release,
                                             std::memory_order_relaxed)) {}
    }
    /// There is something to clear away. One thread at a time.
    [[nodiscard]] bool any() const noexcept {
        return mine_ != nullptr || given_.load(std::memory_order_relaxed) != nullptr;
    }
    /// Gives all blocks to the system, and those to come as well until one is taken. (One that is given at this very moment
    /// may stay until the next time.)
    void clear() noexcept {
        keeps_.store(false, std::memory_order_relaxed);
        for (block* list :
             {std::exchange(mine_, nullptr), given_.exchange(nullptr, std::memory_order_acquire)})
            while (list != nullptr) ::operator delete(std::exchange(list, list->next));
    }

private:
    struct block {
        block* next;
    };

    std::atomic<block*> given_{nullptr};
    std::atomic<bool> keeps_{false};
    block* mine_ = nullptr;  ///< of who takes
};

}  // namespace yoke::detail
