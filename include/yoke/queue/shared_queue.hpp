// SPDX-License-Identifier: MIT
#pragma once

/// A bounded first-in-first-out queue between processes, with a clean end.
///
///     yoke::shared_queue<job> jobs(64);                        // in the parent, which owns it
///     pool.submit(crew_member, jobs.handle());                 // a handle travels as an argument
///
///     void crew_member(yoke::shared_queue<job>::handle_type jobs) {
///         while (auto next = jobs.pop()) work(*next);
///     }
///
/// It behaves as bounded_queue does, pill for pill (concept/queue.hpp): one total order over all processes, `close()` and
/// `push(poison_pill)` need no room. Items are encoded (wire/codec.hpp), so `T` must be shippable, and each must fit
/// `max_item_bytes`.
///
/// **Death.** A robust mutex guards the ring: if its owner dies, the system hands it to the next in line. What the dead
/// one left behind is whole, because every operation takes effect by one store, made last:
///
/// | it died | what happened to the item |
/// |---|---|
/// | while pushing, before `tail` moved | it is not in the queue |
/// | while popping, before `head` moved | it is still in the queue; another consumer gets it |
/// | after `head` moved | it is lost with its consumer, whose task fails with worker_lost |
/// | while closing with `hand_back`, before `head` moved | all are still in the queue, which may be closed; consumers get them |
///
/// A process may also die after it was woken and before it looked; so a wake goes to all who sleep, never to one. And it
/// may die between its store and the wake; so the death of any worker wakes all who sleep, too (death_bell).
///
/// **Why nobody sleeps for ever.** Who has to sleep loads its word while it holds the mutex, having seen under the same mutex
/// that there is nothing to do. Who changes that comes later: it holds the mutex after the sleeper has counted itself, so it
/// changes the word, and the sleeper's futex wait either compares unequal or is in the kernel before the wake. If it dies
/// between its store and the wake, wherever that is, the monitor changes both words and wakes in its stead; by then the store
/// can be seen, and whoever loads its word later sees the store first. The counts of sleepers may stay too high after a
/// death, never too low. tests/model/shared_queue.pml checks this, and the table above, by exhaustive search, with deaths
/// between any two steps; and that six ways to do with less fail.

#include <yoke/concept/queue.hpp>
#include <yoke/detail/base/config.hpp>
#include <yoke/detail/base/test_point.hpp>
#include <yoke/detail/process/host.hpp>
#include <yoke/detail/process/shared_futex.hpp>
#include <yoke/error.hpp>
#include <yoke/time_span.hpp>
#include <yoke/wire/codec.hpp>
#include <yoke/wire/shippable.hpp>

#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <system_error>
#include <vector>

namespace yoke {

namespace detail {

/// How large a queue is. Every handle has it from the moment it was made and never looks again, so a task that scribbles
/// over the shared memory cannot lead another process out of it.
struct ring_shape {
    std::uint64_t capacity = 0;
    std::uint64_t item_bytes = 0;

    [[nodiscard]] std::uint64_t slot_bytes() const noexcept {
        return sizeof(std::uint64_t) + (item_bytes + 7) / 8 * 8;
    }
    /// Bytes of the ring and the pills, or nothing if they are more than `most`.
    [[nodiscard]] std::optional<std::uint64_t> bytes(std::uint64_t most) const noexcept;
};

/// The queue as it lies in shared memory: bytes only, whatever the items are. All fields but the two words are
/// guarded by `mutex`; the ring and the pills follow the header. `shape` is always that of the caller's handle.
class shared_ring {
public:
    static constexpr std::uint64_t magic_number = 0x796f6b6571756575;  // "yokequeu"

    explicit shared_ring(const ring_shape& shape);
    ~shared_ring() { ::pthread_mutex_destroy(&mutex_); }
    shared_ring(const shared_ring&) = delete;
    shared_ring& operator=(const shared_ring&) = delete;

