// SPDX-License-Identifier: MIT
#pragma once

#include <yoke/queue/shared_queue.hpp>

namespace yoke::detail {

YOKE_INLINE std::optional<std::uint64_t> ring_shape::bytes(std::uint64_t most) const noexcept {
    if (item_bytes > most || capacity > most / (slot_bytes() + sizeof(std::uint64_t))) return std::nullopt;
    const std::uint64_t all = capacity * slot_bytes() + (capacity + 1) * sizeof(std::uint64_t);
    return all <= most ? std::optional(all) : std::nullopt;
}

YOKE_INLINE shared_ring::shared_ring(const ring_shape& shape) : shape_(shape) {
    pthread_mutexattr_t attributes;
    check(::pthread_mutexattr_init(&attributes));
    ::pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    ::pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
    const int failed = ::pthread_mutex_init(&mutex_, &attributes);
    ::pthread_mutexattr_destroy(&attributes);
    check(failed);
    std::memset(pills(shape), 0, (shape.capacity + 1) * sizeof(std::uint64_t));
}

YOKE_INLINE bool shared_ring::push(const ring_shape& shape, std::span<const std::byte> item, bool wait,
                                   std::int64_t until, const std::stop_token& stop) {
    section here(*this);
    for (;;) {
        if (closed_ || stop.stop_requested()) return false;
        if (tail_ - head_ < shape.capacity) break;
        if (!wait || !here.sleep(not_full_, givers_, until, stop)) return false;
    }
    std::byte* const slot = slot_at(shape, tail_);
    const std::uint64_t size = item.size();
    std::memcpy(slot, &size, sizeof size);
    if (size != 0) std::memcpy(slot + sizeof size, item.data(), item.size());
    YOKE_TEST_POINT("item written");
    commit(tail_);
    here.wake(not_empty_, takers_);
    return true;
}

YOKE_INLINE bool shared_ring::push_pill(const ring_shape& shape) {
    section here(*this);
    if (closed_) return false;
    commit(pills(shape)[tail_ % (shape.capacity + 1)]);
    here.wake(not_empty_, takers_);
    return true;
}

YOKE_INLINE queue_status shared_ring::pop(const ring_shape& shape, std::vector<std::byte>& item, bool wait,
                                          std::int64_t until, const std::stop_token& stop) {
    section here(*this);
    for (;;) {
        if (stop.stop_requested()) return queue_status::stopped;
        if (pill_in_front(shape)) {
            // Closing makes pills void; a try_pop leaves a pill to those who wait.
            if (!wait) return queue_status::timeout;
            --pills(shape)[head_ % (shape.capacity + 1)];
            return queue_status::done;
        }
        if (tail_ != head_) break;
        if (closed_) return queue_status::done;
        if (!wait || !here.sleep(not_empty_, takers_, until, stop))
            return stop.stop_requested() ? queue_status::stopped : queue_status::timeout;
    }
    const auto bytes = item_at(shape, head_);
    if (bytes) item.assign(bytes->begin(), bytes->end());
    YOKE_TEST_POINT("item read");
    commit(head_);
    here.wake(not_full_, givers_);
    YOKE_TEST_POINT("item taken");
    if (!bytes) throw too_large(shape);
    return queue_status::item;
}

YOKE_INLINE void shared_ring::close() {
    section here(*this);
    end(here);
}

YOKE_INLINE std::vector<std::vector<std::byte>> shared_ring::close_and_take(const ring_shape& shape) {
    std::vector<std::vector<std::byte>> rest;
    bool whole = true;
    section here(*this);
    const std::uint64_t count = std::min(tail_ - head_, shape.capacity);
    rest.reserve(static_cast<std::size_t>(count));
    for (std::uint64_t i = 0; i != count; ++i) {
        if (const auto bytes = item_at(shape, head_ + i)) {
            rest.emplace_back(bytes->begin(), bytes->end());
        } else {
            whole = false;
        }
    }
    end(here);
    YOKE_TEST_POINT("queue closed");
    std::atomic_ref<std::uint64_t>(head_).store(tail_, std::memory_order_release);
    if (!whole) throw too_large(shape);
    return rest;
}

YOKE_INLINE bool shared_ring::is_closed() {
    const section here(*this);
    return closed_;
}

YOKE_INLINE std::size_t shared_ring::size() {
    const section here(*this);
    return static_cast<std::size_t>(tail_ - head_);
}

YOKE_INLINE void shared_ring::wake_for_stop(shared_word& word) noexcept {
    word.fetch_add(1, std::memory_order_seq_cst);
    futex_wake(word);
}

YOKE_INLINE shared_ring::section::~section() {
    unlock();
    YOKE_TEST_POINT("queue left");
    for (shared_word* const word : woken_)
        if (word != nullptr) futex_wake(*word);
}

YOKE_INLINE bool shared_ring::section::sleep(shared_word& word, std::uint32_t& sleepers, std::int64_t until,
                                             const std::stop_token& stop) {
    // Written under the mutex, or because of a death or a stop: then what the dead one did, or the request, can be
    // seen already.
    const std::uint32_t seen = word.load(std::memory_order_seq_cst);
    if (stop.stop_requested() || (until != never && monotonic_ns() >= until)) return false;
    ++sleepers;
    unlock();
    futex_wait(word, seen, until);
    lock();
    --sleepers;
    return true;
}

YOKE_INLINE void shared_ring::section::wake(shared_word& word, std::uint32_t sleepers) noexcept {
    if (sleepers == 0) return;
    word.fetch_add(1, std::memory_order_relaxed);
    woken_[&word == &ring_.not_full_ ? 1 : 0] = &word;
}

YOKE_INLINE void shared_ring::section::lock() {
    const int result = ::pthread_mutex_lock(&ring_.mutex_);
    if (result == EOWNERDEAD) {
        ::pthread_mutex_consistent(&ring_.mutex_);  // every store left the ring whole
    } else if (result != 0) {
        throw std::system_error(result, std::generic_category(), "shared_queue: cannot lock");
    }
}

YOKE_INLINE void shared_ring::check(int error) {
    if (error != 0)
        throw std::system_error(error, std::generic_category(), "shared_queue: cannot make its lock");
}

YOKE_INLINE void shared_ring::commit(std::uint64_t& counter) noexcept {
    std::atomic_ref<std::uint64_t> shared(counter);
    shared.store(shared.load(std::memory_order_relaxed) + 1, std::memory_order_release);
}

YOKE_INLINE void shared_ring::end(section& here) noexcept {
    closed_ = true;
    here.wake(not_empty_, takers_);
    here.wake(not_full_, givers_);
}

YOKE_INLINE std::optional<std::span<const std::byte>> shared_ring::item_at(const ring_shape& shape,
                                                                           std::uint64_t position) noexcept {
    const std::byte* const slot = slot_at(shape, position);
    std::uint64_t size = 0;
    std::memcpy(&size, slot, sizeof size);
    size = settled(size);
    if (size > shape.item_bytes) return std::nullopt;
    return std::span(slot + sizeof size, static_cast<std::size_t>(size));
}

YOKE_INLINE decode_error shared_ring::too_large(const ring_shape& shape) {
    return decode_error("shared_queue: an item claims more bytes than the limit, " +
                        std::to_string(shape.item_bytes) +
                        "; some process has written over the queue's memory");
}

YOKE_INLINE std::uint64_t* shared_ring::pills(const ring_shape& shape) noexcept {
    return reinterpret_cast<std::uint64_t*>(reinterpret_cast<std::byte*>(this + 1) +
                                            shape.capacity * shape.slot_bytes());
}

}  // namespace yoke::detail
