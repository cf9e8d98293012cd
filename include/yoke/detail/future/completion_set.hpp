// SPDX-License-Identifier: MIT
#pragma once

/// Futures watched together: hands them out in the order in which they complete.
///
/// One thread owns the set: it adds futures and takes what has completed. The futures complete on any threads. Each
/// watched future has a node, which its core tells when it is done:
///
/// - The telling thread pushes the node on the `ready` stack; the owner takes the whole stack at once and turns it
///   round. So the order is that of completion, and taking one costs O(1), however many are watched.
/// - A set that dies early closes the stack. A node told afterwards finds it closed and deletes itself; nodes on the
///   stack are deleted by the closer. So every node is deleted exactly once, by whoever has it last.
/// - The hub (stack and parking word) belongs to the set and to all nodes together.
///
/// Sleeping: `word_` counts completions in steps of 2; bit 0 says that the owner sleeps. The owner reads the
/// word, looks at the stack, then sets the bit on exactly the value it has read. A node is pushed before the word is
/// counted up; so either the owner's look sees the node, or its compare-exchange fails, or the teller sees the bit. (Checked by
/// tests/model/completion_set.pml.)
///
/// Inside a task the owner helps before it sleeps: it runs the watched tasks that nobody has begun, oldest first, each
/// once, and stops as soon as anything has completed. When a watched future has news, it starts anew; `news_` is set
/// before the word is counted up, and looked at where the stack is.

#include <yoke/detail/base/test_point.hpp>
#include <yoke/detail/future/helping.hpp>
#include <yoke/detail/future/state.hpp>
#include <yoke/detail/os/fork_detector.hpp>
#include <yoke/detail/sync/parking.hpp>
#include <yoke/error.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>

namespace yoke::detail {

class completion_set {
public:
    completion_set() : hub_(new hub) {}
    completion_set(completion_set&& other) noexcept
        : hub_(std::move(other.hub_)),
          ready_(std::exchange(other.ready_, nullptr)),
          oldest_(std::exchange(other.oldest_, nullptr)),
          youngest_(std::exchange(other.youngest_, nullptr)),
          unhelped_(std::exchange(other.unhelped_, nullptr)),
          refused_(other.refused_),
          size_(std::exchange(other.size_, 0)),
          process_(other.process_) {}
    completion_set& operator=(completion_set&&) = delete;
    /// Forgets what is still watched; waits for nothing.
    ~completion_set() {
        if (!hub_) return;
        delete_all(std::exchange(ready_, nullptr));
        delete_all(hub_->close());
    }

    /// Watches `core`; `tag` tells it from the others. The core is this process's own.
    void add(state_ref<future_core> core, std::uint64_t tag) {
        auto* const added = new node(hub_.share(), std::move(core), tag);
        added->older = youngest_;
        youngest_ != nullptr ? void(youngest_->next = added) : void(oldest_ = added);
        youngest_ = added;
        if (unhelped_ == nullptr) unhelped_ = added;
        ++size_;
        if (!added->core->tell(*added)) static_cast<void>(added->future_done());
    }

    /// How many are watched, those included that have completed and were not taken.
    [[nodiscard]] std::size_t size() const noexcept { return size_; }

    /// Waits until one of them has completed and forgets it. Returns its tag. There must be one. Throws forked in a
    /// child that was forked since the set was made: the futures are its parent's.
    [[nodiscard]] std::uint64_t take() {
        if (process_.forked()) throw forked();
        while (!refill()) {
            if (hub_->take_news()) unhelped_ = oldest_;
            if (may_help(awaited::one_of_several) && help_one()) continue;
            sleep();
        }
        return take_front();
    }
    /// The same, or nothing once an interrupter was called, after what has completed. Takes the interruption back.
    [[nodiscard]] std::optional<std::uint64_t> take_unless_interrupted() {
        if (process_.forked()) throw forked();
        while (!refill()) {
            if (hub_->take_interruption()) return std::nullopt;
            if (hub_->take_news()) unhelped_ = oldest_;
            if (may_help(awaited::one_of_several) && help_one()) continue;
            sleep();
        }
        return take_front();
    }
    /// Ends a wait in `take_unless_interrupted`, or the next one. May be called by any thread and may outlive the set.
    [[nodiscard]] auto interrupter() const noexcept {
        return [to = hub_.share()] { to->interrupt(); };
    }
    /// The same if one has completed already; else false.
    [[nodiscard]] bool try_take(std::uint64_t& tag) noexcept {
        if (!refill()) return false;
        tag = take_front();
        return true;
    }

private:
    struct node;

