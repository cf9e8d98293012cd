// SPDX-License-Identifier: MIT
#pragma once

/// The heart of a running pipeline (pipeline.hpp): what all its threads share, whatever the items and executors are.
///
/// *One mutex* guards the order list, the queues in front of the stages and all counters. It is held for moving nodes
/// about and never while anything of the user's runs - functions, moves, destructors, `execute`.
///
/// **No lost work.** Whoever changes, under the mutex, what could begin calls `launch_all` before it lets go for
/// good, and `launch_all` looks at everything that could be launched.
///
/// **No lost wake.** `release` wakes a sleeping driver if `driver_has_work()`, the same question the driver asked
/// under the mutex before it went to sleep; likewise a sleeping source thread if `source_has_work()`. A driver that
/// waits in the source for an item is asked back (`nudge`) if there is something that will not wait:
/// `driver_is_wanted()`.
///
/// **Tasks that only some threads may run.** Who works at items of the run does that for the driver: it is *lent
/// work* (blocked_wait.hpp), from which the stack goes on at the driver's, who drives until nobody is inside any
/// more. If such a thread waits for a task that the driver may have to run it tells it (`blocked_`), and the driver
/// looks before it sleeps.
///
/// **The source's thread.** A source that may block is called on a thread of its own (`separate_source`), which is
/// counted in `inside` until it leaves. `source_over` tells it, and whatever it calls, that no further item is
/// wanted. If it may be left behind (`leaves_source`) a run that ends early takes its place in the order away, stops
/// counting it and lets it go: `source_left`. From then on it touches nothing but the core.
///
/// **Lifetime.** The core is shared by the driver and by all runners and calls; everything else - stages, functions,
/// items - belongs to the driver and is touched only by threads that are counted in `inside`, for which the driver
/// waits.

#include <yoke/algorithm/pipeline/launcher.hpp>
#include <yoke/algorithm/pipeline/options.hpp>
#include <yoke/algorithm/pipeline/order_list.hpp>
#include <yoke/detail/future/blocked_wait.hpp>
#include <yoke/detail/future/error_aside.hpp>
#include <yoke/detail/future/state.hpp>
#include <yoke/detail/future/task_scope.hpp>
#include <yoke/detail/os/fork_detector.hpp>
#include <yoke/detail/sync/parking.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

namespace yoke::detail {

using pipeline_clock = std::chrono::steady_clock;
using pipeline_lock = std::unique_lock<std::mutex>;

/// A place where neighbours in the order wait until they are enough for a batch. All nodes before `frontier` have
/// arrived here or passed.
class batch_core : public launcher {
public:
    /// The first node that has not arrived; null if there is none now.
    order_node* frontier = nullptr;

protected:
    ~batch_core() = default;
};

/// What a run consists of. All members are guarded by `mutex`, but those that never change.
class pipeline_core final : public std::enable_shared_from_this<pipeline_core>, private lent_work {
public:
    pipeline_core(bool keeps_order, bool sets_aside, bool inside_task)
        : keeps_order_(keeps_order), sets_aside_(sets_aside), helps_(inside_task) {}
    pipeline_core(const pipeline_core&) = delete;
    pipeline_core& operator=(const pipeline_core&) = delete;

    /// The failure that ended the run.
    struct failure {
        std::size_t stage = 0;
        std::string label{};
        std::uint64_t item = 0;
        std::exception_ptr error{};
    };
    struct buried_error {
        std::exception_ptr error;
        bool received;
        std::uint32_t pool;
    };

