// SPDX-License-Identifier: MIT
#pragma once

#include <yoke/algorithm/timer/core.hpp>

namespace yoke::detail {

YOKE_INLINE bool timer_core::add(const std::shared_ptr<timer_core>& self, timer_entry& entry, deadline time) {
    if (process_.forked()) throw yoke::forked();
    std::unique_lock lock(mutex_);
    if (ended_) return false;
    if (!thread_.joinable()) thread_ = std::thread([self] { self->run(); });
    heap_.push_back(&entry);
    entry.time_ = time;
    entry.order_ = ++added_;
    up(heap_.size() - 1, &entry);
    if (heap_.front() == &entry) wake(lock);
    return true;
}

YOKE_INLINE bool timer_core::remove(timer_entry& entry) noexcept {
    if (process_.forked()) return false;
    const std::lock_guard lock(mutex_);
    if (entry.place_ == timer_entry::nowhere) return false;
    take_out(entry.place_);
    return true;
}

YOKE_INLINE void timer_core::end() noexcept {
    std::vector<timer_entry*> left;
    {
        std::unique_lock lock(mutex_);
        ended_ = true;
        left.swap(heap_);
        for (auto* entry : left) entry->place_ = timer_entry::nowhere;
        wake(lock);
    }
    std::sort(left.begin(), left.end(), earlier);
    {
        const task_scope running(this);
        for (auto* entry : left) entry->dropped();
    }
    if (!thread_.joinable()) return;
    if (thread_.get_id() == std::this_thread::get_id()) {
        thread_.detach();
    } else {
        thread_.join();
    }
}

YOKE_INLINE void timer_core::look_again() noexcept {
    if (process_.forked()) return;
    std::unique_lock lock(mutex_);
    wake(lock);
}

YOKE_INLINE void timer_core::run() noexcept {
    const task_scope running(this);  // what waits here must not just sleep
    std::unique_lock lock(mutex_);
    while (!ended_) next(lock);
}

YOKE_INLINE void timer_core::next(std::unique_lock<std::mutex>& lock) noexcept {
    if (heap_.empty() || heap_.front()->time_ > std::chrono::steady_clock::now()) {
        const std::uint32_t seen = word_.load(std::memory_order_relaxed);  // written under the mutex only
        const bool nothing = heap_.empty() || heap_.front()->time_ == deadline::max();
        const deadline until = nothing ? deadline::max() : heap_.front()->time_;
        lock.unlock();
        nothing ? park(word_, seen) : park_until(word_, seen, until);
        lock.lock();
    } else {
        timer_entry* const entry = heap_.front();
        take_out(0);
        lock.unlock();
        entry->due();
        if (process_.forked()) end_forked_process();
        lock.lock();
    }
}

YOKE_INLINE void timer_core::wake(std::unique_lock<std::mutex>& lock) noexcept {
    word_.fetch_add(1, std::memory_order_relaxed);
    lock.unlock();
    unpark_all(word_);  // all: the thread, which may sleep in go_on_until()
}

YOKE_INLINE void timer_core::put(std::size_t place, timer_entry* entry) noexcept {
    heap_[place] = entry;
    entry->place_ = place;
}

YOKE_INLINE void timer_core::up(std::size_t place, timer_entry* entry) noexcept {
    while (place != 0 && earlier(entry, heap_[(place - 1) / 2])) {
        put(place, heap_[(place - 1) / 2]);
        place = (place - 1) / 2;
    }
    put(place, entry);
}

YOKE_INLINE void timer_core::down(std::size_t place, timer_entry* entry) noexcept {
    for (;;) {
        std::size_t child = 2 * place + 1;
        if (child + 1 < heap_.size() && earlier(heap_[child + 1], heap_[child])) ++child;
        if (child >= heap_.size() || !earlier(heap_[child], entry)) break;
        put(place, heap_[child]);
        place = child;
    }
    put(place, entry);
}

YOKE_INLINE void timer_core::take_out(std::size_t place) noexcept {
    heap_[place]->place_ = timer_entry::nowhere;
    timer_entry* const last = heap_.back();
    heap_.pop_back();
    if (place == heap_.size()) return;
    if (place != 0 && earlier(last, heap_[(place - 1) / 2])) {
        up(place, last);
    } else {
        down(place, last);
    }
}

}  // namespace yoke::detail
