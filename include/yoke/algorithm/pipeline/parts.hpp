// SPDX-License-Identifier: MIT
#pragma once

/// The parts of a pipeline (pipeline.hpp) that are not stages: `flatten`, `filter` and `batch`.
///
/// They have no executor. What they do is done at once by the thread that brings an item from the part before: a runner of
/// that stage, the driving thread after the source, an executor's own thread after a process pool. So it should be
/// short; work belongs into a stage.

#include <yoke/algorithm/pipeline/stage.hpp>

#include <atomic>
#include <functional>
#include <ranges>

namespace yoke::detail {

/// An element of a range that we own: moved if the range owns its elements, copied if it only looks at them.
template <class Range, class Iterator>
decltype(auto) take_element(Iterator& at) {
    if constexpr (std::ranges::view<Range> || std::ranges::borrowed_range<Range>) {
        return *at;
    } else {
        return std::ranges::iter_move(at);
    }
}

// ---- flatten

struct flatten_link {
    template <class In>
    static auto result() {
        if constexpr (std::ranges::input_range<In>) {
            return std::type_identity<std::ranges::range_value_t<In>>();
        } else {
            return std::type_identity<not_connected>();
        }
    }
    template <class In>
    using output = typename decltype(result<In>())::type;

    template <class In>
    static constexpr void check() {
        static_assert(std::ranges::input_range<In>,
                      "yoke::flatten: what comes out of the part before it is not a range");
        static_assert(std::move_constructible<output<In>>, "yoke::flatten: the elements must be movable");
    }
};

template <class Node, class In, class... Rest>
class chain<Node, In, flatten_link, Rest...> {
    using element = std::ranges::range_value_t<In>;

public:
    explicit chain(chain_setup& setup, flatten_link&&, Rest&&... rest)
        : core_(setup.core),
          label_(setup.label("flatten")),
          stage_(setup.stages.size()),
          next_(setup, std::move(rest)...) {}

    void accept(node_chain items, pipeline_lock& lock, pipeline_clock::time_point now) noexcept {
        node_chain elements;
        while (order_node* const node = items.pop()) elements.append(open(static_cast<Node&>(*node), lock));
        // All at once: the next stage's order chooses among all of them.
        if (elements.empty()) return lock.lock();
        next_.accept(std::move(elements), lock, now);
    }

private:
    /// Replaces one item by its elements.
    node_chain open(Node& node, pipeline_lock& lock) noexcept {
        const std::uint64_t number = seen_.fetch_add(1, std::memory_order_relaxed);
        lock.lock();
        node_chain spare = std::move(core_.spare);
        lock.unlock();
        node_chain elements;
        std::size_t count = 0;
        std::exception_ptr error;
        try {
            In range = std::move(node.template get<In>());
            node.reset();
            auto end = std::ranges::end(range);
            for (auto at = std::ranges::begin(range); at != end; ++at, ++count) {
                if (spare.empty()) spare.push(*new Node);
                static_cast<Node*>(spare.first())->template emplace<element>(take_element<In>(at));
                elements.push(*spare.pop());
            }
        } catch (...) {
            error = std::current_exception();
            node.reset();
            while (order_node* const made = elements.pop()) {
                static_cast<Node*>(made)->reset();
                spare.push(*made);
            }
        }
        lock.lock();
        core_.spare.append(std::move(spare));
        if (error) {
            core_.fail(&node, stage_, label_, number, std::move(error));
        } else {
            core_.replace(node, elements, count);
        }
        lock.unlock();
        return elements;
    }

    pipeline_core& core_;
    const std::string label_;
    const std::size_t stage_;
    std::atomic<std::uint64_t> seen_{0};
    chain<Node, element, Rest...> next_;
};

// ---- filter

template <class Predicate>
struct filter_link {
    Predicate predicate;

    template <class In>
    using output = In;

    template <class In>
    static constexpr void check() {
        static_assert(std::predicate<const Predicate&, const In&>,
                      "yoke::filter: the predicate must take a const item, as it comes out of the part "
                      "before, and return "
                      "a bool; it may be called on several threads at once and so must be callable as const");
    }
};

template <class Node, class In, class Predicate, class... Rest>
class chain<Node, In, filter_link<Predicate>, Rest...> {
public:
    explicit chain(chain_setup& setup, filter_link<Predicate>&& link, Rest&&... rest)
        : core_(setup.core),
          label_(setup.label("the filter")),
          stage_(setup.stages.size()),
          predicate_(std::move(link.predicate)),
          next_(setup, std::move(rest)...) {}