    [[nodiscard]] bool is_one() const noexcept { return magic_ == magic_number; }
    /// For who makes a handle.
    [[nodiscard]] ring_shape shape() const noexcept {
        return {settled(shape_.capacity), settled(shape_.item_bytes)};
    }

    /// Copies an item in. False: closed; full, and `wait` is false or the time is over; or a stop was requested.
    [[nodiscard]] bool push(const ring_shape& shape, std::span<const std::byte> item, bool wait,
                            std::int64_t until = never, const std::stop_token& stop = {});
    bool push_pill(const ring_shape& shape);
    /// Copies the oldest item out. Without `wait` it is a `timeout` if there is none, and pills stay. Throws decode_error if the
    /// item claims more bytes than there can be; it is gone then.
    [[nodiscard]] queue_status pop(const ring_shape& shape, std::vector<std::byte>& item, bool wait,
                                   std::int64_t until = never, const std::stop_token& stop = {});
    void close();
    /// Closes it and copies out what is in it. Throws decode_error as pop does, for all of them.
    [[nodiscard]] std::vector<std::vector<std::byte>> close_and_take(const ring_shape& shape);
    bool is_closed();
    std::size_t size();
    /// Wakes who waits with a token whose stop was requested, and all others that sleep there: without the mutex, as a death
    /// bell does, since who has to sleep looks at its token after it has loaded the word.
    static void wake_for_stop(shared_word& word) noexcept;
    /// Where consumers and producers sleep.
    [[nodiscard]] shared_word& not_empty() noexcept { return not_empty_; }
    [[nodiscard]] shared_word& not_full() noexcept { return not_full_; }

private:
    /// One stay under the mutex. Wakes, at its end, those whom wake() named.
    class section {
    public:
        explicit section(shared_ring& ring) : ring_(ring) { lock(); }
        section(const section&) = delete;
        section& operator=(const section&) = delete;
        ~section();

        /// Sleeps until `word` changes, or until the time is over. False, at once, if that is so or a stop was requested.
        /// `sleepers` may stay too high if the sleeper dies, which costs needless system calls and nothing else.
        [[nodiscard]] bool sleep(shared_word& word, std::uint32_t& sleepers, std::int64_t until,
                                 const std::stop_token& stop);
        void wake(shared_word& word, std::uint32_t sleepers) noexcept;

    private:
        void lock();
        void unlock() noexcept { ::pthread_mutex_unlock(&ring_.mutex_); }

        shared_ring& ring_;
        shared_word* woken_[2] = {};
    };

    static void check(int error);
    /// The store that makes an operation happen, after all others.
    static void commit(std::uint64_t& counter) noexcept;
    void end(section& here) noexcept;
    /// The bytes of an item, or nothing if it claims to have more than an item can have.
    [[nodiscard]] std::optional<std::span<const std::byte>> item_at(const ring_shape& shape,
                                                                    std::uint64_t position) noexcept;
    static decode_error too_large(const ring_shape& shape);
    [[nodiscard]] bool pill_in_front(const ring_shape& shape) noexcept {
        return !closed_ && pills(shape)[head_ % (shape.capacity + 1)] != 0;
    }
    [[nodiscard]] std::byte* slot_at(const ring_shape& shape, std::uint64_t position) noexcept {
        return reinterpret_cast<std::byte*>(this + 1) + position % shape.capacity * shape.slot_bytes();
    }
    /// How many pills stand before the item at a position: a ring over the positions head to tail.
    [[nodiscard]] std::uint64_t* pills(const ring_shape& shape) noexcept;

