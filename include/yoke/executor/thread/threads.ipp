// SPDX-License-Identifier: MIT
#pragma once

#include <yoke/executor/thread/threads.hpp>

namespace yoke::detail {

YOKE_INLINE void thread_crew::attend() {
    const std::lock_guard lock(mutex_);
    if (!attended()) start(lowest_free());
}

YOKE_INLINE void thread_crew::start_all() {
    const std::lock_guard lock(mutex_);
    while (running() < target()) start(lowest_free());
}

YOKE_INLINE void thread_crew::resize(std::size_t threads) noexcept {
    const std::lock_guard lock(mutex_);
    const std::size_t now = running();
    target_.store(threads, std::memory_order_relaxed);
    // seq_cst: see too_many().
    excess_.store(now > threads ? now - threads : 0, std::memory_order_seq_cst);
    sleep_.set_unstarted(now < threads ? threads - now : 0);
}

YOKE_INLINE bool thread_crew::too_many() const noexcept {
    // seq_cst: a worker announces that it will sleep, then asks; the pool changes the excess, then wakes the
    // sleepers. One of them sees the other.
    return excess_.load(std::memory_order_seq_cst) != 0;
}

YOKE_INLINE bool thread_crew::retire(std::size_t self) noexcept {
    const std::lock_guard lock(mutex_);
    if (!too_many()) return false;
    note_end(self);
    return true;
}

YOKE_INLINE void thread_crew::quit(std::size_t self) noexcept {
    const std::lock_guard lock(mutex_);
    note_end(self);
}

YOKE_INLINE void thread_crew::join() noexcept {
    // One by one, as the ones that work may start others.
    for (;;) {
        std::thread next;
        {
            const std::lock_guard lock(mutex_);
            for (member& each : members_) {
                if (!each.thread.joinable()) continue;
                next = std::move(each.thread);
                break;
            }
        }
        if (!next.joinable()) return;
        next.join();
    }
}

YOKE_INLINE void thread_crew::detach() noexcept {
    const std::lock_guard lock(mutex_);
    detached_ = true;
    for (member& each : members_) {
        if (each.thread.joinable()) each.thread.detach();
    }
}

YOKE_INLINE std::size_t thread_crew::lowest_free() const noexcept {
    std::size_t self = 0;
    while (self != members_.size() && members_[self].runs) ++self;
    return self;
}

YOKE_INLINE void thread_crew::note_end(std::size_t self) noexcept {
    members_[self].runs = false;
    running_.fetch_sub(1, std::memory_order_relaxed);
    if (too_many()) excess_.fetch_sub(1, std::memory_order_seq_cst);
}

YOKE_INLINE void thread_crew::start(std::size_t self) {
    if (self == members_.size()) members_.emplace_back();
    todo_.prepare_worker(self);
    member& it = members_[self];
    it.predecessor = std::move(it.thread);
    const bool follows = it.predecessor.joinable();
    sleep_.begin_start();
    owners_.fetch_add(1, std::memory_order_relaxed);
    try {
        it.thread = std::thread([this, self, follows]() noexcept {
            if (follows) join_predecessor(self);
            todo_.live(self);
        });
    } catch (...) {
        owners_.fetch_sub(1, std::memory_order_relaxed);
        sleep_.cancel_start();
        it.thread = std::move(it.predecessor);
        throw;
    }
    it.runs = true;
    running_.fetch_add(1, std::memory_order_relaxed);
    started_.fetch_add(1, std::memory_order_relaxed);
    attended_.store(true, std::memory_order_release);
    if (detached_) it.thread.detach();
}

YOKE_INLINE void thread_crew::join_predecessor(std::size_t self) noexcept {
    std::thread predecessor;
    {
        const std::lock_guard lock(mutex_);
        predecessor = std::move(members_[self].predecessor);
    }
    predecessor.join();
}

}  // namespace yoke::detail