    void accept(node_chain items, pipeline_lock& lock, pipeline_clock::time_point now) noexcept {
        node_chain kept;
        node_chain dropped;
        while (order_node* const node = items.pop()) {
            const std::uint64_t number = seen_.fetch_add(1, std::memory_order_relaxed);
            std::exception_ptr error;
            bool keep = false;
            try {
                keep = std::invoke(predicate_, std::as_const(static_cast<Node*>(node)->template get<In>()));
            } catch (...) {
                error = std::current_exception();
            }
            if (keep) {
                kept.push(*node);
                continue;
            }
            static_cast<Node*>(node)->reset();
            if (error == nullptr) {
                dropped.push(*node);
                continue;
            }
            lock.lock();
            core_.fail(node, stage_, label_, number, std::move(error));
            lock.unlock();
        }
        if (kept.empty()) {
            lock.lock();
        } else {
            next_.accept(std::move(kept), lock, now);
        }
        while (order_node* const node = dropped.pop()) core_.remove(*node);
    }

private:
    pipeline_core& core_;
    const std::string label_;
    const std::size_t stage_;
    std::atomic<std::uint64_t> seen_{0};
    const Predicate predicate_;
    chain<Node, In, Rest...> next_;
};

// ---- batch

struct batch_link {
    std::size_t size;

    template <class In>
    using output = std::vector<In>;

    template <class In>
    static constexpr void check() {}
};

/// Items wait here until `size` neighbours have come, whatever order they came in. A batch takes the place of its first item.
template <class Node, class In, class... Rest>
class chain<Node, In, batch_link, Rest...> final : public batch_core {
public:
    explicit chain(chain_setup& setup, batch_link&& link, Rest&&... rest)
        : core_(setup.core),
          label_(setup.label("batch")),
          stage_(setup.stages.size()),
          size_(link.size),
          next_(setup, std::move(rest)...) {
        core_.add(*this);
    }

    void accept(node_chain items, pipeline_lock& lock, pipeline_clock::time_point) noexcept {
        lock.lock();
        while (order_node* const node = items.pop()) core_.park(*node, this);
    }

    bool wanted() noexcept override {
        for (; frontier != nullptr && frontier->place == this; frontier = frontier->after) {
            if (count_++ == 0) first_ = frontier;
        }
        return count_ >= size_ || (count_ != 0 && frontier == nullptr && core_.source_ended);
    }

    void launch(pipeline_lock& lock) noexcept override {
        order_node& place = *first_;
        node_chain members = gather(std::min(count_, size_));
        const std::uint64_t number = made_++;
        lock.unlock();

        std::vector<In> batch;
        std::exception_ptr error;
        try {
            for (order_node* node = members.first(); node != nullptr; node = node->link)
                batch.push_back(std::move(static_cast<Node*>(node)->template get<In>()));
        } catch (...) {
            error = std::current_exception();
        }
        for (order_node* node = members.first(); node != nullptr; node = node->link)
            static_cast<Node*>(node)->reset();
        members.pop();  // that is `place`
        if (error) {
            lock.lock();
            core_.fail(&place, stage_, label_, number, std::move(error));
        } else {
            static_cast<Node&>(place).template emplace<std::vector<In>>(std::move(batch));
            next_.accept(node_chain(place), lock, pipeline_clock::now());
        }
        core_.spare.append(std::move(members));
    }

private:
    /// The first `count` of those that wait; all but the first leave the order.
    node_chain gather(std::size_t count) noexcept {
        node_chain members;
        for (std::size_t i = 0; i != count; ++i) {
            order_node& node = *first_;
            first_ = node.after;
            core_.unpark(node);
            if (i != 0) core_.detach(node);
            members.push(node);
        }
        count_ -= count;
        return members;
    }

    pipeline_core& core_;
    const std::string label_;
    const std::size_t stage_;
    const std::size_t size_;
    order_node* first_ = nullptr;
    std::size_t count_ = 0;
    std::uint64_t made_ = 0;
    chain<Node, std::vector<In>, Rest...> next_;
};

}  // namespace yoke::detail
