// SPDX-License-Identifier: MIT
#pragma once

/// A task of a process pool, on the pool's own side: the packed call, where it is now, and how to tell its outcome.

#include <yoke/detail/base/intrusive_heap.hpp>
#include <yoke/detail/process/shared_arena.hpp>
#include <yoke/error.hpp>
#include <yoke/executor/process/board.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <exception>
#include <memory>
#include <span>
#include <string>
#include <utility>

namespace yoke::detail {

/// A range of the arena and who must give it back.
class arena_block {
public:
    arena_block() = default;
    arena_block(shared_arena& arena, std::size_t size)
        : arena_(&arena), range_{arena.allocate(size).offset, size} {}
    arena_block(arena_block&& other) noexcept
        : arena_(std::exchange(other.arena_, nullptr)), range_(std::exchange(other.range_, {})) {}
    arena_block& operator=(arena_block&& other) noexcept {
        arena_block taken(std::move(other));
        std::swap(arena_, taken.arena_);
        std::swap(range_, taken.range_);
        return *this;
    }
    ~arena_block() {
        if (arena_ != nullptr) arena_->deallocate(range_);
    }

    [[nodiscard]] std::span<std::byte> bytes() const noexcept {
        if (arena_ == nullptr) return {};
        return {arena_->at(range_.offset), static_cast<std::size_t>(range_.size)};
    }
    [[nodiscard]] std::uint64_t offset() const noexcept { return range_.offset; }
    [[nodiscard]] std::uint64_t size() const noexcept { return range_.size; }
    /// Forgets the range, which then never comes back.
    void abandon() noexcept { arena_ = nullptr; }

private:
    shared_arena* arena_ = nullptr;
    arena_range range_;
};

/// The bytes of a call on their way to a slot: small ones here, those for a slot on the heap, larger ones already in
/// the arena, where the worker will read them.
class packed_call {
public:
    /// Room for `size` bytes.
    packed_call(shared_arena& arena, std::size_t size) : size_(size) {
        if (size > task_slot::capacity)
            block_ = arena_block(arena, size);
        else if (size > small_.size())
            medium_ = std::make_unique<std::byte[]>(size);
    }

    [[nodiscard]] std::span<std::byte> bytes() noexcept {
        if (size_ > task_slot::capacity) return block_.bytes();
        return {medium_ ? medium_.get() : small_.data(), size_};
    }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    /// What the bytes of a small call lay in, for those of its result: of no use to anybody once the call has been made.
    [[nodiscard]] std::span<std::byte> spent_bytes() noexcept {
        return medium_ ? std::span<std::byte>(medium_.get(), size_) : std::span<std::byte>(small_);
    }
    /// Where it lies if it does not fit a slot.
    [[nodiscard]] arena_block& block() noexcept { return block_; }

private:
    std::size_t size_;
    std::array<std::byte, 64> small_;
    std::unique_ptr<std::byte[]> medium_;
    arena_block block_;
};

/// How large the results of one kind of call are: a hint, by which a task gets room for its result before it begins. It
/// rises at once to the largest result seen and comes down slowly, so it follows what the calls return of late.
///
/// One atomic word; any value is a right one, so relaxed orders do, and a change that another one overtakes does no harm.
class expected_size {
public:
    /// 0 if they fit a slot.
    [[nodiscard]] std::uint64_t bytes() const noexcept {
        const std::uint64_t bytes = bytes_.load(std::memory_order_relaxed);
        return bytes <= task_slot::capacity ? 0 : bytes;
    }
    void learn(std::uint64_t size) noexcept {
        const std::uint64_t bytes = bytes_.load(std::memory_order_relaxed);
        if (size > bytes)
            bytes_.store(size + size / 8, std::memory_order_relaxed);  // the next one may be a little larger
        else if (bytes > task_slot::capacity && size + size / 8 < bytes)
            bytes_.store(bytes - (bytes - size) / 32 - 1, std::memory_order_relaxed);
    }

private:
    std::atomic<std::uint64_t> bytes_{0};
};

/// What tasks hold of a pool's memory, in bytes.
struct held_bytes {
    std::uint64_t calls = 0;
    std::uint64_t rooms = 0;  ///< for results, in shared memory
    held_bytes& operator+=(const held_bytes& more) noexcept {
        calls += more.calls;
        rooms += more.rooms;
        return *this;
    }
};

/// Owned by the pool until it is complete, and by its future if it has one. What is not documented otherwise belongs to
/// the pool and is guarded by its mutex.
class process_task {
public:
    enum class phase : std::uint8_t { fresh, queued, sent, leaving, complete };

