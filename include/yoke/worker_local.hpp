// SPDX-License-Identifier: MIT
#pragma once

/// A value for each thread that asks for one.
///
///     yoke::worker_local<std::mt19937> engine([] { return std::mt19937(std::random_device()()); });
///     yoke::worker_local<std::map<std::string, int>> counts;
///     for (auto& text : texts)
///         pool.detach([&] { ++counts.local()[text]; });
///     pool.wait();
///     counts.for_each([&](auto& one) { total.merge(one); });
///
/// Tasks of any pool and threads of no pool may ask; each finds its own. In tasks of a process pool, which see what has
/// static storage only, each worker process makes its own: what was made before a fork stays with the process that
/// made it, and is not destroyed in others.
///
/// The values live as long as the worker_local, also those of threads that have ended, so a program that starts a thread for
/// each task has a value for each. (What has to go with its thread is a thread_local.)

#include <yoke/detail/base/config.hpp>
#include <yoke/detail/os/fork_detector.hpp>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <type_traits>
#include <utility>
#include <vector>

namespace yoke {

namespace detail {

/// What a thread knows about its values. An object's key says where to look, modulo the size; a stranger in that place only sends
/// the thread to the object's table, under a lock. A key is never used twice in a process, and a forked child looks for others
/// than its parent; so what is found under the right key is right, and needs no order: this thread put it there.
struct local_values {
    struct place {
        std::uint64_t key = 0;
        void* value = nullptr;
    };
    static constexpr std::size_t size = 32;

    std::uint64_t thread = 0;  // this thread's number, once it has one
    place places[size]{};
};
YOKE_SHARED_STATE inline constinit thread_local local_values this_thread_values{};
/// Of threads and of objects.
YOKE_SHARED_STATE inline std::atomic<std::uint64_t> local_numbers{0};

inline std::uint64_t next_local_number() noexcept {
    return local_numbers.fetch_add(1, std::memory_order_relaxed) + 1;
}

}  // namespace detail

/// `local()` is thread-safe. All else wants nobody else to use the object at that time, and what the threads did with their
/// values to happen before (`pool.wait()`, `future.get()`, a join).
template <class T>
class worker_local {
    static_assert(std::is_same_v<T, std::decay_t<T>>,
                  "worker_local: T must be the type of an object, not a reference, an array or const");

public:
    using value_type = T;

    /// Values are made as `T()`.
    worker_local() : worker_local([] { return T(); }) {
        static_assert(std::is_default_constructible_v<T>,
                      "worker_local: T has no default constructor; pass a factory: worker_local<T> w([] { "
                      "return T(...); })");
    }

    /// Values are made by a call of `make()` on the thread that asks; several threads may call it at once. T need
    /// not be movable.
    template <class Make>
        requires(!std::is_same_v<std::remove_cvref_t<Make>, worker_local>)
    explicit worker_local(Make&& make)
        : factory_(new factory_of<std::decay_t<Make>>(std::forward<Make>(make))) {}

    worker_local(const worker_local&) = delete;
    worker_local& operator=(const worker_local&) = delete;

    /// Destroys the values, on this thread.
    ~worker_local() { clear(); }

    /// This thread's value, made now if it has none; throws what making it throws, and then it still has none. The reference is
    /// good as long as the object. Takes a lock the first time only (and where a thread uses more than 32 such objects by
    /// turns). A task that waits may run the awaited one on its own thread, and both have the same value.
    [[nodiscard]] T& local() {
        const std::uint64_t wanted = key();
        auto& place = detail::this_thread_values.places[wanted % detail::local_values::size];
        if (place.key != wanted) [[unlikely]] {
            place.value = &find_or_make();  // which may itself use the place
            place.key = wanted;
        }
        return *static_cast<T*>(place.value);
    }

    /// How many threads have a value. In a forked child: of its own.
    [[nodiscard]] std::size_t size() const noexcept {
        const table* const all = own_table();
        return all != nullptr ? all->entries.size() : 0;
    }

    /// Calls `f(value)` for each value.
    template <class F>
    void for_each(F f) {
        table* const all = own_table();
        if (all == nullptr) return;
        for (auto& entry : all->entries) f(*entry.value);
    }

    /// `op(... op(op(init, value 1), value 2) ..., value n)`, for an `op` to which the order does not matter.
    template <class Init, class Op>
    [[nodiscard]] Init combine(Init init, Op op) {
        for_each([&](T& value) { init = op(std::move(init), value); });
        return init;
    }

    /// Destroys the values; who asks then has a new one made.
    void clear() noexcept {
        delete own_table();  // a parent's stays where it is: its values may be in use there
        table_.store(nullptr, std::memory_order_relaxed);
        number_ = detail::next_local_number();
    }

private:
    struct factory {
        virtual ~factory() = default;
        virtual std::unique_ptr<T> make() = 0;
    };
    template <class Make>
    struct factory_of final : factory {
        static_assert(std::is_invocable_r_v<T, Make&>,
                      "worker_local: the factory must be callable without arguments and return a T");
        explicit factory_of(const Make& f) : call(f) {}
        explicit factory_of(Make&& f) : call(std::move(f)) {}
        std::unique_ptr<T> make() override { return std::unique_ptr<T>(new T(call())); }
        Make call;
    };

    struct entry {
        std::uint64_t thread;
        std::unique_ptr<T> value;
    };
    /// The values of one process.
    struct table {
        detail::fork_watch process;
        std::mutex mutex;
        std::vector<entry> entries;  // by thread

        auto find(std::uint64_t thread) noexcept {
            return std::lower_bound(entries.begin(), entries.end(), thread,
                                    [](const entry& e, std::uint64_t wanted) { return e.thread < wanted; });
        }
    };

    /// Numbers stay below 2^48: at one a nanosecond, for three days.
    [[nodiscard]] std::uint64_t key() const noexcept {
        return number_ + (std::uint64_t{detail::process_number()} << 48);
    }

    [[nodiscard]] table* own_table() const noexcept {
        table* const all = table_.load(std::memory_order_acquire);
        return all != nullptr && !all->process.forked() ? all : nullptr;
    }
    /// Makes the table of this process; of several threads that try, one succeeds.
    table& make_table() {
        auto made = std::make_unique<table>();
        table* before = table_.load(std::memory_order_acquire);
        do {
            if (before != nullptr && !before->process.forked()) return *before;
        } while (!table_.compare_exchange_weak(before, made.get(), std::memory_order_acq_rel,
                                               std::memory_order_acquire));
        return *made.release();
    }

    T& find_or_make() {
        auto& mine = detail::this_thread_values;
        if (mine.thread == 0) mine.thread = detail::next_local_number();
        table* all = own_table();
        if (all == nullptr) all = &make_table();
        {
            const std::lock_guard lock(all->mutex);
            const auto found = all->find(mine.thread);
            if (found != all->entries.end() && found->thread == mine.thread) return *found->value;
        }
        auto made = factory_->make();  // without the lock: it may be slow, or use this object
        const std::lock_guard lock(all->mutex);
        const auto place = all->find(mine.thread);
        if (place != all->entries.end() && place->thread == mine.thread) return *place->value;
        return *all->entries.insert(place, entry{mine.thread, std::move(made)})->value;
    }

    const detail::fork_watch counts_forks_{};  // from before the first key is made
    std::unique_ptr<factory> factory_;
    std::uint64_t number_ = detail::next_local_number();
    std::atomic<table*> table_{nullptr};
};

}  // namespace yoke
