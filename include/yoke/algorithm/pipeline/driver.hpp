// SPDX-License-Identifier: MIT
#pragma once

/// The driving thread of a pipeline (pipeline.hpp): asks the source for items, gives results to the sink, helps
/// inside a task, sleeps otherwise, and in the end tells how it went. And the thread that asks a source which may
/// block.

#include <yoke/algorithm/pipeline/options.hpp>
#include <yoke/algorithm/pipeline/run.hpp>
#include <yoke/algorithm/pipeline/stage.hpp>
#include <yoke/detail/base/exception_text.hpp>
#include <yoke/detail/future/helping.hpp>
#include <yoke/error.hpp>

#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <system_error>
#include <thread>
#include <utility>

namespace yoke::detail {

/// What a sink throws that stopped waiting because the run is over.
struct sink_given_up {};

/// A source and what walks through it.
template <class Source>
struct source_in_run {
    explicit source_in_run(Source&& from) : source(std::move(from)), items(source.start()) {}
    source_in_run(const source_in_run&) = delete;
    source_in_run& operator=(const source_in_run&) = delete;

    Source source;
    decltype(std::declval<Source&>().start()) items;
};

/// One run, as the driving thread has it.
template <class Node, class Out, class Source, class Sink, class Chain>
class pipeline_driver {
public:
    pipeline_driver(const chain_setup& setup, std::shared_ptr<source_in_run<Source>> source, Sink& sink,
                    Chain& chain, const pipeline_options& options)
        : core_(setup.core),
          stages_(setup.stages),
          stages_elsewhere_(setup.elsewhere),
          source_(std::move(source)),
          sink_(sink),
          chain_(chain),
          options_(options) {}

    /// Returns when the run is over and nobody else is in it any more. If source or sink has forked it returns in the
    /// child, too, where all but this thread is the parent's.
    void drive() noexcept {
        std::thread puller = start_source_thread();
        pipeline_lock lock(core_.mutex);
        while (!core_.ending) {
            core_.give_back(std::move(done_), std::exchange(done_count_, 0));
            if (output_.empty()) output_ = core_.take_output();
            core_.unpoke();
            if (options_.on_stop == stop_policy::drain && options_.stop.stop_requested()) {
                core_.leave_source();
                end_source(lock);
            }
            core_.launch_held(lock);
            if (output_.empty() && !core_.output_ready() && (core_.separate_source || !core_.may_pull())) {
                if (core_.finished()) break;
                core_.wait_for_work(lock);
                continue;
            }
            // What is ready goes out before the source is asked, as that may take any time.
            if (!output_.empty()) emit(lock);
            if (!in_forked_child() && !core_.separate_source && !core_.ending && core_.may_pull()) pull(lock);
            if (in_forked_child()) {
                if (puller.joinable()) puller.detach();  // there is no such thread here
                return;
            }
        }
        core_.leave_source();
        core_.release(lock);  // tells calls elsewhere, and the source, if the run is ending
        lock.lock();
        while (core_.inside != 0) core_.wait_for_work(lock);
        core_.closed = true;
        const bool left = core_.source_left;
        lock.unlock();
        if (puller.joinable()) left ? puller.detach() : puller.join();
        while (order_node* const node = output_.pop()) delete static_cast<Node*>(node);
        while (order_node* const node = done_.pop()) delete static_cast<Node*>(node);
        core_.template discard<Node>();
        core_.destroy_buried();
    }

    std::uint64_t pulled = 0;
    std::uint64_t emitted = 0;
    pipeline_clock::duration source_time{0};
    pipeline_clock::duration sink_time{0};

private:
    [[nodiscard]] bool in_forked_child() const noexcept { return core_.process.forked(); }

    /// The sink gets this much time before the source has its turn again.
    static constexpr std::chrono::microseconds sink_turn{20};

    /// Starts the thread that calls a source which may block. Without one (no stage works elsewhere, so no result
    /// could become ready meanwhile; or the system has no thread for us) the driver calls it.
    std::thread start_source_thread() noexcept {
        if constexpr (!Source::may_block) {
            return {};
        } else {
            if (!stages_elsewhere_ && !Source::may_be_left) return {};
            core_.separate_source = true;
            core_.leaves_source = Source::may_be_left;
            core_.inside = 1;
            try {
                return std::thread([this, core = core_.shared_from_this(), source = source_] {
                    pipeline_lock lock(core->mutex);
                    while (!core->ending && !core->source_ended) {
                        if (core->may_pull()) {
                            if (!pull_on_own_thread(*core, *source, lock)) return;  // `this` may be gone
                        } else {
                            core->wait_to_pull(lock);
                        }
                    }
                    core->launch_all(lock);
                    --core->inside;
                    core->release(lock);
                });
            } catch (...) {
                core_.separate_source = core_.leaves_source = false;
                core_.inside = 0;
                return {};
            }
        }
    }

