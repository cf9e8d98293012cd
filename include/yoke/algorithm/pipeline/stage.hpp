// SPDX-License-Identifier: MIT
#pragma once

/// The stages of a pipeline (pipeline.hpp): what they are before the run, and what becomes of them in it.
///
/// A running pipeline is a `chain`: each part holds the next one, down to the outlet in front of the sink. All parts
/// have one function,
///
///     accept(items, lock, now)
///
/// which takes items that have come this far, many at a time. It is called without the mutex, so that it may run
/// what the user gave, and returns with the mutex held, so that whoever called it goes on at once - takes its next item,
/// looks what can be launched - without locking again.

#include <yoke/algorithm/pipeline/order_list.hpp>
#include <yoke/algorithm/pipeline/run.hpp>
#include <yoke/algorithm/pipeline/runners.hpp>
#include <yoke/concept/executor.hpp>
#include <yoke/observe/pool_observer.hpp>

#include <cmath>
#include <concepts>
#include <functional>
#include <limits>
#include <stdexcept>
#include <type_traits>
#include <variant>

namespace yoke {

/// The default order of a stage: items begin in the order in which they arrive at it.
struct first_come {};

/// The order `longest_first(cost)` makes.
template <class Cost>
struct longest_first_order {
    Cost cost;
};

/// An order for a stage: of the items that wait, the one with the largest `cost(item)` begins first; equal ones in
/// order of arrival. With calls of unequal length this keeps workers from idling behind a long one at the end
/// (Graham's rule: at most a third above the optimum). After a call of 10 ms or more the choice of the next one waits
/// for 1/256 of the mean call if an item of a larger cost than those that wait may still come.
///
///     yoke::stage(processes, report, {.limit = 4}, yoke::longest_first(&entry::interval))
///
/// `cost` is a member pointer or a function of the stage's input; its result is an arithmetic value or a std::chrono::duration
/// and is compared as a double. It is called once per item, on the thread that brings the item, possibly on
/// several at once.
template <class Cost>
[[nodiscard]] longest_first_order<std::decay_t<Cost>> longest_first(Cost&& cost) {
    return {std::forward<Cost>(cost)};
}

namespace detail {

template <class T>
inline constexpr bool is_duration = false;
template <class Rep, class Period>
inline constexpr bool is_duration<std::chrono::duration<Rep, Period>> = true;

template <class T>
concept cost_value = std::is_arithmetic_v<std::remove_cvref_t<T>> || is_duration<std::remove_cvref_t<T>>;

/// What an item type is when a stage returns void.
template <class T>
using item_of = std::conditional_t<std::is_void_v<T>, std::monostate, T>;

/// Type of what comes after a part that does not fit; silences the errors that would follow from it.
struct not_connected {};

// ---- before the run

/// `E` is a reference, or a value for views of executors.
template <class E, class F, class Order>
struct stage_link {
    using executor = std::remove_reference_t<E>;

    E on;
    F function;
    stage_options options;
    Order order;

    template <class In>
    static constexpr bool callable() {
        if constexpr (local_executor<executor>) {
            return std::invocable<F&, In>;
        } else {
            return callable_with<const F&, In>;
        }
    }
    template <class In>
    static constexpr bool runs() {
        if constexpr (local_executor<executor>) {
            return true;
        } else {
            return executor_of<executor, const F&, In>;
        }
    }
    template <class In>
    static constexpr bool orders() {
        if constexpr (requires(const Order& by, const In& item) { std::invoke(by.cost, item); }) {
            return cost_value<std::invoke_result_t<decltype((std::declval<const Order&>().cost)), const In&>>;
        } else {
            return std::same_as<Order, first_come>;
        }
    }
    template <class In>
    static auto result() {
        if constexpr (!callable<In>() || !runs<In>() || !orders<In>()) {
            return std::type_identity<not_connected>();
        } else if constexpr (local_executor<executor>) {
            return std::type_identity<item_of<std::decay_t<std::invoke_result_t<F&, In>>>>();
        } else {
            return std::type_identity<item_of<call_result<F, In>>>();
        }
    }
    template <class In>
    using output = typename decltype(result<In>())::type;

