// SPDX-License-Identifier: MIT
#pragma once

/// A bounded first-in-first-out queue between threads, with a clean end.
///
///     yoke::bounded_queue<job> jobs(64);
///
///     while (auto next = jobs.pop()) work(*next);     // consumers, any number
///
///     auto mine = jobs.register_producer();           // producers, any number; the last one out closes the queue
///     mine.push(job{...});                            // waits for room
///
/// It is FIFO in one total order, over all producers and consumers, as concept/queue.hpp demands. How it ends:
///
/// - `close()`: items already in are handed out, then every `pop()` returns nothing. It needs no room and nobody counts
///   consumers; a producer that waits for room wakes, its push returns false and its item is untouched. Nothing
///   opens a closed queue again. `close(hand_back)` hands the items to who closes instead.
/// - `push(poison_pill)`: stops exactly one consumer, in its place among the items. It needs no room either. Pills left
///   over when the queue is closed are void; until then a pill that nobody took stops a later consumer.
/// - A `producer` handle is a registration; when the last of them leaves, the queue closes.
///
/// A mutex guards a ring; it is held for moving items in and out and for nothing else, and threads are woken one at a
/// time, only if there are any (detail/sync/waiting_room.hpp). `push_all` and `pop_some` move many items per lock.
/// tests/model/bounded_queue_close.pml checks the end by exhaustive search.

#include <yoke/concept/queue.hpp>
#include <yoke/detail/os/fork_detector.hpp>
#include <yoke/detail/sync/waiting_room.hpp>
#include <yoke/error.hpp>

#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <limits>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace yoke {

/// The queue. All members may be called from any thread, at any time until the destructor begins; a call that lets
/// another thread go on does not touch the queue's members afterwards. `T` is moved in and out under the queue's lock,
/// so its move constructor and destructor must not use the queue.
///
/// A waiting `push` or `pop` blocks its thread, also inside a task: give a pool's consumers a worker each, or use
/// as many consumers as there are workers to spare.
///
/// In a child that was forked since the queue was made there is nobody at its other end: every call that can throw
/// throws `forked`, `close()` and the destructor do nothing, and the queue says that it is closed and empty.
template <class T>
class bounded_queue {
    static_assert(std::is_object_v<T> && !std::is_const_v<T>,
                  "yoke::bounded_queue<T>: T must be an object type");
    static_assert(std::is_move_constructible_v<T>, "yoke::bounded_queue<T>: T must be movable");
    static_assert(std::is_nothrow_destructible_v<T>, "yoke::bounded_queue<T>: T's destructor must not throw");

public:
    using value_type = T;
    class producer;

    /// A queue for at most `capacity` items, whose memory is allocated here. Throws std::invalid_argument for 0.
    explicit bounded_queue(std::size_t capacity) : capacity_(checked(capacity)) {
        slots_ = std::allocator<T>().allocate(capacity_);
    }
    bounded_queue(const bounded_queue&) = delete;
    bounded_queue& operator=(const bounded_queue&) = delete;
    /// Destroys the items that nobody took.
    ~bounded_queue() {
        if (process_.forked()) return;
        while (size_ != 0) drop_front();
        std::allocator<T>().deallocate(slots_, capacity_);
    }

