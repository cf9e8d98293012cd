// SPDX-License-Identifier: MIT
#pragma once

/// Where a pipeline's results go (pipeline.hpp). A sink ends a pipeline and runs it.
///
/// All of them take `pipeline_options` last, and before that, optionally, `yoke::unordered`. They are called on the
/// driving thread only.

#include <yoke/algorithm/pipeline/driver.hpp>
#include <yoke/algorithm/pipeline/options.hpp>
#include <yoke/concept/queue.hpp>
#include <yoke/error.hpp>

#include <concepts>
#include <functional>
#include <stop_token>
#include <type_traits>
#include <utility>
#include <vector>

namespace yoke {

/// The type of `unordered`.
struct unordered_t {
    explicit unordered_t() = default;
};
/// Results go to the sink as they come, not in the order of the source.
inline constexpr unordered_t unordered{};

namespace detail {

struct sink_base {
    bool keeps_order;
    pipeline_options options;

    /// What comes of a pipeline whose parts do not fit, which the compiler has refused already.
    static void nothing() {}
};
template <class T>
concept sink = std::derived_from<T, sink_base>;

struct collect_sink : sink_base {
    static std::vector<not_connected> nothing() { return {}; }

    template <class T>
    static constexpr bool fits = true;
    template <class T>
    static constexpr void check() {}

    template <class T>
    struct running {
        static constexpr bool prompt = true;  // does not keep the driver
        std::vector<T> results{};
        explicit running(collect_sink&) {}
        void take(T&& item, const std::stop_token&) { results.push_back(std::move(item)); }
        std::vector<T> result() && { return std::move(results); }
    };
};

template <class F>
struct call_sink : sink_base {
    F function;

    template <class T>
    static constexpr bool fits = std::invocable<F&, T>;
    template <class T>
    static constexpr void check() {
        static_assert(
            fits<T>,
            "yoke::for_each_result: the function cannot be called with what the pipeline gives. It gets one "
            "item, as an rvalue: take it by value, by const reference or by &&");
    }

    template <class T>
    struct running {
        static constexpr bool prompt = false;
        F& function;
        explicit running(call_sink& sink) : function(sink.function) {}
        void take(T&& item, const std::stop_token&) { std::invoke(function, std::move(item)); }
        void result() && {}
    };
};

template <class Q>
struct queue_sink : sink_base {
    Q* queue;

    template <class T>
    static constexpr bool fits = requires(Q& queue, T item) {
        { queue.push(std::move(item)) } -> std::same_as<bool>;
    };
    template <class T>
    static constexpr void check() {
        static_assert(fits<T>, "yoke::into: the queue does not take what the pipeline gives");
    }

    template <class T>
    struct running {
        static constexpr bool prompt = false;
        static constexpr bool may_block = true;
        Q& queue;
        explicit running(queue_sink& sink) : queue(*sink.queue) {}
        /// `over`: the run has failed or was stopped; then nobody needs to make room.
        void take(T&& item, const std::stop_token& over) {
            if constexpr (requires {
                              { queue.push(std::move(item), over) } -> std::same_as<bool>;
                          }) {
                if (queue.push(std::move(item), over)) return;
                if (over.stop_requested()) throw sink_given_up();
                throw queue_closed();
            } else {
                if (!queue.push(std::move(item))) throw queue_closed();
            }
        }
        void result() && {}
    };
};

struct discard_sink : sink_base {
    template <class T>
    static constexpr bool fits = true;
    template <class T>
    static constexpr void check() {}

    template <class T>
    struct running {
        static constexpr bool prompt = true;  // does not keep the driver
        explicit running(discard_sink&) {}
        void take(T&&, const std::stop_token&) noexcept {}
        void result() && {}
    };
};

}  // namespace detail

/// Runs the pipeline and returns its results as a std::vector, in the order of the source.
[[nodiscard]] inline detail::collect_sink collect(pipeline_options options = {}) {
    return {{true, std::move(options)}};
}
/// The same in the order in which they come.
[[nodiscard]] inline detail::collect_sink collect(unordered_t, pipeline_options options = {}) {
    return {{false, std::move(options)}};
}

/// Runs the pipeline and calls `f(result)` for each result, in the order of the source, on the calling thread. An
/// exception from `f` ends the run like one from a stage.
template <class F>
[[nodiscard]] detail::call_sink<std::decay_t<F>> for_each_result(F&& f, pipeline_options options = {}) {
    return {{true, std::move(options)}, std::forward<F>(f)};
}
/// The same in the order in which they come.
template <class F>
[[nodiscard]] detail::call_sink<std::decay_t<F>> for_each_result(F&& f, unordered_t,
                                                                 pipeline_options options = {}) {
    return {{false, std::move(options)}, std::forward<F>(f)};
}

/// Runs the pipeline and pushes each result into `queue`, in the order of the source; waits where the queue is full.
/// The queue is not closed at the end. A run that fails or is stopped meanwhile does not wait for room. If somebody
/// else closes it, that is an error (`queue_closed`, nested in a stage_error).
template <class Q>
[[nodiscard]] detail::queue_sink<Q> into(Q& queue, pipeline_options options = {}) {
    return {{true, std::move(options)}, &queue};
}
/// The same in the order in which they come.
template <class Q>
[[nodiscard]] detail::queue_sink<Q> into(Q& queue, unordered_t, pipeline_options options = {}) {
    return {{false, std::move(options)}, &queue};
}

/// Runs the pipeline for what its stages do, and drops the results.
[[nodiscard]] inline detail::discard_sink discard(pipeline_options options = {}) {
    return {{false, std::move(options)}};
}

}  // namespace yoke