    const process_stamp process;
    std::mutex mutex;
    std::size_t bound = 0;
    std::size_t inside = 0;              // runners and calls that may touch what the driver owns
    bool source_ended = false;           // no further item will come
    bool separate_source = false;        // the source is called on a thread of its own
    bool leaves_source = false;          // a call of the source that blocks is not waited for
    bool source_left = false;            // and one was left behind
    order_node* source_place = nullptr;  // of the item that the source's thread is asking for
    bool ending = false;                 // failed or stopped: nothing begins any more
    bool closed = false;                 // the driver has left
    node_chain spare;                    // empty nodes
    std::size_t most_items = 0;
    std::uint64_t errors = 0;
    failure first_failure;
    std::vector<failed_item> failed;                 // that were set aside
    std::vector<buried_error> buried;                // for the driver to destroy
    std::stop_source abandoned{std::nostopstate};    // tells calls on other executors that the run is ending
    std::stop_source source_over{std::nostopstate};  // tells the source that no further item is wanted

    /// The calling thread, which is counted `inside` and is not the driver, works for the run while the object lives.
    class work_scope {
    public:
        explicit work_scope(pipeline_core& core) noexcept : scope_(&core, static_cast<lent_work&>(core)) {}

    private:
        const task_scope scope_;
    };
    /// A call was launched that the driver must not do: so if it sleeps, those look who wait for it. (If it does not,
    /// it tells them when it does. It makes its note first, and they look under the mutex: either they come after the
    /// launch and see that, or they came before, and then the note, which is older, is seen here.)
    void tell_driver_waits() const noexcept {
        if (helps_ && all_blocked.any()) tell_waiters<future_core>(driver_stack_);
    }
    [[nodiscard]] bool is_driver() const noexcept { return std::this_thread::get_id() == driver_; }

    // Setting up

    /// Makes something that lives as long as the core. The pointer owns the core.
    template <class T, class... Args>
    [[nodiscard]] std::shared_ptr<T> keep(Args&&... args) {
        auto made = std::make_shared<std::remove_const_t<T>>(std::forward<Args>(args)...);
        kept_.push_back(made);
        return {shared_from_this(), made.get()};
    }
    void add(launcher& one) {
        launchers_.push_back(&one);
        if (helps_ && one.refuses_driver() && !outside_help_)
            outside_help_ = state_ref<future_core>(new outside_help(weak_from_this()));
    }
    void add(batch_core& batch) {
        launchers_.push_back(&batch);
        batches_.push_back(&batch);
    }

    // Items

    /// Makes the place of the next item, behind all others.
    void append(order_node& node) noexcept {
        order_.push_back(node);
        for (batch_core* batch : batches_)
            if (batch->frontier == nullptr) batch->frontier = &node;
        ++items_;
    }
    /// The item that was appended last is one: it did not turn out to be the end of the source.
    void count() noexcept { most_items = std::max(most_items, items_); }
    /// `children`, of which there are `number`, take the place of `node`, which holds no item any more.
    void replace(order_node& node, const node_chain& children, std::size_t number) noexcept {
        if (!children.empty()) {
            order_.insert_before(node, children);
            for (batch_core* batch : batches_)
                if (batch->frontier == &node) batch->frontier = children.first();
            items_ += number;
        }
        remove(node);
        count();
    }
    /// `node` holds no item any more and leaves no gap.
    void remove(order_node& node) noexcept {
        detach(node);
        spare.push(node);
    }
    /// `node` leaves the order, without a gap; the caller has it now.
    void detach(order_node& node) noexcept {
        for (batch_core* batch : batches_)
            if (batch->frontier == &node) batch->frontier = node.after;
        order_.erase(node);
        --items_;
    }
    /// The item waits at `place` for others.
    void park(order_node& node, const void* place) noexcept {
        node.place = place;
        ++parked_;
    }
    /// It goes on.
    void unpark(order_node& node) noexcept {
        node.place = nullptr;
        --parked_;
    }

    // The way out