    class hub {
    public:
        void acquire() noexcept { references_.fetch_add(1, std::memory_order_relaxed); }
        void release() noexcept {
            if (references_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
        }

        /// False: closed.
        [[nodiscard]] bool push(node& done) noexcept {
            node* head = stack_.load(std::memory_order_relaxed);
            do {
                if (head == closed()) return false;
                done.next_ready = head;
            } while (!stack_.compare_exchange_weak(head, &done, std::memory_order_acq_rel));
            count_up();
            return true;
        }
        void push_news() noexcept {
            // An exchange, so that whoever takes the last news sees what all before it were about.
            static_cast<void>(news_.exchange(true, std::memory_order_acq_rel));
            count_up();
        }
        /// True once for any number of news.
        [[nodiscard]] bool take_news() noexcept {
            return news_.load(std::memory_order_relaxed) && news_.exchange(false, std::memory_order_acquire);
        }
        void interrupt() noexcept {
            interrupted_.store(true, std::memory_order_release);
            count_up();
        }
        [[nodiscard]] bool take_interruption() noexcept {
            return interrupted_.load(std::memory_order_relaxed) &&
                   interrupted_.exchange(false, std::memory_order_acquire);
        }
        [[nodiscard]] node* take_all() noexcept {
            if (stack_.load(std::memory_order_relaxed) == nullptr) return nullptr;
            return stack_.exchange(nullptr, std::memory_order_acquire);
        }
        [[nodiscard]] node* close() noexcept { return stack_.exchange(closed(), std::memory_order_acq_rel); }

        /// Returns when something was pushed or there are news; may return for no reason.
        void sleep() noexcept {
            YOKE_TEST_POINT("nothing ready");
            std::uint32_t seen = word_.load(std::memory_order_acquire) & ~1U;
            YOKE_TEST_POINT("completions counted");
            if (stack_.load(std::memory_order_acquire) != nullptr) return;
            if (news_.load(std::memory_order_relaxed)) return;
            if (interrupted_.load(std::memory_order_relaxed)) return;
            YOKE_TEST_POINT("falls asleep");
            if (word_.compare_exchange_strong(seen, seen | 1, std::memory_order_acq_rel)) {
                park(word_, seen | 1);
                word_.fetch_and(~1U, std::memory_order_relaxed);
            }
        }

    private:
        void count_up() noexcept {
            if ((word_.fetch_add(2, std::memory_order_acq_rel) & 1) != 0) unpark_one(word_);
        }
        /// An address no node can have.
        node* closed() noexcept { return reinterpret_cast<node*>(this); }

        std::atomic<node*> stack_{nullptr};
        parking_word word_{0};
        std::atomic<bool> news_{false};
        std::atomic<bool> interrupted_{false};
        std::atomic<std::uint32_t> references_{1};
    };

    struct node final : continuation, awaited_link {
        node(state_ref<hub> to, state_ref<future_core> watched, std::uint64_t name)
            : awaited_link{watched.get()}, home(std::move(to)), core(std::move(watched)), tag(name) {}

        /// The list of all that are watched, by age, is the owner's.
        [[nodiscard]] node* younger() const noexcept { return static_cast<node*>(next); }

        state_ref<future_core> future_done() noexcept override {
            const auto keep = home.share();  // once pushed, the node may be gone
            if (!keep->push(*this)) delete this;
            return {};
        }
        state_ref<future_core> future_news() noexcept override {
            home->push_news();
            return {};
        }

        state_ref<hub> home;
        state_ref<future_core> core;
        std::uint64_t tag;
        node* next_ready = nullptr;
        node* older = nullptr;
    };

    static void delete_all(node* list) noexcept {
        while (list != nullptr) delete std::exchange(list, list->next_ready);
    }

    /// Moves what has completed to `ready_`; false if nothing has.
    bool refill() noexcept {
        if (ready_ != nullptr) return true;
        node* stack = hub_->take_all();
        while (stack != nullptr) ready_ = std::exchange(stack, std::exchange(stack->next_ready, ready_));
        return ready_ != nullptr;
    }
    std::uint64_t take_front() noexcept {
        node* const done = std::exchange(ready_, ready_->next_ready);
        node* const younger = done->younger();
        done->older != nullptr ? void(done->older->next = younger) : void(oldest_ = younger);
        (younger != nullptr ? younger->older : youngest_) = done->older;
        if (unhelped_ == done) unhelped_ = younger;
        --size_;
        const std::uint64_t tag = done->tag;
        delete done;
        return tag;
    }
    /// False if all have been helped with.
    bool help_one() noexcept {
        if (unhelped_ == nullptr) return false;
        refused_ |= std::exchange(unhelped_, unhelped_->younger())->core->help_or_refuse();
        return true;
    }
    void sleep() noexcept {
        if (!refused_ || !inside_task()) return hub_->sleep();
        // All of them: one that this thread has helped with may come to wait for a task that it must not run.
        const blocked_wait<future_core> noted(*oldest_);
        hub_->sleep();
    }

    state_ref<hub> hub_;
    node* ready_ = nullptr;  // completed, in that order; owned
    node* oldest_ = nullptr;
    node* youngest_ = nullptr;
    node* unhelped_ = nullptr;
    bool refused_ = false;  // some of them this thread must not run
    std::size_t size_ = 0;
    process_stamp process_;
};

}  // namespace yoke::detail
