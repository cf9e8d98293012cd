// SPDX-License-Identifier: MIT
#pragma once

#include <yoke/detail/future/block_cache.hpp>

namespace yoke::detail {

YOKE_INLINE block_magazine* block_depot::take(stack& from) noexcept {
    if (taken.test_and_set(std::memory_order_acquire)) return nullptr;
    block_magazine* const first = from.top;
    if (first != nullptr) {
        from.top = first->next;
        --from.count;
    }
    taken.clear(std::memory_order_release);
    return first;
}

YOKE_INLINE void block_depot::give(stack& to, block_magazine* more) noexcept {
    if (more == nullptr) return;
    bool kept = false;
    if (!taken.test_and_set(std::memory_order_acquire)) {
        kept = to.count != limit;
        if (kept) {
            more->next = std::exchange(to.top, more);
            ++to.count;
        }
        taken.clear(std::memory_order_release);
    }
    if (!kept) block_magazine::destroy(more);
}

YOKE_INLINE void* thread_blocks::allocate_slowly() {
    if (other != nullptr && other->count != 0) {
        std::swap(loaded, other);
    } else {
        block_magazine* const full = ended ? nullptr : all_blocks.take(all_blocks.full);
        if (full == nullptr) return ::operator new(block_size);
        hire_janitor();
        all_blocks.give(all_blocks.empty, std::exchange(other, std::exchange(loaded, full)));
    }
    return loaded->blocks[--loaded->count];
}

YOKE_INLINE void thread_blocks::deallocate_slowly(void* block) noexcept {
    if (other != nullptr && other->count == 0) {
        std::swap(loaded, other);
    } else {
        if (ended) return ::operator delete(block);
        block_magazine* empty = all_blocks.take(all_blocks.empty);
        if (empty == nullptr) empty = new (std::nothrow) block_magazine;
        if (empty == nullptr) return ::operator delete(block);
        hire_janitor();
        all_blocks.give(all_blocks.full, std::exchange(other, std::exchange(loaded, empty)));
    }
    loaded->blocks[loaded->count++] = block;
}

YOKE_INLINE YOKE_SHARED_STATE void thread_blocks::hire_janitor() noexcept {
    struct janitor {
        bool hired = false;
        ~janitor() {
            thread_blocks& mine = blocks_of_this_thread;
            mine.ended = true;
            for (block_magazine* const last :
                 {std::exchange(mine.loaded, nullptr), std::exchange(mine.other, nullptr)}) {
                if (last != nullptr && last->count == block_magazine::room) {
                    all_blocks.give(all_blocks.full, last);
                } else {
                    block_magazine::destroy(last);
                }
            }
        }
    };
    static thread_local janitor of_this_thread;
    of_this_thread.hired = true;
}

}  // namespace yoke::detail