    /// Waits for room and puts the item in. False: the queue is closed, and `item` is untouched.
    [[nodiscard]] bool push(T&& item) {
        section here(*this);
        static_cast<void>(here.await_room(detail::deadline::max(), {}));
        return put(std::move(item));
    }
    [[nodiscard]] bool push(const T& item) requires std::copy_constructible<T> {
        T copy(item);
        return push(std::move(copy));
    }
    /// The same, until a stop is requested. False, with `item` untouched: closed, or a stop was requested.
    [[nodiscard]] bool push(T&& item, const std::stop_token& stop) {
        return push_by(std::move(item), detail::deadline::max(), stop);
    }
    [[nodiscard]] bool push(const T& item, const std::stop_token& stop) requires std::copy_constructible<T> {
        T copy(item);
        return push(std::move(copy), stop);
    }
    /// The same, for no longer than `most`. False, with `item` untouched: no room in that time, closed, or a stop was
    /// requested; `is_closed()` and the token tell which.
    [[nodiscard]] bool push_for(T&& item, time_span most, const std::stop_token& stop = {}) {
        return push_by(std::move(item), detail::deadline_after(most), stop);
    }
    [[nodiscard]] bool push_for(const T& item, time_span most,
                                const std::stop_token& stop = {}) requires std::copy_constructible<T> {
        T copy(item);
        return push_for(std::move(copy), most, stop);
    }
    /// The same, up to a point of the steady clock.
    template <class Duration>
    [[nodiscard]] bool push_until(T&& item,
                                  const std::chrono::time_point<std::chrono::steady_clock, Duration>& until,
                                  const std::stop_token& stop = {}) {
        return push_by(std::move(item), detail::deadline_at(until), stop);
    }
    template <class Duration>
        requires std::copy_constructible<T>
    [[nodiscard]] bool push_until(const T& item,
                                  const std::chrono::time_point<std::chrono::steady_clock, Duration>& until,
                                  const std::stop_token& stop = {}) {
        T copy(item);
        return push_until(std::move(copy), until, stop);
    }
    /// Puts the item in if there is room now. False: full or closed, and `item` is untouched.
    [[nodiscard]] bool try_push(T&& item) {
        section here(*this);
        return size_ != capacity_ && put(std::move(item));
    }
    [[nodiscard]] bool try_push(const T& item) requires std::copy_constructible<T> {
        T copy(item);
        return try_push(std::move(copy));
    }
    /// Puts a pill behind the last item: one consumer's `pop()` will return nothing. Never waits. False: closed.
    bool push(poison_pill_t) {
        section here(*this);
        if (closed_) return false;
        if (!pills_.empty() && pills_.back().position == end_) {
            ++pills_.back().count;
        } else {
            pills_.push_back({end_, 1});
        }
        return true;
    }
    /// Moves the items in, in order, waiting for room as needed; other producers' items may come between them.
    /// Returns how many went in: all, unless the queue was closed meanwhile; the others are untouched.
    [[nodiscard]] std::size_t push_all(std::span<T> items) {
        section here(*this);
        std::size_t done = 0;
        while (done != items.size()) {
            static_cast<void>(here.await_room(detail::deadline::max(), {}));
            do {
                if (!put(std::move(items[done]))) return done;  // closed, perhaps without room
                ++done;
            } while (done != items.size() && size_ != capacity_);
        }
        return done;
    }

    /// Waits for an item. Nothing: this consumer is done, because the queue is closed and drained or because it
    /// took a pill.
    std::optional<T> pop() {
        section here(*this);
        static_cast<void>(here.await_something(detail::deadline::max(), {}));
        if (take_pill()) return std::nullopt;
        return take();
    }
    /// The same, until a stop is requested.
    [[nodiscard]] pop_result<T> pop(const std::stop_token& stop) {
        return pop_by(detail::deadline::max(), stop);
    }
    /// The same, for no longer than `most`. Takes what is there, a pill included, if the time is over already.
    [[nodiscard]] pop_result<T> pop_for(time_span most, const std::stop_token& stop = {}) {
        return pop_by(detail::deadline_after(most), stop);
    }
    /// The same, up to a point of the steady clock.
    template <class Duration>
    [[nodiscard]] pop_result<T>
    pop_until(const std::chrono::time_point<std::chrono::steady_clock, Duration>& until,
              const std::stop_token& stop = {}) {
        return pop_by(detail::deadline_at(until), stop);
    }
    /// Takes an item if one is at the front now. Nothing: empty, or a pill is at the front, which stays there for a
    /// `pop()`.
    std::optional<T> try_pop() {
        section here(*this);
        if (pill_in_front()) return std::nullopt;
        return take();
    }
    /// Waits for an item, then appends up to `most` items, none from behind a pill, to `to`. Returns how many; 0:
    /// this consumer is done, as with `pop()`. Should `to` fail to grow, it has what it got, and the rest is still in
    /// the queue. Throws std::invalid_argument if `most` is 0.
    std::size_t pop_some(std::vector<T>& to, std::size_t most = std::numeric_limits<std::size_t>::max()) {
        if (most == 0)
            throw std::invalid_argument("bounded_queue::pop_some: most is 0; it must be at least 1");
        section here(*this);
        static_cast<void>(here.await_something(detail::deadline::max(), {}));
        if (take_pill()) return 0;
        std::size_t taken = 0;
        for (; taken != most && size_ != 0 && !pill_in_front(); ++taken) {
            to.push_back(std::move(slots_[front_]));
            drop_front();
        }
        return taken;
    }

    /// Ends the queue; may be called again.
    void close() noexcept {
        if (process_.forked()) return;
        const std::lock_guard lock(mutex_);
        close_locked();
    }
    /// Ends the queue and returns what nobody has taken, in order; from now on `pop()` returns nothing. Also for a queue that
    /// is closed already. Throws bad_alloc, and the queue is as it was then.
    std::vector<T> close(hand_back_t) requires std::is_nothrow_move_constructible_v<T> {
        std::vector<T> rest;
        section here(*this);
        rest.reserve(size_);
        close_locked();
        for (; size_ != 0; drop_front()) rest.push_back(std::move(slots_[front_]));
        return rest;
    }
    [[nodiscard]] bool is_closed() const noexcept {
        if (process_.forked()) return true;
        const std::lock_guard lock(mutex_);
        return closed_;
    }
    /// The most items it holds.
    [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }
    /// Items in it now; pills do not count.
    [[nodiscard]] std::size_t size() const noexcept {
        if (process_.forked()) return 0;
        const std::lock_guard lock(mutex_);
        return size_;
    }

