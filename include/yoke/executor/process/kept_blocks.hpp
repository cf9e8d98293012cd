// SPDX-License-Identifier: MIT
#pragma once

/// Memory for the tasks of one pool, kept from task to task. (block_cache.hpp is for smaller ones of the whole process.)
///
/// Who holds a burst of futures and lets go of them hands a system's allocator so much memory at a time that it goes back to the
/// system, and the next burst spends more time on page faults than on its tasks. So blocks are kept here while the pool has
/// work. Somebody calls age() about once a second: what was not needed since the last call goes back to the system. So
/// after two calls no more are kept than were in use at a time between them (Bonwick's working set).
///
/// Blocks are given by any thread, onto a stack, and taken by one at a time, which takes the whole stack at once: nobody
/// ever takes the top alone, so there is no ABA.

#include <yoke/detail/future/block_cache.hpp>

#include <array>
#include <atomic>
#include <cstddef>
#include <new>
#include <utility>

namespace yoke::detail {

class kept_blocks {
    struct block {
        block* next;
    };

public:
    /// Bytes of a block.
    static constexpr std::size_t size = 640;

    kept_blocks() = default;
    kept_blocks(const kept_blocks&) = delete;
    kept_blocks& operator=(const kept_blocks&) = delete;
    ~kept_blocks() { clear(); }

    /// Blocks on their way to the system, which takes its time: who gets them lets go of them without a lock.
    class list {
    public:
        list() = default;
        list(list&& other) noexcept : first_(std::exchange(other.first_, {})) {}
        list& operator=(list&& other) noexcept {
            std::swap(first_, other.first_);
            return *this;
        }
        ~list() {
            for (block* at : first_)
                while (at != nullptr) ::operator delete(std::exchange(at, at->next));
        }

    private:
        friend kept_blocks;
        explicit list(block* one, block* two = nullptr, block* three = nullptr) noexcept
            : first_{one, two, three} {}
        std::array<block*, 3> first_{};
    };

    /// A block that was given, or null. One thread at a time, as for age() and clear(). From now on blocks are kept.
    [[nodiscard]] void* take() noexcept {
        keeps_.store(blocks_are_kept, std::memory_order_relaxed);
        // acquire: what the givers did with the memory before.
        if (mine_ == nullptr) mine_ = given_.exchange(nullptr, std::memory_order_acquire);
        block*& from = mine_ != nullptr ? mine_ : spare_;
        return from == nullptr ? nullptr : std::exchange(from, from->next);
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
        return mine_ != nullptr || spare_ != nullptr || given_.load(std::memory_order_relaxed) != nullptr;
    }
    /// Takes out what was not needed since the last call. What was given since then may still be. One thread at a time.
    [[nodiscard]] list age() noexcept {
        list unneeded(std::exchange(spare_, std::exchange(mine_, nullptr)));
        // Those given last are taken first. They have not been here for long enough if there are others.
        if (spare_ == nullptr) spare_ = given_.exchange(nullptr, std::memory_order_acquire);
        return unneeded;
    }
    /// Takes out all blocks; those to come go to the system until one is taken. (One that is given at this very moment
    /// may stay until the next time.) One thread at a time.
    list clear() noexcept {
        keeps_.store(false, std::memory_order_relaxed);
        return list(std::exchange(mine_, nullptr), std::exchange(spare_, nullptr),
                    given_.exchange(nullptr, std::memory_order_acquire));
    }

private:
    std::atomic<block*> given_{nullptr};
    std::atomic<bool> keeps_{false};
    // Of who takes.
    block* mine_ = nullptr;
    block* spare_ = nullptr;  ///< none of these was needed since the last age()
};

}  // namespace yoke::detail
