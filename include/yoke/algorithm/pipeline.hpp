// SPDX-License-Identifier: MIT
#pragma once

/// Pipelines: stages, each on an executor of its own and with its own number of calls at a time.
///
///     auto reports = yoke::from(endpoints)
///                  | yoke::stage(threads,   collect,  {.limit = 1})
///                  | yoke::stage(threads,   import_,  {.limit = 1})
///                  | yoke::flatten()
///                  | yoke::stage(processes, report,   {.limit = 4}, yoke::longest_first(&entry::interval))
///                  | yoke::collect();            // runs it; -> std::vector<result>
///
/// **Parts.** `from` a range, a generator or a queue; `stage`; between stages `filter`, `flatten` (an item that is a
/// range becomes its elements) and `batch` (neighbours become a vector); at the end a sink, which runs the whole:
/// `collect`, `for_each_result`, `into` a queue, `discard`. A pipeline without a sink is a value: keep it, copy it,
/// run it several times.
///
/// **Who runs what.** The calling thread drives: it asks the source for items, gives results to the sink, and sleeps
/// in between; no other thread ever calls the sink, or a range or function that is the source. The stages' functions
/// run on their executors. Called inside a task - even the only worker's of a pool the stages use - the driving
/// thread runs calls of its own pipeline that no worker has begun, so pipelines nest without deadlock.
///
/// **Sources that block** must hold back neither results nor the end of the run:
///
/// | source                        | while it blocks, the sink           | a run that ends early                        |
/// |-------------------------------|-------------------------------------|----------------------------------------------|
/// | queue, `blocking(f)`          | gets what is ready: the source is   | does not wait for an item; a call of f that  |
/// |                               | called on a thread of its own       | blocks is left behind                        |
/// | pages of a `fetch`            | gets what is ready                  | does not wait for a page                     |
/// | function with a stop_token    | gets nothing                        | requests a stop and waits for it             |
/// | any other function or range   | gets nothing                        | waits for it                                 |
///
/// (A function that refers to something of its caller's must not outlive the run, so only the caller can say that it
/// may be left behind. If the system gives us no thread, the first row becomes as the third.)
///
/// **Functions.** A stage's function gets each item as an rvalue. On an executor of this address space all calls use
/// the one function object: with a limit above 1 it is called on several threads at once. For a process pool it is
/// copied for each call. A stage that returns void passes on std::monostate.
///
/// **Order.** Items overtake one another inside. The sink gets the results in the order of the source - elements of a
/// flattened item in its place
/// - or, with `yoke::unordered`, as they come.
///
/// **Back-pressure.** One bound for everything between source and sink: `pipeline_options::items`.
///
/// **Errors.** The first one, in time, ends the run: nothing further begins, calls on process pools that have not
/// begun are cancelled, what runs is waited for, and a `stage_error` is thrown that names stage and item, with the
/// cause nested in it (std::rethrow_if_nested). The sink gets nothing after it. Only an error of the source lets what
/// the source gave before go through to the sink first. Source and sink count as the stages before the first and
/// after the last; a filter, flatten or batch counts as the stage before it, an order as its own. With
/// `error_policy::set_aside` the item is set aside instead and the run goes on.
///
/// Items must be movable; a move that throws is an error like any other. Everything given by reference - executors,
/// an lvalue range, a queue - must live until the run returns; when it has, nothing of it is touched any more.
///
/// How it works is told in algorithm/pipeline/run.hpp (the machine), algorithm/pipeline/stage.hpp (the parts) and algorithm/pipeline/order_list.hpp
/// (the order).

#include <yoke/algorithm/pipeline/options.hpp>
#include <yoke/algorithm/pipeline/parts.hpp>
#include <yoke/algorithm/pipeline/sink.hpp>
#include <yoke/algorithm/pipeline/source.hpp>
#include <yoke/algorithm/pipeline/stage.hpp>
#include <yoke/concept/executor.hpp>

#include <algorithm>
#include <concepts>
#include <tuple>
#include <type_traits>
#include <utility>