    template <class In>
    static constexpr void check() {
        static_assert(callable<In>(), "yoke::stage: the function cannot be called with what comes out of the "
                                      "part before it. It gets one item, "
                                      "as an rvalue: take it by value, by const reference or by &&");
        static_assert(
            !callable<In>() || runs<In>(),
            "yoke::stage: this executor cannot run this call. A process pool takes function pointers, "
            "lambdas "
            "without captures and yoke::bind_values(f, values...), and argument and result must be able to "
            "cross "
            "to another process: no pointers, references or views. Use a thread pool for everything else");
        static_assert(
            orders<In>(),
            "yoke::stage: the order's cost function must take a const item of this stage and return "
            "a number or a duration, as in yoke::longest_first(&entry::interval)");
        static_assert(std::move_constructible<output<In>>,
                      "yoke::stage: the function's result must be movable");
    }
};

// ---- in the run

/// What the parts of a chain are told while they are made.
struct chain_setup {
    pipeline_core& core;
    pipeline_clock::time_point start;
    std::vector<stage_core*> stages{};  // in the order of the pipeline
    std::vector<crew*> crews{};
    std::string last_label = "the source";
    bool elsewhere = false;  // a stage's calls run on other threads than the driver's

    /// The label of something that is not a stage.
    [[nodiscard]] std::string label(const char* what) const {
        return std::string(what) + " after " + last_label;
    }
};

/// What items have become after `Links`; runs them, given `In`. Specialised for each kind of link, and for none: the
/// outlet. `Node` is the item_node with room for everything.
template <class Node, class In, class... Links>
class chain;

template <class Node, class Out>
class chain<Node, Out> {
public:
    explicit chain(chain_setup& setup) noexcept : core_(setup.core) {}

    void accept(node_chain items, pipeline_lock& lock, pipeline_clock::time_point) noexcept {
        lock.lock();
        core_.arrive(std::move(items));
    }

private:
    pipeline_core& core_;
};

inline stage_statistics describe_stage(chain_setup& setup, const stage_options& options,
                                       std::size_t concurrency) {
    stage_statistics description;
    description.number = setup.stages.size() + 1;
    description.name = options.name;
    description.limit = options.limit != 0 ? options.limit : std::max<std::size_t>(concurrency, 1);
    setup.last_label = description.label();
    if (options.attempts < 1)
        throw std::invalid_argument(setup.last_label + ": stage_options::attempts is " +
                                    std::to_string(options.attempts) +
                                    "; a call must be started at least once");
    if (options.timeout.count() < 0)
        throw std::invalid_argument(setup.last_label +
                                    ": stage_options::timeout is negative; 0 means no limit");
    return description;
}

/// Throws, with the stage's name, what its executor throws for options that it cannot honour.
template <class E>
void check_stage_options(const std::string& label, const stage_options& options) {
    const task_options wishes{
        .timeout = options.timeout, .attempts = options.attempts, .priority = options.priority};
    try {
        check_options_for<E>(wishes);
    } catch (const unsupported& refused) {
        throw unsupported(label + ": " + refused.what());
    }
}

/// A stage up to the point where an item may begin.
template <class Base, class Node, class In, class Order>
class waiting_stage : public Base {
public:
    void accept(node_chain items, pipeline_lock& lock, pipeline_clock::time_point now) noexcept {
        if constexpr (by_cost) items = priced(std::move(items), lock);
        lock.lock();
        std::size_t count = 0;
        for (; order_node* const node = items.pop(); ++count) {
            node->number = this->next_number();
            line_.push(*node);
            if constexpr (by_cost) largest_cost_ = std::max(largest_cost_, node->cost);
        }
        this->arrived(count, now);
    }

protected:
    waiting_stage(chain_setup& setup, const stage_options& options, Order order, std::size_t concurrency)
        : Base(setup.core, describe_stage(setup, options, concurrency), setup.start,
               setup.stages.empty() ? nullptr : setup.stages.back()),
          order_(std::move(order)),
          order_label_("the order of " + this->label()) {
        setup.stages.push_back(this);
    }

    /// `node`'s call ended with an error; its item is gone. Without the mutex before, with it afterwards.
    void failed(Node& node, std::exception_ptr error, pipeline_lock& lock, pipeline_clock::time_point begun,
                pipeline_clock::time_point now) noexcept {
        node.reset();
        lock.lock();
        this->core_.fail(&node, this->number(), this->label(), node.number, std::move(error));
        this->ended(Base::outcome::error, begun, now);
    }

private:
    static constexpr bool by_cost = !std::same_as<Order, first_come>;

    order_node* take_first() noexcept final { return line_.pop(); }
    [[nodiscard]] bool hopes_for_better() const noexcept final {
        if constexpr (by_cost) {
            return !line_.empty() && line_.first()->cost < largest_cost_;
        } else {
            return false;
        }
    }

