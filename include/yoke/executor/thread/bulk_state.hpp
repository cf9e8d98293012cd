// SPDX-License-Identifier: MIT
#pragma once

/// Many calls of one function, f(0) ... f(n - 1), behind one future: what `bulk` of a thread pool is made of.
///
/// The calls are not tasks. A few *hands* - at most one a worker, and whoever waits - take ranges of numbers from one
/// counter until there are none left; so a call costs a fraction of a compare-exchange, and one allocation does for all.
/// The ranges shrink with what is left (guided self-scheduling: Polychronopoulos and Kuck, 1987), so that calls of uneven
/// cost end at about the same time.
///
/// A number is taken once: `next_` only grows, by compare-exchanges. Each range is counted out of `left_` after its calls, or,
/// when they were given up, at once; who counts the last one completes the future (acq_rel: it has seen what all calls did).

#include <yoke/detail/base/invoke.hpp>
#include <yoke/detail/future/error_aside.hpp>
#include <yoke/detail/future/helping.hpp>
#include <yoke/detail/future/state.hpp>
#include <yoke/detail/future/task_scope.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <optional>
#include <utility>

namespace yoke::detail {

template <class F>
class bulk_state final : public future_state<void> {
public:
    /// For `count` calls by about `hands` threads, which `home` admits. Owned by the caller. With no calls to make it is
    /// complete.
    template <class G>
    bulk_state(std::uint64_t count, std::size_t hands, task_home home, G&& f)
        : future_state<void>(1),
          count_(count),
          share_(4 * (hands != 0 ? hands : 1)),
          left_(count),
          home_(home),
          f_(std::in_place, std::forward<G>(f)) {
        static_cast<void>(claim());
        if (count != 0) return;
        f_.reset();
        set_value();
    }

    /// Makes calls until none is left that nobody has begun.
    void work() noexcept {
        const task_scope running(nullptr, nullptr, this);
        for (;;) {
            std::uint64_t first = next_.load(std::memory_order_relaxed);
            std::uint64_t size = 0;
            do {
                if (first >= count_) return;
                size = (count_ - first) / share_;
                if (size == 0) size = 1;
            } while (!next_.compare_exchange_weak(first, first + size, std::memory_order_relaxed));
            leave_out_or_end(size + call(first, first + size));
        }
    }

    /// Nobody has begun a call and nobody will: completes as stopped, or with an error.
    void drop(std::exception_ptr error) noexcept {
        const std::uint64_t begun = next_.exchange(count_, std::memory_order_relaxed);
        if (begun >= count_) return;
        if (error != nullptr) note(begun, std::move(error));
        stopped_.store(true, std::memory_order_relaxed);
        leave_out_or_end(count_ - begun);
    }

private:
    ~bulk_state() override = default;

    state_ref<future_core> help_here(std::size_t&) noexcept override {
        if (home_.admits_this_thread())
            work();
        else
            help_refused = true;
        if (done()) return {};
        want();
        help_where_blocked<future_core>(*this);
        return {};
    }
    bool cancel_here(state_ref<future_core>&) noexcept override {
        std::uint64_t none_begun = 0;
        if (count_ == 0 || !next_.compare_exchange_strong(none_begun, count_, std::memory_order_relaxed))
            return false;
        f_.reset();
        set_stopped();
        return true;
    }

    /// Returns how many further calls will not be made because one threw.
    std::uint64_t call(std::uint64_t first, std::uint64_t last) noexcept {
        std::uint64_t now = first;
        try {
            for (; now != last; ++now) detail::invoke(*f_, static_cast<std::size_t>(now));
            return 0;
        } catch (...) {
            note(now, std::current_exception());
            const std::uint64_t begun = next_.exchange(count_, std::memory_order_relaxed);
            return begun < count_ ? count_ - begun : 0;
        }
    }
    /// Keeps the error of the lowest number; the others are dropped.
    void note(std::uint64_t number, std::exception_ptr error) noexcept {
        while (noting_.test_and_set(std::memory_order_acquire)) noting_.wait(true, std::memory_order_relaxed);
        if (first_error_ == nullptr || number < error_at_) {
            error_at_ = number;
            first_error_.swap(error);
        }
        noting_.clear(std::memory_order_release);
        noting_.notify_one();
        leave_error_aside(std::move(error), "a call of bulk, of which another one has failed, too");
    }
    void leave_out_or_end(std::uint64_t calls) noexcept {
        if (left_.fetch_sub(calls, std::memory_order_acq_rel) != calls) return;
        f_.reset();  // before anybody hears of the end
        if (first_error_ != nullptr) return set_error(std::move(first_error_));
        stopped_.load(std::memory_order_relaxed) ? set_stopped() : set_value();
    }

    const std::uint64_t count_;
    const std::uint64_t share_;
    alignas(64) std::atomic<std::uint64_t> next_{0};
    alignas(64) std::atomic<std::uint64_t> left_;
    std::atomic<bool> stopped_{false};
    std::atomic_flag noting_ = ATOMIC_FLAG_INIT;
    std::uint64_t error_at_ = 0;
    std::exception_ptr first_error_;
    const task_home home_;
    std::optional<F> f_;
};

/// The receiver of a hand that an executor lends. One that never comes leaves its part to the others; only a stop is for all.
template <class F>
class bulk_hand {
public:
    explicit bulk_hand(state_ref<bulk_state<F>> work) noexcept : work_(std::move(work)) {}

    void set_value() noexcept {}
    void set_error(std::exception_ptr error) noexcept { work_->drop(std::move(error)); }
    void set_stopped() noexcept { work_->drop(nullptr); }

private:
    state_ref<bulk_state<F>> work_;
};

/// What such a hand does; its receiver keeps the work alive.
template <class F>
struct lend_hand {
    bulk_state<F>* work;
    void operator()() const noexcept { work->work(); }
};

}  // namespace yoke::detail