namespace yoke {

// ---- sources

/// Items from a range. An lvalue is used by reference and its elements are copied; an rvalue is moved in and its
/// elements are moved out (those of a view are copied). The range is walked while the pipeline runs, one step
/// per item, so it may be an input range that produces its elements.
template <std::ranges::input_range R>
[[nodiscard]] auto from(R&& range) requires(!queue_source<std::remove_cvref_t<R>>) {
    if constexpr (std::is_lvalue_reference_v<R>) {
        using source = detail::borrowed_source<std::remove_reference_t<R>>;
        constexpr bool copies =
            std::constructible_from<typename source::value_type, std::ranges::range_reference_t<R>>;
        static_assert(copies,
                      "yoke::from: the elements of an lvalue range are copied, and these cannot be; use "
                      "std::move(range)");
        if constexpr (copies) {
            return pipeline<source>(source(range));
        } else {
            return pipeline<detail::no_source<R>>(detail::no_source<R>());
        }
    } else {
        return pipeline<detail::owned_source<R>>(detail::owned_source<R>(std::move(range)));
    }
}
/// Items from a list.
template <class T>
[[nodiscard]] auto from(std::initializer_list<T> items) {
    return yoke::from(std::vector<T>(items));
}
/// Items from a function that returns std::optional: each call gives the next item, nothing ends it. It is called on
/// the driving thread, which waits for it: one that blocks for long takes a std::stop_token, by which it is told that
/// no further item is wanted, or is marked as `blocking`.
template <detail::generator_function G>
[[nodiscard]] auto from(G&& generator) requires(!queue_source<std::remove_cvref_t<G>>) {
    using source = detail::generated_source<std::decay_t<G>>;
    return pipeline<source>(source(std::in_place, std::forward<G>(generator)));
}
/// Marks a source function, one as for `from` above, as one that may block for any time: `from(blocking(read_line))`.
/// It is called on a thread of its own, so results reach the sink while it blocks; and a run that ends early does not
/// wait for a call of it that blocks, but lets it go on in its thread, which then drops what it returns. **So the
/// function must own all it uses**: it may outlive the run, and whatever the run's caller had. One that takes a
/// std::stop_token hears of it.
template <detail::generator_function G>
[[nodiscard]] detail::blocking_generator<std::decay_t<G>> blocking(G&& generator) {
    return {std::forward<G>(generator)};
}
template <class G>
[[nodiscard]] auto from(detail::blocking_generator<G> marked) {
    using source = detail::blocking_source<G>;
    return pipeline<source>(source(std::in_place, std::move(marked.generator)));
}
/// What comes out of a queue, until it is closed and drained, or until a poison pill. A run that fails or is stopped
/// closes the queue, as `consume` does, so no producer waits for nobody; one that drains leaves it open.
template <queue_source Q>
[[nodiscard]] auto from(Q& queue) {
    return pipeline<detail::queue_items<Q>>(detail::queue_items<Q>{std::addressof(queue)});
}

// ---- parts

/// A stage: `function(item)` runs on `executor`, at most `options.limit` calls at once. The executor is used by
/// reference; a view of one (`yoke::with`) may be given as a temporary.
template <class E, class F, class Order = first_come>
[[nodiscard]] auto stage(E&& executor, F&& function, stage_options options = {}, Order order = {}) {
    static_assert(yoke::executor<std::remove_reference_t<E>>,
                  "yoke::stage: the first argument must be an executor, such as a yoke::thread_pool");
    static_assert(std::is_lvalue_reference_v<E> || std::move_constructible<E>,
                  "yoke::stage: the executor must outlive the pipeline, so it cannot be a temporary");
    return detail::stage_link<E, std::decay_t<F>, Order>{std::forward<E>(executor), std::forward<F>(function),
                                                         std::move(options), std::move(order)};
}
/// Each item, which must be a range, becomes its elements, none to many; they take its place in the order. They are
/// made all at once.
[[nodiscard]] inline detail::flatten_link flatten() { return {}; }
/// Only items for which `predicate(item)` is true go on. It is called on whatever thread brings the item, possibly on
/// several at once.
template <class Predicate>
[[nodiscard]] detail::filter_link<std::decay_t<Predicate>> filter(Predicate&& predicate) {
    return {std::forward<Predicate>(predicate)};
}
/// `size` neighbours in the order become one std::vector; the last one may be shorter. A slow item delays its own
/// batch and those after it. Throws std::invalid_argument if `size` is 0.
[[nodiscard]] inline detail::batch_link batch(std::size_t size) {
    if (size == 0) throw std::invalid_argument("yoke::batch: the size is 0; it must be at least 1");
    return {size};
}

namespace detail {

template <class T>
inline constexpr bool is_link = false;
template <class E, class F, class Order>
inline constexpr bool is_link<stage_link<E, F, Order>> = true;
template <>
inline constexpr bool is_link<flatten_link> = true;
template <class Predicate>
inline constexpr bool is_link<filter_link<Predicate>> = true;
template <>
inline constexpr bool is_link<batch_link> = true;

template <class T>
inline constexpr bool is_pipeline = false;
template <class Source, class... Links>
inline constexpr bool is_pipeline<pipeline<Source, Links...>> = true;

template <class T>
concept pipeline_part = is_link<T> || sink<T>;

/// What an item is in front of each of `Links` and after them; room for all of it in one node.
template <std::size_t Size, std::size_t Align, class In, class... Links>
struct item_types {
    using output = In;
    using node = item_node<std::max(Size, sizeof(In)), std::max(Align, alignof(In))>;
};
template <std::size_t Size, std::size_t Align, class In, class Link, class... Rest>
struct item_types<Size, Align, In, Link, Rest...>
    : item_types<std::max(Size, sizeof(In)), std::max(Align, alignof(In)), typename Link::template output<In>,
                 Rest...> {};
template <std::size_t Size, std::size_t Align, class Link, class... Rest>
struct item_types<Size, Align, not_connected, Link, Rest...> {
    using output = not_connected;
};

}  // namespace detail

// ---- the pipeline

/// A source and the parts after it. Made by `from` and `operator|`.
template <class Source, class... Links>
class [[nodiscard("a pipeline runs when it ends in a sink, such as | yoke::collect()")]] pipeline {
public:
    using source_type = Source;
    /// What comes out at its end.
    using value_type = typename detail::item_types<1, 1, typename Source::value_type, Links...>::output;