    /// Those of the items whose cost could be had, with it.
    node_chain priced(node_chain items, pipeline_lock& lock) noexcept {
        node_chain done;
        while (order_node* const node = items.pop()) {
            std::exception_ptr error;
            try {
                node->cost = cost_of(static_cast<Node*>(node)->template get<In>());
            } catch (...) {
                error = std::current_exception();
            }
            if (error == nullptr) {
                done.push(*node);
                continue;
            }
            static_cast<Node*>(node)->reset();
            lock.lock();
            this->count_error();
            this->core_.fail(node, this->number(), order_label_, this->next_number(), std::move(error));
            lock.unlock();
        }
        return done;
    }
    double cost_of(const In& item) const {
        const auto cost = std::invoke(std::as_const(order_.cost), item);
        double value = 0;
        if constexpr (is_duration<std::remove_cvref_t<decltype(cost)>>) {
            value = static_cast<double>(cost.count());
        } else {
            value = static_cast<double>(cost);
        }
        return std::isnan(value) ? -std::numeric_limits<double>::infinity() : value;
    }

    Order order_;
    const std::string order_label_;
    std::conditional_t<by_cost, cost_heap, node_chain> line_;
    double largest_cost_ = -std::numeric_limits<double>::infinity();  // of all that came
};

/// A stage on an executor of this address space: its crew's runners call the function.
template <class Node, class In, class E, class F, class Order, class... Rest>
class local_stage : public waiting_stage<crew_stage, Node, In, Order> {
    using base = waiting_stage<crew_stage, Node, In, Order>;
    using result = std::decay_t<std::invoke_result_t<F&, In>>;
    using out = item_of<result>;

public:
    local_stage(chain_setup& setup, stage_link<E, F, Order>&& link, Rest&&... rest)
        : base(setup, link.options, std::move(link.order), link.on.concurrency()),
          executor_(std::forward<E>(link.on)),
          function_(std::move(link.function)),
          next_(setup, std::move(rest)...) {
        check_stage_options<E>(this->label(), link.options);
        setup.elsewhere |= !runs_in_caller<std::remove_reference_t<E>>;
        if (!std::invocable<const F&, In> && this->limit() > 1)
            throw std::invalid_argument(
                this->label() + ": the function changes itself when it is called (it cannot be called as "
                                "const), so only one call may run at once: set stage_options::limit to 1");
        join_crew(setup.core, setup.crews, executor_, link.options.priority, *this);
    }

    void call(order_node& which, pipeline_lock& lock, pipeline_clock::time_point& now) noexcept override {
        Node& node = static_cast<Node&>(which);
        std::exception_ptr error;
        const auto begun = pipeline_clock::now();
        try {
            out value = run(node.template get<In>());
            now = pipeline_clock::now();
            node.reset();
            node.template emplace<out>(std::move(value));
        } catch (...) {
            now = pipeline_clock::now();
            error = std::current_exception();
        }
        if (error) return this->failed(node, std::move(error), lock, begun, now);
        next_.accept(node_chain(node), lock, now);
        this->ended(base::outcome::result, begun, now);
    }

private:
    out run(In& item) {
        const task_span shown(shown_as_);
        if constexpr (std::is_void_v<result>) {
            std::invoke(function_, std::move(item));
            return {};
        } else {
            return std::invoke(function_, std::move(item));
        }
    }

    E executor_;
    F function_;
    const std::string shown_as_ = this->label();  // to an observer of the executor
    chain<Node, out, Rest...> next_;
};

/// A stage on an executor elsewhere: hands over one call per item.
template <class Node, class In, class E, class F, class Order, class... Rest>
class remote_stage : public waiting_stage<stage_core, Node, In, Order>, public launcher {
    using base = waiting_stage<stage_core, Node, In, Order>;
    using out = item_of<call_result<F, In>>;

public:
    remote_stage(chain_setup& setup, stage_link<E, F, Order>&& link, Rest&&... rest)
        : base(setup, link.options, std::move(link.order), link.on.concurrency()),
          executor_(std::forward<E>(link.on)),
          function_(std::move(link.function)),
          next_(setup, std::move(rest)...) {
        setup.elsewhere = true;
        check_stage_options<E>(this->label(), link.options);
        pipeline_core& core = this->core_;
        if (!core.abandoned.stop_possible()) core.abandoned = std::stop_source();
        options_ = core.keep<const task_options>(task_options{
            core.abandoned.get_token(), link.options.timeout, link.options.attempts, link.options.priority});
        core.add(*this);
    }

    bool wanted() noexcept override { return this->may_begin() && !launch_frame::holds(*this); }

