// SPDX-License-Identifier: MIT
#pragma once

/// Stages in a running pipeline (pipeline.hpp), and how those on an executor of this address space get its threads.
///
/// Such stages do not submit items. They form a **crew** per executor: the crew asks the executor for as many *runners* as
/// there are items that may begin, and a runner, once begun, takes one item after the other from any of the
/// crew's stages, the last stage first. So an item waits in its stage's queue until the moment a worker is there for it:
/// what begins next is decided then and not earlier, nothing has to be taken back on an error, and a driver that is itself
/// a task helps by doing what a runner would do. A runner that comes late finds nothing and leaves, even after the
/// run is over.
///
/// A runner decides to leave under the mutex, so either it sees an item or whoever queues the item sees that the
/// runner is gone, and asks for another.

#include <yoke/algorithm/pipeline/launcher.hpp>
#include <yoke/algorithm/pipeline/order_list.hpp>
#include <yoke/algorithm/pipeline/run.hpp>
#include <yoke/concept/executor.hpp>
#include <yoke/detail/future/helping.hpp>
#include <yoke/error.hpp>
#include <yoke/observe/pipeline_statistics.hpp>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace yoke::detail {

/// One stage of a running pipeline, whatever its items are. Guarded by the core's mutex.
class stage_core {
public:
    /// `before` is the stage before this one, if there is one.
    stage_core(pipeline_core& core, stage_statistics description, pipeline_clock::time_point start,
               const stage_core* before)
        : core_(core),
          before_(before),
          seen_(std::move(description)),
          label_(seen_.label()),
          changed_(start) {}
    stage_core(const stage_core&) = delete;
    stage_core& operator=(const stage_core&) = delete;

    /// There is an item and a call may begin.
    [[nodiscard]] bool may_begin() const noexcept {
        return waiting_ != 0 && running_ < seen_.limit && !held();
    }
    /// How many calls may begin.
    [[nodiscard]] std::size_t may_begin_count() const noexcept {
        return may_begin() ? std::min(waiting_, seen_.limit - running_) : 0;
    }
    [[nodiscard]] bool has_waiting() const noexcept { return waiting_ != 0; }
    [[nodiscard]] std::size_t number() const noexcept { return seen_.number; }
    [[nodiscard]] std::size_t limit() const noexcept { return seen_.limit; }
    [[nodiscard]] const std::string& label() const noexcept { return label_; }

    /// Takes the item that comes first and counts its call as running.
    order_node& begin(pipeline_clock::time_point now) noexcept {
        settle(now);
        ++running_;
        return take();
    }
    /// Takes the item that comes first.
    order_node& take() noexcept {
        --waiting_;
        return *take_first();
    }
    /// The numbers of the run so far.
    [[nodiscard]] stage_statistics statistics(pipeline_clock::time_point now) {
        settle(now);
        const auto seconds = [](pipeline_clock::duration time) {
            return std::chrono::duration<double>(time).count();
        };
        stage_statistics result = seen_;
        result.busy = seconds(busy_);
        result.full = seconds(full_);
        result.starved = seconds(starved_);
        result.held_up = seconds(held_up_);
        return result;
    }

protected:
    ~stage_core() = default;

    virtual order_node* take_first() noexcept = 0;
    /// Would a later item be preferred to all that wait, going by what there has been?
    [[nodiscard]] virtual bool hopes_for_better() const noexcept { return false; }

    /// Gives the next item to arrive its number.
    [[nodiscard]] std::uint64_t next_number() noexcept { return seen_.items_in++; }
    /// `count` items were put in line.
    void arrived(std::size_t count, pipeline_clock::time_point now) noexcept {
        settle(now);
        waiting_ += count;
        seen_.longest_queue = std::max(seen_.longest_queue, waiting_);
    }
    enum class outcome { result, error, none };

    /// A call that `begin` counted is over.
    void ended(outcome how, pipeline_clock::time_point begun, pipeline_clock::time_point now) noexcept {
        settle(now);
        --running_;
        busy_ += now - begun;
        if (how == outcome::result) ++seen_.items_out;
        if (how == outcome::error) ++seen_.errors;
        const auto mean = busy_ / static_cast<pipeline_clock::rep>(++calls_);
        if (mean >= long_call && waiting_ != 0 && hopes_for_better()) held_until_ = now + mean / patience;
    }
    void count_error() noexcept { ++seen_.errors; }

    pipeline_core& core_;

private:
    // An item that arrives a hair after a call has ended can be too late for the choice of the next one, and with long calls
    // that costs a long time: a short item begins, and the long one after it. So a stage that begins with the longest
    // waits after each long call for this part of the mean call, if something longer may still come.
    static constexpr std::chrono::milliseconds long_call{10};
    static constexpr int patience = 256;

    [[nodiscard]] bool held() const noexcept {
        if (held_until_ == pipeline_clock::time_point()) return false;
        if (may_receive() && hopes_for_better() && core_.look_again_at(held_until_)) return true;
        held_until_ = pipeline_clock::time_point();
        return false;
    }
    /// Something may come from before.
    [[nodiscard]] bool may_receive() const noexcept {
        if (!core_.source_ended) return true;
        for (const stage_core* stage = before_; stage != nullptr; stage = stage->before_)
            if (stage->waiting_ + stage->running_ != 0) return true;
        return false;
    }