    using item = std::optional<typename Source::value_type>;

    /// Makes the place of the next item; null if there is no memory. With the mutex before and afterwards.
    Node* make_place(pipeline_lock& lock) noexcept {
        order_node* node = core_.spare.pop();
        if (node == nullptr) {
            std::exception_ptr error;
            lock.unlock();
            try {
                node = new Node;
            } catch (...) {
                error = std::current_exception();
            }
            lock.lock();
            if (error) {
                core_.fail(nullptr, 0, source_label_, pulled, std::move(error));
                return nullptr;
            }
        }
        core_.append(*node);
        return static_cast<Node*>(node);
    }

    /// Asks the source for one item, on the driver's thread. With the mutex before and afterwards.
    void pull(pipeline_lock& lock) noexcept {
        Node* const node = make_place(lock);
        if (node == nullptr) return;
        item next;
        std::exception_ptr error;
        bool came = true;
        pipeline_clock::time_point begun;
        if constexpr (Source::waits) {
            std::stop_source nudge(std::nostopstate);
            try {
                nudge = std::stop_source();
            } catch (...) {  // NOLINT(bugprone-empty-catch)
                // No memory: then the wait cannot be interrupted.
            }
            core_.expect_nudge(nudge);
            leave_for_user_code(lock);
            begun = pipeline_clock::now();
            try {
                came = source_->items.wait(nudge.get_token());
                if (came) next = source_->items.next(core_.source_over.get_token());
            } catch (...) {
                error = std::current_exception();
            }
        } else {
            leave_for_user_code(lock);
            begun = pipeline_clock::now();
            try {
                next = source_->items.next(core_.source_over.get_token());
            } catch (...) {
                error = std::current_exception();
            }
        }
        if (in_forked_child()) return;
        pulled_one(*node, came, std::move(next), std::move(error), begun, lock);
    }
    /// The same on a thread of the source's own. False: the run has ended and left it behind, and the mutex is free.
    bool pull_on_own_thread(pipeline_core& core, source_in_run<Source>& source,
                            pipeline_lock& lock) noexcept {
        Node* const node = make_place(lock);
        if (node == nullptr) return true;
        if (core.ending || core.source_ended) {  // meanwhile
            core.remove(*node);
            return true;
        }
        core.source_place = node;
        core.release(lock);
        const auto begun = pipeline_clock::now();
        item next;
        std::exception_ptr error;
        try {
            next = source.items.next(core.source_over.get_token());
        } catch (...) {
            error = std::current_exception();
        }
        if (core.process.forked()) end_forked_process();
        lock.lock();
        const bool left = core.source_left;
        core.source_place = nullptr;
        lock.unlock();
        if (left) return false;
        pulled_one(*node, true, std::move(next), std::move(error), begun, lock);
        return true;
    }
    /// What the source gave: an item, its end, an error, or nothing yet (not `came`). Without the mutex before, with it
    /// afterwards.
    void pulled_one(Node& node, bool came, item next, std::exception_ptr error,
                    pipeline_clock::time_point begun, pipeline_lock& lock) noexcept {
        bool got = false;
        // A call that throws need not leave `next` as it was: g++ 12 may have the call's result made in it.
        if (next && !error) {
            try {
                node.template emplace<typename Source::value_type>(*std::move(next));
                got = true;
            } catch (...) {
                error = std::current_exception();
            }
        }
        next.reset();
        const auto now = pipeline_clock::now();
        source_time += now - begun;
        if (got) {
            ++pulled;
            chain_.accept(node_chain(node), lock, now);
            back_from_source();
            core_.count();
            return core_.launch_all(lock);
        }
        if (error) source_->items.abandon();
        lock.lock();
        back_from_source();
        core_.remove(node);
        if (error) core_.fail_source(source_label_, pulled, std::move(error));
        if (came) end_source(lock);
    }
    /// With the mutex.
    void back_from_source() noexcept {
        if (core_.separate_source) return;  // the driver has not been there
        core_.set_at_hand(true);
        core_.expect_nudge(std::stop_source(std::nostopstate));
    }
    /// Gives up the mutex for something that may take any time.
    void leave_for_user_code(pipeline_lock& lock) noexcept {
        core_.set_at_hand(false);
        core_.launch_held(lock);
        core_.release(lock);
    }
    void end_source(pipeline_lock& lock) noexcept {
        core_.source_ended = true;
        core_.launch_all(lock);  // batches that will not become full
    }