    void launch(pipeline_lock& lock) noexcept override {
        const auto begun = pipeline_clock::now();
        Node& node = static_cast<Node&>(this->begin(begun));
        ++this->core_.inside;
        lock.unlock();
        std::exception_ptr error;
        try {
            // Moved out first: the result may be here, in the node, before execute() returns.
            In item = std::move(node.template get<In>());
            node.reset();
            hand_over(receiver(*this, node, begun), std::move(item));
        } catch (...) {
            error = std::current_exception();
        }
        if (error == nullptr) return lock.lock();
        this->failed(node, std::move(error), lock, begun, pipeline_clock::now());
        --this->core_.inside;
    }

private:
    /// Brings one call's outcome home.
    class receiver {
    public:
        receiver(remote_stage& stage, Node& node, pipeline_clock::time_point begun) noexcept
            : stage_(&stage), node_(&node), begun_(begun), options_(stage.options_) {}
        receiver(receiver&& other) noexcept
            : stage_(std::exchange(other.stage_, nullptr)),
              node_(other.node_),
              begun_(other.begun_),
              options_(std::move(other.options_)) {}
        receiver& operator=(receiver&&) = delete;
        ~receiver() {
            if (stage_ == nullptr) return;
            auto error = std::make_exception_ptr(broken_promise());
            set_error(std::move(error));
        }

        /// For an executor that did not accept the call: false if it took this receiver nevertheless.
        [[nodiscard]] bool dismiss() noexcept { return std::exchange(stage_, nullptr) != nullptr; }

        template <class... Value>
        void set_value(Value&&... value) noexcept {
            std::exchange(stage_, nullptr)
                ->completed(*node_, begun_, options_, std::forward<Value>(value)...);
        }
        void set_error(std::exception_ptr error) noexcept {
            std::exchange(stage_, nullptr)->lost(*node_, begun_, options_, std::move(error), false);
        }
        void set_stopped() noexcept {
            auto error = std::make_exception_ptr(cancelled());
            std::exchange(stage_, nullptr)->lost(*node_, begun_, options_, std::move(error), true);
        }
        [[nodiscard]] const task_options& options() const noexcept { return *options_; }

    private:
        remote_stage* stage_;
        Node* node_;
        pipeline_clock::time_point begun_;
        std::shared_ptr<const task_options> options_;  // keeps the core alive
    };

    void hand_over(receiver to, In&& item) {
        const launch_frame frame(*this);
        try {
            executor_.execute(std::move(to), std::as_const(function_), std::move(item));
        } catch (...) {
            if (to.dismiss()) throw;  // else the receiver has told us
        }
    }

    // `alive` is held until the mutex has been given up for good.

    template <class... Value>
    void completed(Node& node, pipeline_clock::time_point begun, std::shared_ptr<const task_options> alive,
                   Value&&... value) noexcept {
        const auto now = pipeline_clock::now();
        pipeline_lock lock(this->core_.mutex, std::defer_lock);
        std::exception_ptr error;
        try {
            node.template emplace<out>(std::forward<Value>(value)...);
        } catch (...) {
            error = std::current_exception();
        }
        if (error) {
            this->failed(node, std::move(error), lock, begun, now);
        } else {
            next_.accept(node_chain(node), lock, now);
            this->ended(base::outcome::result, begun, now);
        }
        leave(lock, std::move(alive));
    }
    void lost(Node& node, pipeline_clock::time_point begun, std::shared_ptr<const task_options> alive,
              std::exception_ptr error, bool stopped) noexcept {
        const auto now = pipeline_clock::now();
        pipeline_lock lock(this->core_.mutex);
        if (stopped && this->core_.ending) {
            this->ended(base::outcome::none, begun, now);
        } else {
            lock.unlock();
            this->failed(node, std::move(error), lock, begun, now);
        }
        leave(lock, std::move(alive));
    }
    void leave(pipeline_lock& lock, std::shared_ptr<const task_options> alive) noexcept {
        pipeline_core& core = this->core_;
        core.launch_all(lock);
        --core.inside;
        core.release(lock);
        alive.reset();
    }

    E executor_;
    F function_;
    chain<Node, out, Rest...> next_;
    std::shared_ptr<const task_options> options_;
};

template <class Node, class In, class E, class F, class Order, class... Rest>
struct stage_in_run {
    using local = std::type_identity<local_stage<Node, In, E, F, Order, Rest...>>;
    using remote = std::type_identity<remote_stage<Node, In, E, F, Order, Rest...>>;
    using type = typename std::conditional_t<local_executor<std::remove_reference_t<E>>, local, remote>::type;
};

template <class Node, class In, class E, class F, class Order, class... Rest>
class chain<Node, In, stage_link<E, F, Order>, Rest...> final
    : public stage_in_run<Node, In, E, F, Order, Rest...>::type {
    using base = typename stage_in_run<Node, In, E, F, Order, Rest...>::type;

public:
    using base::base;
};

}  // namespace detail
}  // namespace yoke