    /// Books the time since the last change. Threads read the clock before they take the mutex, so it may seem to run
    /// backwards by a little.
    void settle(pipeline_clock::time_point now) noexcept {
        if (now <= changed_) return;
        (running_ >= seen_.limit ? full_ : waiting_ == 0 ? starved_ : held_up_) += now - changed_;
        changed_ = now;
    }

    const stage_core* const before_;
    stage_statistics seen_;
    const std::string label_;
    std::size_t waiting_ = 0;
    std::size_t running_ = 0;
    std::uint64_t calls_ = 0;
    mutable pipeline_clock::time_point held_until_{};  // the epoch: not held
    pipeline_clock::time_point changed_;
    pipeline_clock::duration busy_{0};
    pipeline_clock::duration full_{0};
    pipeline_clock::duration starved_{0};
    pipeline_clock::duration held_up_{0};
};

/// A stage on an executor of this address space.
class crew_stage : public stage_core {
public:
    using stage_core::stage_core;

    /// Calls the stage's function with an item that `begin` gave. Called without the mutex, returns with it; `now`
    /// becomes the time at which the function returned.
    virtual void call(order_node& node, pipeline_lock& lock, pipeline_clock::time_point& now) noexcept = 0;

protected:
    ~crew_stage() = default;
};

/// All stages of a run on one executor of this address space.
class crew final : public launcher {
public:
    using request_function = void (*)(crew&);

    /// Made on the driver's thread.
    crew(pipeline_core& core, void* executor, request_function request, std::size_t concurrency, int priority,
         task_home home)
        : core_(core),
          executor_(executor),
          request_(request),
          concurrency_(concurrency),
          home_(home),
          admits_driver_(home.admits_this_thread()) {
        options_.priority = priority;
    }

    [[nodiscard]] bool is(const void* executor, request_function request, int priority) const noexcept {
        return executor_ == executor && request_ == request && options_.priority == priority;
    }
    /// Stages are added from the end of the pipeline to its beginning.
    void add(crew_stage& stage) {
        stages_.push_back(&stage);
        most_ = std::min(concurrency_, most_ + std::min(concurrency_, stage.limit()));
    }
    [[nodiscard]] void* executor() const noexcept { return executor_; }
    [[nodiscard]] const task_options& options() const noexcept { return options_; }
    [[nodiscard]] pipeline_core& core() const noexcept { return core_; }

    bool wanted() noexcept override;
    void launch(pipeline_lock& lock) noexcept override;

    /// What a runner does.
    void run() noexcept;
    /// A runner that was asked for will not come.
    void refused(std::exception_ptr error, pipeline_lock& lock) noexcept;
    /// Does one call that a runner was asked for but did not begin yet. False: there is none.
    bool help(pipeline_lock& lock) noexcept override;
    [[nodiscard]] bool can_be_helped() const noexcept override { return admits_driver_ && is_asked(); }
    [[nodiscard]] bool refuses_driver() const noexcept override { return !admits_driver_; }
    bool help_from_outside(pipeline_lock& lock, bool& refused) noexcept override;

private:
    /// After this long a runner makes room for other work of its executor.
    static constexpr std::chrono::milliseconds slice{1};

    /// Takes one item after the other, as long as it may.
    void work(pipeline_lock& lock, pipeline_clock::time_point now) noexcept;
    [[nodiscard]] crew_stage* first_ready() const noexcept;
    /// There is a call that a runner was asked for but did not begin yet.
    [[nodiscard]] bool is_asked() const noexcept { return asked_ != 0 && first_ready() != nullptr; }
    void call_one(crew_stage& stage, pipeline_lock& lock, pipeline_clock::time_point& now) noexcept;

    pipeline_core& core_;
    void* const executor_;
    const request_function request_;
    const std::size_t concurrency_;
    const task_home home_;
    const bool admits_driver_;
    task_options options_;
    std::vector<crew_stage*> stages_;  // the last of the pipeline first
    std::size_t most_ = 0;             // runners at once
    std::size_t asked_ = 0;            // runners that have not begun
    std::size_t at_work_ = 0;          // runners that have
    bool held_back_ = false;           // one was refused: no further ones until the others are gone
};

/// Completes with a runner; if the runner never came, tells the crew.
class runner_receiver {
public:
    explicit runner_receiver(std::shared_ptr<crew> who) noexcept : crew_(std::move(who)) {}
    runner_receiver(runner_receiver&&) noexcept = default;
    runner_receiver& operator=(runner_receiver&&) = delete;
    ~runner_receiver() {
        if (crew_ != nullptr) refuse_with<broken_promise>();
    }

    /// For an executor that did not accept the runner: false if it took this receiver nevertheless.
    [[nodiscard]] bool dismiss() noexcept { return std::exchange(crew_, nullptr) != nullptr; }