    const std::uint64_t magic_ = magic_number;
    const ring_shape shape_;
    pthread_mutex_t mutex_;
    std::uint64_t head_ = 0;  // items ever taken
    std::uint64_t tail_ = 0;  // items ever pushed
    bool closed_ = false;
    std::uint32_t takers_ = 0;  // asleep on not_empty_
    std::uint32_t givers_ = 0;  // asleep on not_full_
    shared_word not_empty_{0};
    shared_word not_full_{0};
};

}  // namespace detail

/// A process's access to a shared_queue: a value that crosses to other processes, copies and all refer to the same
/// queue. It owns nothing: the queue must live until the last user of a handle is done. All members may be called from any
/// thread of any process at any time. Each throws std::system_error if the queue's lock is broken beyond repair, and
/// forked in a child that the program, or a task, has made by fork(): the queue is for the program and its workers.
template <class T>
class shared_queue_handle {
public:
    using value_type = T;

    /// Waits for room and puts a copy of the item in. False: the queue is closed. Throws message_too_large if the
    /// encoded item has more than `max_item_bytes()` bytes, and what its codec throws.
    [[nodiscard]] bool push(const T& item) { return ring().push(shape_, encoded(item), true); }
    /// The same, until a stop is requested: false then, too.
    [[nodiscard]] bool push(const T& item, const std::stop_token& stop) {
        return push_by(item, detail::never, stop);
    }
    /// The same, for no longer than `most`. False: no room in that time, closed, or a stop was requested; `is_closed()` and the
    /// token tell which.
    [[nodiscard]] bool push_for(const T& item, time_span most, const std::stop_token& stop = {}) {
        return push_by(item, ns_of(detail::deadline_after(most)), stop);
    }
    /// The same, up to a point of the steady clock.
    template <class Duration>
    [[nodiscard]] bool push_until(const T& item,
                                  const std::chrono::time_point<std::chrono::steady_clock, Duration>& until,
                                  const std::stop_token& stop = {}) {
        return push_by(item, ns_of(detail::deadline_at(until)), stop);
    }
    /// Puts a copy in if there is room now. False: full or closed. Throws as push does.
    [[nodiscard]] bool try_push(const T& item) { return ring().push(shape_, encoded(item), false); }
    /// Puts a pill behind the last item: one consumer's `pop()` will return nothing. Never waits. False: closed.
    bool push(poison_pill_t) { return ring().push_pill(shape_); }

    /// Waits for an item. Nothing: this consumer is done, because the queue is closed and drained or because it
    /// took a pill. Throws decode_error if the bytes are no `T`; the item is gone then.
    std::optional<T> pop() { return taken(true); }
    /// The same, until a stop is requested. In a task `yoke::this_task::stop_token()` is such a token.
    [[nodiscard]] pop_result<T> pop(const std::stop_token& stop) { return pop_by(detail::never, stop); }
    /// The same, for no longer than `most`. Takes what is there, a pill included, if the time is over already.
    [[nodiscard]] pop_result<T> pop_for(time_span most, const std::stop_token& stop = {}) {
        return pop_by(ns_of(detail::deadline_after(most)), stop);
    }
    /// The same, up to a point of the steady clock.
    template <class Duration>
    [[nodiscard]] pop_result<T>
    pop_until(const std::chrono::time_point<std::chrono::steady_clock, Duration>& until,
              const std::stop_token& stop = {}) {
        return pop_by(ns_of(detail::deadline_at(until)), stop);
    }
    /// Takes an item if one is at the front now. Nothing: empty, or a pill is at the front, which stays there.
    std::optional<T> try_pop() { return taken(false); }

    /// Ends the queue; may be called again.
    void close() { ring().close(); }
    /// Ends the queue and returns what nobody has taken, in order; from now on `pop()` returns nothing. Also for a queue that
    /// is closed already. Throws bad_alloc, and the queue is as it was then; decode_error if the bytes of one are no
    /// `T`, and all are gone then.
    std::vector<T> close(hand_back_t) {
        std::vector<T> rest;
        const auto bytes = ring().close_and_take(shape_);
        rest.reserve(bytes.size());
        for (const auto& each : bytes) rest.push_back(decoded(each));
        return rest;
    }
    [[nodiscard]] bool is_closed() const { return ring().is_closed(); }
    /// The most items it holds.
    [[nodiscard]] std::size_t capacity() const noexcept { return shape_.capacity; }
    /// The most bytes an encoded item may have.
    [[nodiscard]] std::size_t max_item_bytes() const noexcept { return shape_.item_bytes; }
    /// Items in it now; pills do not count.
    [[nodiscard]] std::size_t size() const { return ring().size(); }

protected:
    friend struct codec<shared_queue_handle>;
    shared_queue_handle(detail::shared_ring* ring, const detail::ring_shape& shape) noexcept
        : ring_(ring), shape_(shape) {}

