// SPDX-License-Identifier: MIT
#pragma once

/// What a thread pool (executor/thread_pool.hpp) is made with.
///
///     yoke::thread_pool pool({.threads = 4, .name = "import", .processors = yoke::available_processors()});

#include <yoke/detail/base/config.hpp>
#include <yoke/detail/os/cpu_count.hpp>
#include <yoke/detail/os/thread_traits.hpp>
#include <yoke/executor/thread/eventcount.hpp>
#include <yoke/executor/thread/semaphore.hpp>
#include <yoke/executor/thread/setup.hpp>
#include <yoke/observe/pool_observer.hpp>
#include <yoke/time_span.hpp>

#include <chrono>
#include <cstddef>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace yoke {

/// What a thread pool is made with.
struct thread_pool_options {
    /// `max_pending` of a pool without a bound.
    static constexpr std::size_t unbounded = detail::places::unlimited;

    /// Number of threads; 0 means as many as the process may use: processors, but no more than its CPU quota.
    std::size_t threads = 0;
    /// How many accepted tasks may wait to begin; at least 1.
    std::size_t max_pending = unbounded;
    /// Names the threads "name-0", "name-1", ... for debuggers and `top`.
    std::string name = "yoke";
    /// The processors to keep the threads on: worker i runs on processors[i % size] only. Empty: wherever the system
    /// puts them. `available_processors()` names all there are. Linux only.
    std::vector<unsigned> processors{};
    /// How long the destructor lets accepted tasks begin. What has not begun by then completes as stopped; it
    /// still waits for what runs, since threads cannot be stopped from outside. 0 and less cancel at once; the
    /// default is for ever.
    time_span drain_time = std::chrono::nanoseconds::max();
    /// Is told what the threads do; not owned. See observe/pool_observer.hpp.
    pool_observer* observer = nullptr;
};

/// The numbers of the processors that the calling thread may run on, for `thread_pool_options::processors`. Empty if the
/// system does not tell.
[[nodiscard]] inline std::vector<unsigned> available_processors() { return detail::allowed_processors(); }

namespace detail {

/// Throws std::invalid_argument if nobody could count so many threads.
void check_pool_size(const char* what, std::size_t threads);

/// The observer of a pool, and what the user wants done on each new thread.
template <class Init>
class pool_hooks final : public worker_hooks {
public:
    pool_hooks(const thread_pool_options& options, const Init& init)
        : observer_(options.observer), name_(options.name), init_(init) {}

    void begin(std::size_t self) override {
        Init init(init_);
        init(self);
        if (observer_ == nullptr) return;
        this_watched_worker = {observer_, self};
        observer_->worker_started(name_, self);
    }
    void end(std::size_t self) noexcept override {
        if (observer_ == nullptr) return;
        observer_->worker_ended(name_, self);
        this_watched_worker = {};
    }
    void task_begin(std::size_t self) noexcept override { observer_->task_begin(self); }
    void task_end(std::size_t self) noexcept override { observer_->task_end(self); }
    void sleep_begin(std::size_t self) noexcept override { observer_->sleep_begin(self); }
    void sleep_end(std::size_t self) noexcept override { observer_->sleep_end(self); }

private:
    pool_observer* const observer_;
    const std::string name_;
    const Init init_;
};

/// Checks the options and puts them as the core wants them. Throws std::invalid_argument.
pool_setup to_setup(const thread_pool_options& options);
/// The same, with an initialization for each thread.
template <class Init>
pool_setup to_setup(const thread_pool_options& options, const Init& init) {
    pool_setup setup = to_setup(options);
    setup.hooks = std::make_unique<pool_hooks<Init>>(options, init);
    setup.initialized = true;
    return setup;
}

}  // namespace detail

}  // namespace yoke

#if YOKE_IS_HEADER_ONLY
#include <yoke/executor/thread_pool_options.ipp>
#endif