    /// The items have come through to the sink.
    void arrive(node_chain items) noexcept {
        for (order_node* node = items.first(); node != nullptr; node = node->link) node->place = this;
        if (!keeps_order_) arrived_.append(std::move(items));
    }
    [[nodiscard]] bool output_ready() const noexcept {
        return keeps_order_ ? !order_.empty() && order_.front()->place == this : !arrived_.empty();
    }
    /// Takes what the sink can have now. The nodes count as items until they are given back.
    [[nodiscard]] node_chain take_output() noexcept {
        node_chain output;
        if (keeps_order_) {
            while (output_ready()) {
                order_node& node = *order_.front();
                order_.erase(node);
                output.push(node);
            }
        } else {
            output = std::move(arrived_);
            for (order_node* node = output.first(); node != nullptr; node = node->link) order_.erase(*node);
        }
        return output;
    }
    void give_back(node_chain nodes, std::size_t count) noexcept {
        for (order_node* node = nodes.first(); node != nullptr; node = node->link) node->place = nullptr;
        spare.append(std::move(nodes));
        items_ -= count;
    }
    /// Destroys all items that are still on their way, when nobody is inside any more.
    template <class Node>
    void discard() noexcept {
        while (order_node* const node = order_.front()) {
            order_.erase(*node);
            delete static_cast<Node*>(node);
        }
        while (order_node* const node = spare.pop()) delete static_cast<Node*>(node);
    }

    // Errors

    /// `node`, which holds no item any more, failed; null: not an item but the source or the sink did.
    void fail(order_node* node, std::size_t stage, const std::string& label, std::uint64_t item,
              std::exception_ptr error) noexcept {
        ++errors;
        try {
            if (sets_aside_ && node != nullptr) {
                failed.push_back({stage, item, error});
                return remove(*node);
            }
        } catch (...) {  // NOLINT(bugprone-empty-catch)
            // No memory to set it aside: then it ends the run.
        }
        remember(stage, label, item, std::move(error));
        ending = true;
    }
    /// The source failed. What it gave before goes through; then the run throws.
    void fail_source(const std::string& label, std::uint64_t item, std::exception_ptr error) noexcept {
        ++errors;
        remember(0, label, item, std::move(error));
    }
    /// Leaves it to the driver to destroy an exception: not under the mutex, and not on a thread that throws it on. If
    /// nobody will receive it the driver drops it, as one of the pool with the number `pool`.
    void bury(std::exception_ptr error, bool received = true, std::uint32_t pool = 0) noexcept {
        try {
            buried.push_back({std::move(error), received, pool});
        } catch (...) {  // no memory: then here
        }
    }
    /// Destroys them, without the mutex.
    void destroy_buried() noexcept {
        for (buried_error& each : buried) {
            if (!each.received)
                report_dropped_error(std::move(each.error), "a pipeline that was ending already", each.pool);
        }
        buried.clear();
    }

    // Threads

    /// Sets going all that can go.
    void launch_all(pipeline_lock& lock) noexcept {
        for (bool again = true; again;) {
            again = false;
            for (launcher* one : launchers_) {
                while (!ending && one->wanted()) {
                    launch(*one, lock);
                    again = true;
                }
            }
        }
    }
    /// Gives up the mutex. A thread that is not counted `inside` touches nothing but the core afterwards.
    void release(pipeline_lock& lock) noexcept {
        const bool wake = asleep_ && (driver_has_work() || look_at_ < asleep_until_);
        if (wake) {
            asleep_ = false;
            wakes_.fetch_add(1, std::memory_order_release);
        }
        const bool wake_source = source_asleep_ && source_has_work();
        if (wake_source) {
            source_asleep_ = false;
            source_wakes_.fetch_add(1, std::memory_order_release);
        }
        std::stop_source nudge(std::nostopstate);
        if (nudge_.stop_possible() && driver_is_wanted()) nudge.swap(nudge_);
        const bool abandon = ending && !std::exchange(told_, ending);
        lock.unlock();
        if (wake) unpark_one(wakes_);
        if (wake_source) unpark_one(source_wakes_);
        if (nudge.stop_possible()) nudge.request_stop();
        if (!abandon) return;
        abandoned.request_stop();
        source_over.request_stop();
    }

    // The driver