    /// Registers a producer. The queue closes when the last registration ends, so register the first of several
    /// producers before any of them can be done; the handle must not outlive the queue.
    [[nodiscard]] producer register_producer() noexcept { return producer(*this); }

private:
    /// `count` pills stand before the item that is (or will be) the `position`-th ever pushed.
    struct pill_mark {
        std::uint64_t position;
        std::size_t count;
    };

    static std::size_t checked(std::size_t capacity) {
        if (capacity == 0)
            throw std::invalid_argument("bounded_queue: capacity is 0; it must hold at least 1 item");
        return capacity;
    }

    [[nodiscard]] bool something() const noexcept { return size_ != 0 || !pills_.empty(); }
    [[nodiscard]] bool pill_in_front() const noexcept {
        return !pills_.empty() && pills_.front().position == end_ - size_;
    }
    bool take_pill() noexcept {
        if (!pill_in_front()) return false;
        if (--pills_.front().count == 0) pills_.pop_front();
        return true;
    }

    /// Wakes who waits with a token whose stop was requested, and everybody else, to find the one. Under the mutex: who has
    /// not seen the request yet is counted among the sleepers.
    struct waker {
        bounded_queue* queue;
        void operator()() const noexcept {
            if (queue->process_.forked()) return;
            const std::lock_guard lock(queue->mutex_);
            if (queue->takers_.call_all()) queue->takers_.wake_all();
            if (queue->givers_.call_all()) queue->givers_.wake_all();
        }
    };
    /// Made before a section and gone after it: the callback takes the mutex.
    using wake_on_stop = std::optional<std::stop_callback<waker>>;

    bool push_by(T&& item, detail::deadline until, const std::stop_token& stop) {
        wake_on_stop waking;
        if (stop.stop_possible()) waking.emplace(stop, waker{this});
        section here(*this);
        return here.await_room(until, stop) && put(std::move(item));
    }
    pop_result<T> pop_by(detail::deadline until, const std::stop_token& stop) {
        wake_on_stop waking;
        if (stop.stop_possible()) waking.emplace(stop, waker{this});
        section here(*this);
        if (const auto why = here.await_something(until, stop); why != queue_status::item) return why;
        if (take_pill() || size_ == 0) return queue_status::done;
        return take();
    }

    bool put(T&& item) {
        if (closed_) return false;
        std::construct_at(slots_ + back_, std::move(item));
        back_ = after(back_);
        ++size_;
        ++end_;
        return true;
    }
    std::optional<T> take() {
        if (size_ == 0) return std::nullopt;
        std::optional<T> item(std::move(slots_[front_]));
        drop_front();
        return item;
    }
    void drop_front() noexcept {
        std::destroy_at(slots_ + front_);
        front_ = after(front_);
        --size_;
    }
    [[nodiscard]] std::size_t after(std::size_t slot) const noexcept {
        return slot + 1 == capacity_ ? 0 : slot + 1;
    }

    void close_locked() noexcept {
        if (closed_) return;
        closed_ = true;
        pills_.clear();
        // Under the lock: whoever sees the end may destroy the queue.
        if (takers_.call_all()) takers_.wake_all();
        if (givers_.call_all()) givers_.wake_all();
    }
    void add_producer() noexcept {
        if (process_.forked()) return;
        const std::lock_guard lock(mutex_);
        ++producers_;
    }
    void remove_producer() noexcept {
        if (process_.forked()) return;
        const std::lock_guard lock(mutex_);
        if (--producers_ == 0) close_locked();
    }

    /// One stay under the mutex. Its end, also by an exception, calls whoever can go on: a thread that was woken
    /// itself answers for what it leaves behind for its own side, so both sides are called. Mostly nobody sleeps, and a
    /// call is one comparison.
    class section {
    public:
        explicit section(bounded_queue& queue) : queue_(own(queue)), lock_(queue.mutex_) {}
        section(const section&) = delete;
        section& operator=(const section&) = delete;
        ~section() {
            const bool wake_taker = queue_.something() && queue_.takers_.call_one();
            const bool wake_producer = queue_.size_ != queue_.capacity_ && queue_.givers_.call_one();
            lock_.unlock();
            if (wake_taker) queue_.takers_.wake_one();
            if (wake_producer) queue_.givers_.wake_one();
        }

