// SPDX-License-Identifier: MIT
#pragma once

/// Crews of consumers that end cleanly.
///
///     yoke::bounded_queue<job> jobs(64);
///     auto crew = yoke::consume(pool, 4, jobs, [](job next) { work(next); });
///     for (auto& j : all)
///         if (!jobs.push(j)) break;           // closed by somebody
///     jobs.close();                           // after the last item; stops all four
///     std::uint64_t done = crew.get();        // waits for them
///
///     yoke::shared_queue<job> jobs(64);       // the same with worker processes that pull from one queue
///     auto crew = yoke::consume(processes, 4, jobs, [](job next) { work(next); });
///
/// Each consumer pops until its `pop()` returns nothing: the queue is closed and drained, or it took a pill
/// (`jobs.push(yoke::poison_pill)` sends one of them home). Nobody counts pills.
///
/// **When `f` throws** - or a worker process dies, or the executor cancels - by default the queue is closed at once:
/// producers wake and their `push` returns false, the other consumers finish what is in the queue, and when
/// all have ended the first error is thrown from the future. The item in the hand of the consumer that failed is gone. With
/// `consume_errors::go_on` a consumer that throws goes on with the next item, the queue stays open, and an error is
/// thrown at the end all the same: the first one of the consumer that ended first. All others are dropped errors
/// (dropped_error.hpp), those of a consumer that threw more than once in the process where it runs. A worker process
/// that died is not replaced in the crew. Once the whole crew has ended
/// and one of it had failed the queue is closed in any case, so that no producer waits for nobody.
///
/// A consumer occupies its worker until it ends. If there are fewer workers than consumers the others begin when one
/// ends, so producers must not depend on the same workers.

#include <yoke/concept/executor.hpp>
#include <yoke/concept/queue.hpp>
#include <yoke/detail/future/error_aside.hpp>
#include <yoke/detail/future/joint_state.hpp>
#include <yoke/error.hpp>
#include <yoke/future.hpp>
#include <yoke/future/completion.hpp>  // for make_joint

#include <atomic>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <limits>
#include <optional>
#include <stdexcept>
#include <type_traits>
#include <utility>
#include <vector>

namespace yoke {

/// What a consumer's error does to the others.
enum class consume_errors {
    close,  ///< the queue is closed; the others drain it
    go_on,  ///< nothing: also the consumer that threw takes the next item
};

/// How a crew works.
struct consume_options {
    consume_errors on_error = consume_errors::close;
};

namespace detail {

/// A queue in this address space, referred to.
template <class Q>
struct queue_pointer {
    Q* queue;
    auto pop() { return queue->pop(); }
    void close() { queue->close(); }
};

/// How the consumers on `E` get at a queue that was passed as `Given` (an lvalue reference or a value).
template <class E, class Given>
auto access_queue(std::remove_reference_t<Given>& queue) {
    using Q = std::remove_cvref_t<Given>;
    if constexpr (local_executor<E> && std::is_lvalue_reference_v<Given>) {
        return queue_pointer<std::remove_reference_t<Given>>{&queue};
    } else if constexpr (requires { queue.handle(); }) {
        return queue.handle();
    } else {
        static_assert(
            std::copy_constructible<Q>,
            "yoke::consume: this queue lives in this process only, and the executor's workers are other "
            "processes: use a yoke::shared_queue");
        return Q(queue);
    }
}

/// The life of one consumer. Returns how many items it took.
struct consumer {
    template <class Access, class F>
    std::uint64_t operator()(Access queue, F f, consume_errors on_error) const {
        std::uint64_t taken = 0;
        std::exception_ptr first;
        while (auto item = queue.pop()) {
            ++taken;
            if (on_error == consume_errors::close) {
                std::invoke(f, std::move(*item));
                continue;
            }
            try {
                std::invoke(f, std::move(*item));
            } catch (...) {
                if (first) {
                    leave_error_aside(std::current_exception(), "a consumer that had failed before");
                } else {
                    first = std::current_exception();
                }
            }
        }
        if (first) std::rethrow_exception(first);
        return taken;
    }
};

template <class Access>
class crew_state final : public joint_state<std::uint64_t> {
public:
    crew_state(std::vector<future<std::uint64_t>> crew, std::vector<state_ref<future_core>> cores,
               Access queue, consume_options options)
        : joint_state(std::move(cores)),
          crew_(std::move(crew)),
          queue_(std::move(queue)),
          options_(options) {}

private:
    static constexpr std::size_t nobody = std::numeric_limits<std::size_t>::max();

    void one_done(std::size_t index) noexcept override {
        if (future_access::state(crew_[index])->value()) return;
        std::size_t expected = nobody;
        first_failed_.compare_exchange_strong(expected, index, std::memory_order_acq_rel);
        if (options_.on_error == consume_errors::close) close();
    }
    void all_done() noexcept override {
        const std::size_t failed = first_failed_.load(std::memory_order_acquire);
        if (failed != nobody) close();
        emplace([&] {
            if (failed != nobody) (void)crew_[failed].get();
            std::uint64_t taken = 0;
            for (auto& one : crew_) taken += one.get();
            return taken;
        });
        crew_.clear();
        queue_.reset();  // before anybody hears of the end
        publish();
    }
    void close() noexcept {
        try {
            queue_->close();
        } catch (...) {  // NOLINT(bugprone-empty-catch)
            // A queue that cannot even be closed (its lock is broken) fails every other call, too: nobody waits in it.
        }
    }

    std::vector<future<std::uint64_t>> crew_;
    std::optional<Access> queue_;  // until the crew has ended
    consume_options options_;
    std::atomic<std::size_t> first_failed_{nobody};
};

}  // namespace detail

/// Starts `n` consumers on `ex`; each calls its own copy of `f` with one item after the other until it is done. Returns
/// the future of the number of items taken, ready when all have ended; it throws the first error, in time, of
/// any of them (`cancelled` if a consumer was cancelled before it began).
///
/// A queue passed as an lvalue to an executor in this address space is referred to and must outlive the crew; else each
/// consumer gets a copy of the queue's handle. Throws std::invalid_argument if `n` is 0, and what the executor throws
/// if it takes not even the first consumer; one that is refused later counts as a consumer that failed.
template <class E, class Q, class F>
    requires executor<std::remove_reference_t<E>> && queue_source<std::remove_reference_t<Q>>
[[nodiscard]] future<std::uint64_t> consume(E&& ex, std::size_t n, Q&& queue, F f,
                                            consume_options options = {}) {
    static_assert(std::invocable<F&, queue_value<std::remove_reference_t<Q>>>,
                  "yoke::consume: the function cannot be called with an item of the queue");
    if (n == 0) throw std::invalid_argument("consume: 0 consumers would take nothing; use 1 or more");
    auto access = detail::access_queue<std::remove_reference_t<E>, Q>(queue);
    using access_type = decltype(access);

    std::vector<future<std::uint64_t>> crew;
    std::vector<detail::state_ref<detail::future_core>> cores;
    crew.reserve(n);
    cores.reserve(n);
    for (std::size_t i = 0; i != n; ++i) {
        try {
            crew.push_back(submit(ex, detail::consumer{}, access, f, options.on_error));
        } catch (...) {
            if (i == 0) throw;
            crew.push_back(detail::failed_future<std::uint64_t>(std::current_exception()));
        }
        cores.push_back(detail::core_of(crew.back()));
    }
    return detail::make_joint<std::uint64_t, detail::crew_state<access_type>>(
        std::move(crew), std::move(cores), std::move(access), options);
}

}  // namespace yoke