    [[nodiscard]] bool may_pull() const noexcept {
        return !source_ended && (items_ < bound || items_ == parked_);
    }
    /// Everything the source gave has left the pipeline, and so has everybody else.
    [[nodiscard]] bool finished() const noexcept { return source_ended && items_ == 0 && inside == 0; }
    /// Lets the driver look again even if nothing seems to have changed.
    void poke() noexcept { poked_ = true; }
    /// The driver looks.
    void unpoke() noexcept { poked_ = false; }
    /// The driver is going to wait in the source, until a stop of `nudge` is requested (nostopstate: it is back).
    void expect_nudge(std::stop_source nudge) noexcept { nudge_ = std::move(nudge); }
    /// Waits until the source's thread can ask for an item, or has to leave.
    void wait_to_pull(pipeline_lock& lock) noexcept {
        while (!source_has_work()) {
            source_asleep_ = true;
            const std::uint32_t seen = source_wakes_.load(std::memory_order_relaxed);
            release(lock);  // the driver may have something to do by now
            while (source_wakes_.load(std::memory_order_acquire) == seen) detail::park(source_wakes_, seen);
            lock.lock();
            source_asleep_ = false;
        }
    }
    /// Lets a call of the source go that may be left behind, if there is one.
    void leave_source() noexcept {
        if (!leaves_source || source_place == nullptr) return;
        remove(*std::exchange(source_place, nullptr));
        source_left = true;
        --inside;
    }
    /// Says whether the driver is in our own code, and not in a source or sink that may keep it for any time.
    void set_at_hand(bool yes) noexcept { at_hand_ = yes; }
    /// Has the driver call `launch_all` at that time. False: it cannot, or the time has come.
    [[nodiscard]] bool look_again_at(pipeline_clock::time_point when) noexcept {
        if (!at_hand_ || pipeline_clock::now() >= when) return false;
        look_at_ = std::min(look_at_, when);
        return true;
    }
    /// Launches what was put off, if its time has come or the driver will not be there for it.
    void launch_held(pipeline_lock& lock) noexcept {
        if (look_at_ == never || (at_hand_ && pipeline_clock::now() < look_at_)) return;
        look_at_ = never;
        launch_all(lock);
    }
    /// Waits until there is something for the driver to do; inside a task, does a call that no runner has begun.
    void wait_for_work(pipeline_lock& lock) noexcept {
        while (!driver_has_work()) {
            asleep_ = true;
            asleep_until_ = look_at_;
            const std::uint32_t seen = wakes_.load(std::memory_order_relaxed);
            release(lock);  // the source's thread may have, as items were given back
            if (outside_help_) {
                const blocked_wait<future_core> noted(*outside_help_);
                sleep(seen);
            } else {
                sleep(seen);
            }
            lock.lock();
            asleep_ = false;
            launch_held(lock);
        }
        poked_ = false;
        if (std::exchange(blocked_, false)) {
            set_at_hand(false);
            launch_held(lock);
            release(lock);
            help_with_lent<future_core>(this);
            lock.lock();
            set_at_hand(true);
        }
        if (!helps_ || ending) return;
        set_at_hand(false);
        launch_held(lock);
        std::any_of(launchers_.begin(), launchers_.end(), [&](launcher* one) { return one->help(lock); });
        set_at_hand(true);
    }

private:
    static constexpr auto never = pipeline_clock::time_point::max();

    /// What a driver waits for that sleeps and must not do some of the calls that are to be done: never done, but who
    /// helps with it does those.
    class outside_help final : public future_core {
    public:
        explicit outside_help(std::weak_ptr<pipeline_core> core) noexcept
            : future_core(1), core_(std::move(core)) {}

    private:
        state_ref<future_core> help_here(std::size_t&) noexcept override {
            if (const auto core = core_.lock(); core && core->help_from_outside()) help_refused = true;
            return {};
        }

