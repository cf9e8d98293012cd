// SPDX-License-Identifier: MIT
#pragma once

/// The smallest asynchronous executor: a new thread per task, joined at destruction. It has no `submit` of its own,
/// so tests with it see what the library makes of the bare concept.

#include <yoke/concept/executor.hpp>
#include <yoke/detail/future/task_scope.hpp>
#include <yoke/error.hpp>

#include <memory>
#include <mutex>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

namespace yoke_test {

class thread_executor {
public:
    ~thread_executor() {
        shutdown();
        // A task may have started further threads until it saw the shutdown; those joined last are the last.
        for (;;) {
            std::vector<std::thread> running;
            {
                const std::lock_guard lock(mutex_);
                running.swap(threads_);
            }
            if (running.empty()) return;
            for (auto& thread : running) thread.join();
        }
    }

    template <class R, class F, class... Args>
        requires yoke::callable_with<F, Args...> && yoke::receiver_of<R, yoke::call_result<F, Args...>>
    void execute(R&& receiver, F&& f, Args&&... args) {
        const std::lock_guard lock(mutex_);
        if (closed_) throw yoke::pool_closed();
        threads_.emplace_back([receiver = std::decay_t<R>(std::forward<R>(receiver)),
                               f = std::decay_t<F>(std::forward<F>(f)),
                               ... args = std::decay_t<Args>(std::forward<Args>(args))]() mutable {
            const yoke::detail::task_scope running;
            yoke::complete_with_call(std::move(receiver), std::move(f), std::move(args)...);
        });
    }
    void shutdown() {
        const std::lock_guard lock(mutex_);
        closed_ = true;
    }
    void shutdown(yoke::cancel_pending_t) { shutdown(); }
    [[nodiscard]] std::size_t concurrency() const { return 64; }

private:
    std::mutex mutex_;
    std::vector<std::thread> threads_;
    bool closed_ = false;
};

static_assert(yoke::local_executor<thread_executor>);

/// An executor whose tasks run when the test says so, on the test's own thread.
class manual_executor {
public:
    template <class R, class F, class... Args>
        requires yoke::callable_with<F, Args...> && yoke::receiver_of<R, yoke::call_result<F, Args...>>
    void execute(R&& receiver, F&& f, Args&&... args) {
        if (closed_) throw yoke::pool_closed();
        queue_.push_back(std::make_unique<task<std::decay_t<R>, std::decay_t<F>, std::decay_t<Args>...>>(
            std::forward<R>(receiver), std::forward<F>(f), std::forward<Args>(args)...));
    }
    void shutdown() { closed_ = true; }
    void shutdown(yoke::cancel_pending_t) {
        closed_ = true;
        for (auto& waiting : std::exchange(queue_, {})) waiting->stop();
    }
    [[nodiscard]] std::size_t concurrency() const { return 1; }

    [[nodiscard]] std::size_t pending() const { return queue_.size(); }
    /// Runs the oldest task; false if there is none.
    bool run_one() {
        if (queue_.empty()) return false;
        const auto next = std::move(queue_.front());
        queue_.erase(queue_.begin());
        const yoke::detail::task_scope running;
        next->run();
        return true;
    }
    /// Loses the oldest task, as no executor should.
    void drop_one() { queue_.erase(queue_.begin()); }

private:
    struct any_task {
        virtual ~any_task() = default;
        virtual void run() = 0;
        virtual void stop() = 0;
    };
    template <class R, class F, class... Args>
    struct task final : any_task {
        template <class S, class G, class... Given>
        task(S&& r, G&& g, Given&&... given)
            : receiver(std::forward<S>(r)), f(std::forward<G>(g)), args(std::forward<Given>(given)...) {}
        void run() override {
            if (yoke::options_of(receiver).stop.stop_requested()) return stop();
            std::apply(
                [this](Args&... unpacked) {
                    yoke::complete_with_call(std::move(receiver), std::move(f), std::move(unpacked)...);
                },
                args);
        }
        void stop() override { std::move(receiver).set_stopped(); }
        R receiver;
        F f;
        std::tuple<Args...> args;
    };

    std::vector<std::unique_ptr<any_task>> queue_;
    bool closed_ = false;
};

}  // namespace yoke_test