    explicit pipeline(Source source, Links... links)
        : source_(std::move(source)), links_(std::move(links)...) {}

    /// This pipeline with one more part.
    template <class Link>
    [[nodiscard]] pipeline<Source, Links..., Link> then(Link link)&& {
        return std::apply(
            [&](Links&... links) {
                return pipeline<Source, Links..., Link>(std::move(source_), std::move(links)...,
                                                        std::move(link));
            },
            links_);
    }
    /// Runs it into `sink`.
    template <class Sink>
    auto run(Sink && sink)&& {
        using types = detail::item_types<1, 1, typename Source::value_type, Links...>;
        return std::apply(
            [&](Links&... links) {
                return detail::run_pipeline<typename types::node, value_type>(
                    source_, std::forward<Sink>(sink), std::move(links)...);
            },
            links_);
    }

private:
    Source source_;
    std::tuple<Links...> links_;
};

/// Appends a part; a sink runs the pipeline and returns its result.
template <class Source, class... Links, detail::pipeline_part Part>
auto operator|(pipeline<Source, Links...> left, Part part) {
    using item = typename pipeline<Source, Links...>::value_type;
    if constexpr (!std::same_as<item, detail::not_connected>) Part::template check<item>();
    if constexpr (detail::is_link<Part>) {
        return std::move(left).then(std::move(part));
    } else if constexpr (std::same_as<item, detail::not_connected>) {
        return Part::nothing();
    } else if constexpr (Part::template fits<item>) {
        return std::move(left).run(std::move(part));
    }
}

namespace detail {

template <class Left, pipeline_part Part>
    requires(!is_pipeline<std::remove_cvref_t<Left>>)
void operator|(Left&&, Part) {
    static_assert(is_pipeline<std::remove_cvref_t<Left>>,
                  "yoke: a pipeline begins with yoke::from(...), and ends with its sink");
}

}  // namespace detail

}  // namespace yoke