        const std::weak_ptr<pipeline_core> core_;
    };
    /// Does all calls that this thread may do and no runner has begun. True if there are others.
    [[nodiscard]] bool help_from_outside() noexcept {
        bool refused = false;
        pipeline_lock lock(mutex);
        if (closed) return false;
        ++inside;
        {
            const work_scope scope(*this);
            while (!ending && std::any_of(launchers_.begin(), launchers_.end(), [&](launcher* one) {
                return one->help_from_outside(lock, refused);
            })) {}
        }
        --inside;
        release(lock);
        return refused;
    }

    /// The first error is the one that the run throws.
    void remember(std::size_t stage, const std::string& label, std::uint64_t item,
                  std::exception_ptr error) noexcept {
        const bool first = !ending && !first_failure.error;
        if (first) {
            first_failure.error = error;
            first_failure.stage = stage;
            first_failure.item = item;
            try {
                first_failure.label = label;
            } catch (...) {  // NOLINT(bugprone-empty-catch)
                // No memory for the name: its number tells the stage, too.
            }
        }
        bury(std::move(error), first, first ? 0 : pool_of_this_task());
    }
    [[nodiscard]] bool source_has_work() const noexcept { return ending || source_ended || may_pull(); }
    /// Something that the driver must do will not wait for the source.
    [[nodiscard]] bool driver_is_wanted() const noexcept {
        return ending || poked_ || blocked_ || output_ready();
    }
    // lent_work
    [[nodiscard]] const task_scope* waiter() const noexcept override { return driver_stack_; }
    void wake_waiter() noexcept override {
        if (!helps_) return;
        pipeline_lock lock(mutex);
        blocked_ = true;
        release(lock);
    }
    [[nodiscard]] bool nests() const noexcept override { return false; }

    void launch(launcher& one, pipeline_lock& lock) noexcept {
        if (!is_driver()) return one.launch(lock);
        // The executor may run the work at once, in the caller.
        const bool was_at_hand = std::exchange(at_hand_, false);
        one.launch(lock);
        at_hand_ = was_at_hand;
    }
    /// Until `wakes_` is not `seen`, or the time `asleep_until_` has come.
    void sleep(std::uint32_t seen) noexcept {
        const auto until = asleep_until_;  // written by the driver only
        while (wakes_.load(std::memory_order_acquire) == seen) {
            if (until == never) {
                detail::park(wakes_, seen);
            } else {
                if (pipeline_clock::now() >= until) return;
                park_until(wakes_, seen, until);
            }
        }
    }
    [[nodiscard]] bool driver_has_work() const noexcept {
        if (blocked_) return true;
        if (ending) return inside == (leaves_source && source_place != nullptr ? 1 : 0);
        if (poked_ || output_ready() || (may_pull() && !separate_source)) return true;
        if (finished()) return true;
        return helps_ && std::any_of(launchers_.begin(), launchers_.end(),
                                     [](const launcher* one) { return one->can_be_helped(); });
    }

    const bool keeps_order_;
    const bool sets_aside_;
    const bool helps_;
    const std::thread::id driver_ = std::this_thread::get_id();
    const task_scope* const driver_stack_ = innermost_task;
    order_list order_;
    node_chain arrived_;  // at the sink, if that takes them in any order
    std::size_t items_ = 0;
    std::size_t parked_ = 0;
    std::vector<batch_core*> batches_;
    std::vector<launcher*> launchers_;
    state_ref<future_core> outside_help_;  // if the driver is in a task and must not do some of the calls
    std::vector<std::shared_ptr<void>> kept_;
    bool at_hand_ = true;
    pipeline_clock::time_point look_at_ = never;       // what was put off
    pipeline_clock::time_point asleep_until_ = never;  // while the driver sleeps
    bool asleep_ = false;
    bool poked_ = false;
    bool blocked_ = false;  // somebody inside waits for a task that the driver may have to run
    bool told_ = false;
    parking_word wakes_{0};
    std::stop_source nudge_{std::nostopstate};  // ends the driver's wait in the source
    bool source_asleep_ = false;
    parking_word source_wakes_{0};
};

}  // namespace yoke::detail