    /// What its options say.
    struct limits {
        std::int64_t timeout_ns = 0;    ///< 0: none
        std::int64_t grace_ns = never;  ///< after a request to stop
        std::int64_t queue_ns = 0;      ///< to begin; 0: for ever
        int priority = 0;
        int attempts = 1;  ///< how often it may be started
    };

    /// `results`: what is known of the size of the results of such calls.
    process_task(task_entry entry, expected_size& results, packed_call call, const limits& options) noexcept
        : entry(entry),
          results(results),
          call(std::move(call)),
          timeout_ns(options.timeout_ns),
          grace_ns(options.grace_ns),
          queue_ns(options.queue_ns),
          priority(options.priority),
          attempts(options.attempts) {}
    process_task(const process_task&) = delete;
    process_task& operator=(const process_task&) = delete;

    /// The pool wants nothing of it any more.
    virtual void release() noexcept { delete this; }

    /// Exactly one of these is called, once, without the pool's mutex. `expect_untouched()` and then `give_back()` are to be
    /// called between the reading of `result` and the receiver; the latter releases what the task holds of the pool.
    virtual void complete_with_result(std::span<const std::byte> result) noexcept = 0;
    virtual void complete_with_error(std::exception_ptr error) noexcept = 0;
    virtual void complete_as_stopped() noexcept = 0;

    void give_back() noexcept {
        call.block() = {};
        room = {};
    }
    /// Called when all of a result has been read and nobody has been told yet. Throws decode_error if the slot's state has
    /// changed since the result was found: whoever did that may have written over the result too, wherever it lies.
    void expect_untouched() const {
        // A read-modify-write, so that the reading of the result cannot sink below it.
        if (state_word != nullptr && state_word->fetch_or(0, std::memory_order_acq_rel) != committed)
            throw decode_error("the result of task " + std::to_string(number) +
                               " was overwritten before it could be read");
    }

    /// What it holds of the pool's memory until it is complete.
    [[nodiscard]] held_bytes held() const noexcept { return {call.size(), room_bytes}; }

    const task_entry entry;
    expected_size& results;
    packed_call call;
    const std::int64_t timeout_ns;
    const std::int64_t grace_ns;
    const std::int64_t queue_ns;
    const int priority;
    int attempts;  ///< starts that are still allowed

    phase where = phase::fresh;
    bool stop_requested = false;  ///< while fresh or running
    std::uint64_t number = 0;
    int starts = 0;
    std::int64_t begin_by = never;         ///< when its time to begin is over, until it begins
    heap_links<process_task> by_deadline;  ///< among those that must begin by some time
    heap_links<process_task> by_priority;  ///< while queued, if in_heap
    bool in_heap = false;
    process_task* next = nullptr;
    process_task* previous = nullptr;
    std::uint32_t slot = 0;  ///< while sent or leaving

    // The outcome, while leaving.
    std::exception_ptr error;           ///< if set
    std::span<const std::byte> result;  ///< in the slot, in the call's block or in `room`
    bool failed = false;                ///< the result is an exception of the task
    bool stopped = false;     ///< asked to stop, it threw cancelled, or was killed as its grace was over
    bool holds_slot = false;  ///< until the result is read
    std::atomic<std::uint64_t>* state_word = nullptr;  ///< of the slot in which the result was found
    std::uint64_t committed = 0;                       ///< what that word said then
    int worker_pid = 0;
    arena_block room;
    std::uint64_t room_bytes = 0;   ///< of it, as counted by the pool
    std::uint64_t room_wanted = 0;  ///< as the worker has asked

protected:
    virtual ~process_task() = default;
};

/// First in, first out, through the tasks' own links; any of them can be taken out.
class process_task_list {
public:
    [[nodiscard]] bool empty() const noexcept { return first_ == nullptr; }
    /// Null if it is empty.
    [[nodiscard]] process_task* first() const noexcept { return first_; }
    [[nodiscard]] process_task* last() const noexcept { return last_; }

    void push_back(process_task& task) noexcept {
        task.previous = last_;
        task.next = nullptr;
        (last_ != nullptr ? last_->next : first_) = &task;
        last_ = &task;
    }
    void remove(process_task& task) noexcept {
        (task.previous != nullptr ? task.previous->next : first_) = task.next;
        (task.next != nullptr ? task.next->previous : last_) = task.previous;
        task.next = task.previous = nullptr;
    }
    /// Null if it is empty.
    process_task* pop_front() noexcept {
        process_task* const task = first_;
        if (task != nullptr) remove(*task);
        return task;
    }

private:
    process_task* first_ = nullptr;
    process_task* last_ = nullptr;
};

}  // namespace yoke::detail