    detail::shared_ring* ring_;
    detail::ring_shape shape_;

private:
    [[nodiscard]] detail::shared_ring& ring() const {
        if (!detail::process_host::shares(ring_)) throw forked();
        return *ring_;
    }
    [[nodiscard]] std::vector<std::byte> encoded(const T& item) const {
        const std::size_t size = encoded_size(item);
        if (size > shape_.item_bytes)
            throw message_too_large("shared_queue: the item has " + std::to_string(size) +
                                    " bytes encoded, and the limit is " + std::to_string(shape_.item_bytes) +
                                    "; make the queue with a larger max_item_bytes");
        std::vector<std::byte> bytes(size);
        wire_writer out{std::span<std::byte>(bytes)};
        encode(out, item);
        return bytes;
    }
    std::optional<T> taken(bool wait) {
        std::vector<std::byte> bytes;
        if (ring().pop(shape_, bytes, wait) != queue_status::item) return std::nullopt;
        return decoded(bytes);
    }
    static T decoded(const std::vector<std::byte>& bytes) {
        wire_reader in{std::span<const std::byte>(bytes)};
        return decode<T>(in);
    }

    /// Wakes those who sleep at a word. A forked child has no such sleepers, and perhaps not the memory.
    struct waker {
        detail::shared_ring* ring;
        detail::shared_word* word;
        void operator()() const noexcept {
            if (detail::process_host::shares(ring)) ring->wake_for_stop(*word);
        }
    };
    using wake_on_stop = std::optional<std::stop_callback<waker>>;

    [[nodiscard]] static std::int64_t ns_of(detail::deadline until) noexcept {
        return until == detail::deadline::max() ? detail::never : until.time_since_epoch().count();
    }
    bool push_by(const T& item, std::int64_t until, const std::stop_token& stop) {
        detail::shared_ring& to = ring();
        const std::vector<std::byte> bytes = encoded(item);
        wake_on_stop waking;
        if (stop.stop_possible()) waking.emplace(stop, waker{&to, &to.not_full()});
        return to.push(shape_, bytes, true, until, stop);
    }
    pop_result<T> pop_by(std::int64_t until, const std::stop_token& stop) {
        detail::shared_ring& from = ring();
        std::vector<std::byte> bytes;
        wake_on_stop waking;
        if (stop.stop_possible()) waking.emplace(stop, waker{&from, &from.not_empty()});
        const queue_status status = from.pop(shape_, bytes, true, until, stop);
        if (status != queue_status::item) return status;
        return std::optional<T>(decoded(bytes));
    }
};

/// The queue. Made and destroyed in the process that owns the pools; its memory is shared with all workers of all
/// pools. Not movable.
template <class T>
class shared_queue : public shared_queue_handle<T> {
    static_assert(shippable<T>,
                  "yoke::shared_queue<T>: T cannot cross to another process; make it an aggregate of "
                  "values that can, or specialise yoke::codec<T>");

public:
    using handle_type = shared_queue_handle<T>;

    /// A queue for at most `capacity` items of at most `max_item_bytes` bytes each, encoded. Starts the fork server if
    /// that has not happened, and throws what that throws (unsafe_fork); std::invalid_argument if `capacity` is 0.
    explicit shared_queue(std::size_t capacity, std::size_t max_item_bytes = 1024)
        : shared_queue(detail::ring_shape{capacity, max_item_bytes}) {}
    shared_queue(const shared_queue&) = delete;
    shared_queue& operator=(const shared_queue&) = delete;
    /// Nobody may use the queue any more, in no process. In a forked child it does nothing.
    ~shared_queue() = default;