    /// Gives results to the sink. With the mutex before and afterwards.
    void emit(pipeline_lock& lock) noexcept {
        if constexpr (Sink::prompt) {
            core_.release(lock);
        } else {
            leave_for_user_code(lock);
        }
        std::exception_ptr error;
        const std::stop_token over = core_.abandoned.get_token();
        const auto begun = pipeline_clock::now();
        auto now = begun;
        do {
            Node& node = static_cast<Node&>(*output_.pop());
            try {
                sink_.take(std::move(node.template get<Out>()), over);
                ++emitted;
            } catch (const sink_given_up&) {  // the run is ending, for a reason that it knows
            } catch (...) {
                error = std::current_exception();
            }
            node.reset();
            done_.push(node);
            ++done_count_;
            now = pipeline_clock::now();
        } while (!error && !output_.empty() && now - begun < sink_turn);
        if (in_forked_child()) return;
        sink_time += now - begun;
        lock.lock();
        core_.set_at_hand(true);
        if (error) core_.fail(nullptr, stages_.size() + 1, sink_label_, emitted, std::move(error));
    }

    pipeline_core& core_;
    const std::vector<stage_core*>& stages_;
    const bool stages_elsewhere_;
    const std::shared_ptr<source_in_run<Source>> source_;
    Sink& sink_;
    Chain& chain_;
    const pipeline_options& options_;
    node_chain output_;  // for the sink
    node_chain done_;    // empty nodes, to be given back
    std::size_t done_count_ = 0;
    const std::string source_label_ = "the source";
    const std::string sink_label_ = "the sink";
};

template <class Driver>
void fill_in(pipeline_statistics& run, const chain_setup& setup, const Driver& driver) {
    const pipeline_core& core = setup.core;
    const auto now = pipeline_clock::now();
    const auto seconds = [](pipeline_clock::duration time) {
        return std::chrono::duration<double>(time).count();
    };
    run = {};
    for (stage_core* stage : setup.stages) run.stages.push_back(stage->statistics(now));
    run.items_in = driver.pulled;
    run.items_out = driver.emitted;
    run.errors = core.errors;
    run.most_items = core.most_items;
    run.bound = core.bound;
    run.seconds = seconds(now - setup.start);
    run.source_seconds = seconds(driver.source_time);
    run.sink_seconds = seconds(driver.sink_time);
}

/// Throws what ended the run early, if anything did.
inline void throw_outcome(pipeline_core& core) {
    pipeline_core::failure& first = core.first_failure;
    if (first.error) {
        const std::string text =
            first.label + ", item " + std::to_string(first.item) + ": " + text_of(first.error);
        try {
            std::rethrow_exception(std::exchange(first.error, nullptr));
        } catch (...) {
            std::throw_with_nested(stage_error(text, first.stage, first.item));
        }
    }
    if (core.ending) throw cancelled("the pipeline was stopped before it had ended");
}

/// Runs `source`, `links` and `sink` from end to end, on this thread. `Out` is what the sink gets.
template <class Node, class Out, class Source, class Sink, class... Links>
auto run_pipeline(Source& source, Sink&& sink, Links&&... links) {
    const pipeline_options& options = sink.options;
    const auto core = std::make_shared<pipeline_core>(
        sink.keeps_order, options.on_error == error_policy::set_aside, may_help(awaited::one_of_several));
    chain_setup setup{*core, pipeline_clock::now()};
    chain<Node, typename Source::value_type, Links...> parts(setup, std::move(links)...);
    std::size_t calls = 0;
    for (const stage_core* stage : setup.stages) calls += std::min(stage->limit(), std::size_t{1} << 20);
    core->bound = options.items != 0 ? options.items : std::max<std::size_t>(64, 4 * calls);

    typename std::decay_t<Sink>::template running<Out> out(sink);
    const auto started = std::make_shared<source_in_run<Source>>(std::move(source));
    if constexpr (Source::listens) core->source_over = std::stop_source();
    constexpr bool sink_may_block = requires { requires decltype(out)::may_block; };
    if ((Source::may_block || sink_may_block) && !core->abandoned.stop_possible())
        core->abandoned = std::stop_source();
    pipeline_driver<Node, Out, Source, decltype(out), decltype(parts)> driver(setup, started, out, parts,
                                                                              options);
    {
        const std::stop_callback on_abandoned(core->abandoned.get_token(),
                                              [&started]() noexcept { started->items.abandon(); });
        const std::stop_callback on_stop(options.stop, [&core, &options] {
            if (core->process.forked()) return;
            pipeline_lock lock(core->mutex);
            if (options.on_stop == stop_policy::now) core->ending = true;
            core->poke();
            core->release(lock);
            core->source_over.request_stop();
        });
        driver.drive();
    }
    if (core->process.forked()) throw forked();
    if (options.statistics != nullptr) fill_in(*options.statistics, setup, driver);
    if (options.failed != nullptr) {
        for (failed_item& item : core->failed) options.failed->push_back(std::move(item));
    }
    core->failed.clear();  // the core may outlive the run
    throw_outcome(*core);
    return std::move(out).result();
}

}  // namespace yoke::detail