        /// False: a stop was requested, or the time is over, and there is neither room nor an end.
        [[nodiscard]] bool await_room(detail::deadline until, const std::stop_token& stop) {
            for (;;) {
                if (stop.stop_requested()) return false;
                if (queue_.size_ != queue_.capacity_ || queue_.closed_) return true;
                if (over(until)) return false;
                // What went in so far (push_all) must reach the takers, who make the room.
                if (queue_.takers_.call_one()) queue_.takers_.wake_one();
                queue_.givers_.wait(lock_, until);
            }
        }
        /// `item`: there is something, be it the end.
        [[nodiscard]] queue_status await_something(detail::deadline until, const std::stop_token& stop) {
            for (;;) {
                if (stop.stop_requested()) return queue_status::stopped;
                if (queue_.something() || queue_.closed_) return queue_status::item;
                if (over(until)) return queue_status::timeout;
                queue_.takers_.wait(lock_, until);
            }
        }

    private:
        static bool over(detail::deadline until) {
            return until != detail::deadline::max() && std::chrono::steady_clock::now() >= until;
        }

        static bounded_queue& own(bounded_queue& queue) {
            if (queue.process_.forked()) throw forked();
            return queue;
        }

        bounded_queue& queue_;
        std::unique_lock<std::mutex> lock_;
    };

    const detail::fork_watch process_;
    mutable std::mutex mutex_;
    const std::size_t capacity_;
    T* slots_;               // ring of raw memory
    std::size_t front_ = 0;  // slot of the oldest item
    std::size_t back_ = 0;   // slot of the next item
    std::size_t size_ = 0;
    std::uint64_t end_ = 0;        // items ever pushed
    std::deque<pill_mark> pills_;  // by rising position; at most one mark a position
    std::size_t producers_ = 0;
    bool closed_ = false;
    detail::waiting_room takers_;
    detail::waiting_room givers_;
};

/// A producer's registration with its queue. Copying registers another producer; a moved-from handle is none.
/// Different handles may be used by different threads at once.
template <class T>
class [[nodiscard]] bounded_queue<T>::producer {
public:
    producer(const producer& other) noexcept : queue_(other.queue_) {
        if (queue_ != nullptr) queue_->add_producer();
    }
    producer(producer&& other) noexcept : queue_(std::exchange(other.queue_, nullptr)) {}
    producer& operator=(producer other) noexcept {
        std::swap(queue_, other.queue_);
        return *this;
    }
    ~producer() { leave(); }

    // As the queue's; false also after `leave()`.

    [[nodiscard]] bool push(T&& item, const std::stop_token& stop = {}) {
        return queue_ != nullptr && queue_->push(std::move(item), stop);
    }
    [[nodiscard]] bool push(const T& item,
                            const std::stop_token& stop = {}) requires std::copy_constructible<T> {
        return queue_ != nullptr && queue_->push(item, stop);
    }
    [[nodiscard]] bool push_for(T&& item, time_span most, const std::stop_token& stop = {}) {
        return queue_ != nullptr && queue_->push_for(std::move(item), most, stop);
    }
    [[nodiscard]] bool push_for(const T& item, time_span most,
                                const std::stop_token& stop = {}) requires std::copy_constructible<T> {
        return queue_ != nullptr && queue_->push_for(item, most, stop);
    }
    template <class Item, class Duration>
    [[nodiscard]] bool push_until(Item&& item,
                                  const std::chrono::time_point<std::chrono::steady_clock, Duration>& until,
                                  const std::stop_token& stop = {}) {
        return queue_ != nullptr && queue_->push_until(std::forward<Item>(item), until, stop);
    }
    [[nodiscard]] bool try_push(T&& item) { return queue_ != nullptr && queue_->try_push(std::move(item)); }
    [[nodiscard]] bool try_push(const T& item) requires std::copy_constructible<T> {
        return queue_ != nullptr && queue_->try_push(item);
    }
    [[nodiscard]] std::size_t push_all(std::span<T> items) {
        return queue_ != nullptr ? queue_->push_all(items) : 0;
    }

    /// Ends the registration; the last one closes the queue. May be called again.
    void leave() noexcept {
        if (auto* queue = std::exchange(queue_, nullptr)) queue->remove_producer();
    }

private:
    friend class bounded_queue<T>;
    explicit producer(bounded_queue& queue) noexcept : queue_(&queue) { queue.add_producer(); }

    bounded_queue* queue_;
};

static_assert(timed_queue_of<bounded_queue<int>, int>);

}  // namespace yoke