    /// What a worker needs to use the queue.
    [[nodiscard]] handle_type handle() const noexcept { return *this; }

private:
    /// Owns the ring, and gives it back after its bells are gone.
    class ring_memory {
    public:
        ring_memory(detail::shared_ring* ring, std::size_t bytes)
            : host_(detail::process_host::instance()),
              ring_(ring),
              range_{host_.arena().offset_of(ring), bytes} {
            try {
                not_empty_.emplace(host_, ring_->not_empty());
                not_full_.emplace(host_, ring_->not_full());
            } catch (...) {
                not_empty_.reset();
                release();
                throw;
            }
        }
        ring_memory(const ring_memory&) = delete;
        ring_memory& operator=(const ring_memory&) = delete;
        ~ring_memory() {
            if (not_empty_->foreign()) return;
            not_full_.reset();
            not_empty_.reset();
            release();
        }

    private:
        void release() noexcept {
            ring_->~shared_ring();
            host_.arena().deallocate(range_);
        }

        detail::process_host& host_;
        detail::shared_ring* ring_;
        const detail::arena_range range_;  // as it was made, whatever the shared memory says by now
        std::optional<detail::death_bell> not_empty_;
        std::optional<detail::death_bell> not_full_;
    };

    explicit shared_queue(const detail::ring_shape& shape)
        : handle_type(make(shape), shape), memory_(this->ring_, bytes_for(shape)) {}

    /// Throws what a shape deserves that no memory is large enough for.
    static std::size_t bytes_for(const detail::ring_shape& shape) {
        const auto bytes = shape.bytes(detail::shared_arena::largest);
        if (!bytes) throw std::bad_alloc();
        return sizeof(detail::shared_ring) + static_cast<std::size_t>(*bytes);
    }
    static detail::shared_ring* make(const detail::ring_shape& shape) {
        if (shape.capacity == 0)
            throw std::invalid_argument("shared_queue: capacity is 0; it must hold at least 1 item");
        auto& host = detail::process_host::instance();
        host.start();
        const auto range = host.arena().allocate(bytes_for(shape));
        try {
            return ::new (host.arena().at(range.offset)) detail::shared_ring(shape);
        } catch (...) {
            host.arena().deallocate(range);
            throw;
        }
    }

    ring_memory memory_;
};

/// A handle crosses as the place of its queue in the shared memory.
template <class T>
struct codec<shared_queue_handle<T>> {
    static void encode(wire_writer& out, const shared_queue_handle<T>& handle) {
        const detail::shared_ring& ring = handle.ring();  // throws where the arena is not there
        out.number(detail::process_host::instance().arena().offset_of(&ring));
    }
    static shared_queue_handle<T> decode(wire_reader& in) {
        const auto offset = in.number<std::uint64_t>("the place of a shared_queue");
        const detail::shared_arena* const arena = detail::process_host::instance().find_arena();
        if (arena == nullptr || offset % detail::shared_arena::granule != 0 || offset >= arena->size() ||
            arena->size() - offset < sizeof(detail::shared_ring))
            in.fail("a shared_queue's handle", "it leads out of the shared memory");
        auto* const ring = reinterpret_cast<detail::shared_ring*>(arena->at(offset));
        if (!ring->is_one()) in.fail("a shared_queue's handle", "there is no queue at that place");
        const detail::ring_shape shape = ring->shape();
        if (shape.capacity == 0 || !shape.bytes(arena->size() - offset - sizeof(detail::shared_ring)))
            in.fail("a shared_queue's handle", "the queue at that place does not fit the shared memory");
        return shared_queue_handle<T>(ring, shape);
    }
};

static_assert(timed_queue_of<shared_queue<int>, int>);

}  // namespace yoke

#if YOKE_IS_HEADER_ONLY
#include <yoke/queue/shared_queue.ipp>
#endif