    void set_value() noexcept { crew_.reset(); }
    void set_error(std::exception_ptr error) noexcept { refuse(std::move(error)); }
    void set_stopped() noexcept { refuse_with<cancelled>(); }
    [[nodiscard]] const task_options& options() const noexcept { return crew_->options(); }

private:
    template <class Error>
    void refuse_with() noexcept {
        auto error =
            std::make_exception_ptr(Error());  // the original is gone before anybody else has the copy
        refuse(std::move(error));
    }
    void refuse(std::exception_ptr error) noexcept;

    std::shared_ptr<crew> crew_;
};

/// A runner, as the executor sees it. Its receiver keeps the crew alive.
struct runner_call {
    crew* who;
    void operator()() const noexcept { who->run(); }
};

template <class E>
void request_runner(crew& who) {
    runner_receiver receiver(std::shared_ptr<crew>(who.core().shared_from_this(), &who));
    try {
        static_cast<E*>(who.executor())->execute(std::move(receiver), runner_call{&who});
    } catch (...) {
        if (receiver.dismiss()) throw;  // else the receiver has told the crew
    }
}

/// Puts `stage` into the crew of its executor, which it makes if it is not among `crews`.
template <local_executor E>
void join_crew(pipeline_core& core, std::vector<crew*>& crews, E& executor, int priority, crew_stage& stage) {
    const auto request = &request_runner<E>;
    for (crew* known : crews)
        if (known->is(&executor, request, priority)) return known->add(stage);
    crews.push_back(
        core.keep<crew>(core, &executor, request, executor.concurrency(), priority, home_of(executor)).get());
    core.add(*crews.back());
    crews.back()->add(stage);
}

inline crew_stage* crew::first_ready() const noexcept {
    for (crew_stage* stage : stages_)
        if (stage->may_begin()) return stage;
    return nullptr;
}

inline bool crew::wanted() noexcept {
    if (asked_ + at_work_ >= most_) return false;
    if (held_back_ && asked_ + at_work_ != 0) return false;
    std::size_t ready = 0;
    for (const stage_core* stage : stages_) ready += stage->may_begin_count();
    return ready > asked_ && !launch_frame::holds(*this);
}

inline void crew::launch(pipeline_lock& lock) noexcept {
    ++asked_;
    held_back_ = false;
    lock.unlock();
    std::exception_ptr error;
    try {
        const launch_frame frame(*this);
        request_(*this);
    } catch (...) {
        error = std::current_exception();
    }
    if (!admits_driver_) core_.tell_driver_waits();
    lock.lock();
    if (error) refused(std::move(error), lock);
}

inline void crew::run() noexcept {
    pipeline_clock::time_point now = pipeline_clock::now();
    pipeline_lock lock(core_.mutex);
    --asked_;
    if (core_.closed) return;
    ++core_.inside;
    ++at_work_;
    if (core_.is_driver()) {
        work(lock, now);
    } else {
        const pipeline_core::work_scope scope(core_);
        work(lock, now);
    }
    --core_.inside;
    core_.release(lock);
}

inline void crew::work(pipeline_lock& lock, pipeline_clock::time_point now) noexcept {
    const auto until = now + slice;
    while (!core_.ending && now < until) {
        crew_stage* const stage = first_ready();
        if (stage == nullptr) break;
        call_one(*stage, lock, now);
    }
    --at_work_;
    core_.launch_all(lock);
}

inline void crew::call_one(crew_stage& stage, pipeline_lock& lock, pipeline_clock::time_point& now) noexcept {
    order_node& node = stage.begin(now);
    core_.launch_all(lock);
    core_.release(lock);
    stage.call(node, lock, now);
}

inline bool crew::help(pipeline_lock& lock) noexcept {
    if (!can_be_helped()) return false;
    auto now = pipeline_clock::now();
    call_one(*first_ready(), lock, now);
    core_.launch_all(lock);
    return true;
}

inline bool crew::help_from_outside(pipeline_lock& lock, bool& refused) noexcept {
    if (!is_asked()) return false;
    if (!home_.admits_this_thread()) {
        refused = true;
        return false;
    }
    auto now = pipeline_clock::now();
    call_one(*first_ready(), lock, now);
    core_.launch_all(lock);
    return true;
}

inline void crew::refused(std::exception_ptr error, pipeline_lock& lock) noexcept {
    --asked_;
    held_back_ = asked_ + at_work_ != 0;
    if (held_back_) return;  // then others will come, or are here
    for (crew_stage* stage : stages_) {
        while (!core_.ending && stage->has_waiting()) {
            order_node& node = stage->take();
            const std::uint64_t number = node.number;
            lock.unlock();
            node.destroy(node);
            node.destroy = nullptr;
            lock.lock();
            core_.fail(&node, stage->number(), stage->label(), number, error);
        }
    }
    core_.bury(std::move(error));
}

inline void runner_receiver::refuse(std::exception_ptr error) noexcept {
    const std::shared_ptr<crew> who = std::move(crew_);
    pipeline_core& core = who->core();
    pipeline_lock lock(core.mutex);
    if (core.closed) return;
    ++core.inside;
    who->refused(std::move(error), lock);
    core.launch_all(lock);
    --core.inside;
    core.release(lock);
}

}  // namespace yoke::detail
