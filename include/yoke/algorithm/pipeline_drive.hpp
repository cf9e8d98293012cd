// SPDX-License-Identifier: MIT
#pragma once

/// The driving thread of a pipeline (pipeline.hpp): asks the source for items, gives results to the sink, helps inside a
/// task, sleeps otherwise, and in the end tells how it went.

#include <yoke/algorithm/pipeline_options.hpp>
#include <yoke/algorithm/pipeline_run.hpp>
#include <yoke/algorithm/pipeline_stage.hpp>
#include <yoke/detail/exception_text.hpp>
#include <yoke/detail/helping.hpp>
#include <yoke/error.hpp>

#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace yoke::detail {

/// One run, as the driving thread has it.
template <class Node, class Out, class Source, class Sink, class Chain>
class pipeline_driver {
public:
    pipeline_driver(const chain_setup& setup, Source source, Sink& sink, Chain& chain,
                    const pipeline_options& options)
        : core_(setup.core),
          stages_(setup.stages),
          source_(std::move(source)),
          sink_(sink),
          chain_(chain),
          options_(options) {}

    /// Returns when the run is over and nobody else is in it any more.
    void drive() noexcept {
        pipeline_lock lock(core_.mutex);
        while (!core_.ending) {
            core_.give_back(std::move(done_), std::exchange(done_count_, 0));
            if (output_.empty()) output_ = core_.take_output();
            if (options_.on_stop == stop_policy::drain && options_.stop.stop_requested()) end_source(lock);
            core_.launch_held(lock);
            if (core_.may_pull()) {
                pull(lock);
            } else if (output_.empty()) {
                if (core_.finished()) break;
                core_.wait_for_work(lock);
                continue;
            }
            if (!output_.empty() && !core_.ending) emit(lock);
        }
        core_.release(lock);  // tells calls elsewhere if the run is ending
        lock.lock();
        while (core_.inside != 0) core_.wait_for_work(lock);
        core_.closed = true;
        lock.unlock();
        while (order_node* const node = output_.pop()) delete static_cast<Node*>(node);
        while (order_node* const node = done_.pop()) delete static_cast<Node*>(node);
        core_.template discard<Node>();
        core_.buried.clear();
    }

    std::uint64_t pulled = 0;
    std::uint64_t emitted = 0;
    pipeline_clock::duration source_time{0};
    pipeline_clock::duration sink_time{0};

private:
    /// The sink gets this much time before the source has its turn again.
    static constexpr std::chrono::microseconds sink_turn{20};

    /// Asks the source for one item. With the mutex before and afterwards.
    void pull(pipeline_lock& lock) noexcept {
        std::exception_ptr error;
        order_node* node = core_.spare.pop();
        if (node == nullptr) {
            lock.unlock();
            try {
                node = new Node;
            } catch (...) {
                error = std::current_exception();
            }
            lock.lock();
            if (error) return core_.fail(nullptr, 0, source_label_, pulled, std::move(error));
        }
        core_.append(*node);
        leave_for_user_code(lock);

        bool got = false;
        const auto begun = pipeline_clock::now();
        try {
            if (auto item = source_.next()) {
                static_cast<Node*>(node)->template emplace<typename decltype(item)::value_type>(
                    *std::move(item));
                got = true;
            }
        } catch (...) {
            error = std::current_exception();
        }
        const auto now = pipeline_clock::now();
        source_time += now - begun;
        if (got) {
            ++pulled;
            chain_.accept(node_chain(*node), lock, now);
            core_.set_at_hand(true);
            core_.count();
            return core_.launch_all(lock);
        }
        lock.lock();
        core_.set_at_hand(true);
        core_.remove(*node);
        if (error) return core_.fail(nullptr, 0, source_label_, pulled, std::move(error));
        end_source(lock);
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
        const auto begun = pipeline_clock::now();
        auto now = begun;
        do {
            Node& node = static_cast<Node&>(*output_.pop());
            try {
                sink_.take(std::move(node.template get<Out>()));
                ++emitted;
            } catch (...) {
                error = std::current_exception();
            }
            node.reset();
            done_.push(node);
            ++done_count_;
            now = pipeline_clock::now();
        } while (!error && !output_.empty() && now - begun < sink_turn);
        sink_time += now - begun;
        lock.lock();
        core_.set_at_hand(true);
        if (error) core_.fail(nullptr, stages_.size() + 1, sink_label_, emitted, std::move(error));
    }

    pipeline_core& core_;
    const std::vector<stage_core*>& stages_;
    Source source_;
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
    pipeline_driver<Node, Out, decltype(source.start()), decltype(out), decltype(parts)> driver(
        setup, source.start(), out, parts, options);
    {
        const std::stop_callback on_stop(options.stop, [&core, &options] {
            if (core->process.forked()) return;
            pipeline_lock lock(core->mutex);
            if (options.on_stop == stop_policy::now) core->ending = true;
            core->poke();
            core->release(lock);
        });
        driver.drive();
    }
    if (options.statistics != nullptr) fill_in(*options.statistics, setup, driver);
    if (options.failed != nullptr) {
        for (failed_item& item : core->failed) options.failed->push_back(std::move(item));
    }
    core->failed.clear();  // the core may outlive the run
    throw_outcome(*core);
    return std::move(out).result();
}

}  // namespace yoke::detail
