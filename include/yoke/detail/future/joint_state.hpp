// SPDX-License-Identifier: MIT
#pragma once

/// The state of a future that completes from other futures, its children.
///
/// It tells a derived class of each child that is done (`one_done`) and of the last (`all_done`), and a waiter helps with
/// all children, as helping.hpp says. (Of a future that any one child completes, a waiter outside of tasks might begin a
/// child that lasts, while another one ends the wait.) The children's nodes live in the state, so every child that
/// has not been told of yet holds a reference to the state, also after somebody dropped its future.

#include <yoke/detail/future/awaited.hpp>
#include <yoke/detail/future/helping.hpp>
#include <yoke/detail/future/state.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

namespace yoke::detail {

template <class Out>
class joint_state : public future_state<Out> {
public:
    [[nodiscard]] const char* description() const noexcept override {
        return "several tasks whose common future was dropped";
    }

    /// Begins to watch. Once, when the derived object is complete; `one_done` may be called before it returns.
    void start() noexcept {
        for (std::size_t i = 0; i != count_; ++i) {
            if (!nodes_[i].core.share()->tell(nodes_[i])) future_core::publish(nodes_[i].future_done());
        }
        future_core::publish(arrive([] {}));  // for the reference that start itself holds
    }

protected:
    explicit joint_state(std::vector<state_ref<future_core>> children, awaited how = awaited::needed)
        : future_state<Out>(static_cast<std::uint32_t>(children.size() + 2)),
          nodes_(new node[children.size()]),
          count_(children.size()),
          children_(how),
          missing_(children.size() + 1) {
        for (std::size_t i = 0; i != count_; ++i) {
            nodes_[i].owner = this;
            nodes_[i].core.set(std::move(children[i]));
        }
    }
    ~joint_state() override = default;

    /// This child is done. Called once for each, on any thread, several at once.
    virtual void one_done(std::size_t) noexcept {}
    /// All are, and all calls of `one_done` have returned.
    virtual void all_done() noexcept {}

private:
    struct node final : continuation {
        state_ref<future_core> future_done() noexcept override {
            // It goes now, with what is left of its outcome, and not with the last of what waits for it.
            const auto gone = core.take();
            return owner->arrive(
                [this] { owner->one_done(static_cast<std::size_t>(this - owner->nodes_.get())); });
        }
        state_ref<future_core> future_news() noexcept override {
            owner->acquire();
            return state_ref<future_core>(owner);
        }
        joint_state* owner = nullptr;
        awaited_slot<future_core> core;  // until it is done
    };

    /// One of those who own a reference has come to its end; `first` is what it still has to do. Returns this if it is to be
    /// published.
    template <class First>
    [[nodiscard]] state_ref<future_core> arrive(First first) noexcept {
        state_ref<joint_state> arrived(this);
        const publish_later later(this);
        first();
        if (missing_.fetch_sub(1, std::memory_order_acq_rel) == 1) all_done();
        return later.due(std::move(arrived));
    }

    /// One child after the other; `next` is the number of the next.
    state_ref<future_core> help_here(std::size_t& next) noexcept override {
        if (!may_help(children_)) return {};
        this->want();
        while (next != count_ && !this->done()) {
            if (auto child = nodes_[next++].core.share(); child && !child->done()) return child;
        }
        return {};
    }

    std::unique_ptr<node[]> nodes_;
    const std::size_t count_;
    const awaited children_;
    std::atomic<std::size_t> missing_;
};

}  // namespace yoke::detail
