// SPDX-License-Identifier: MIT
#pragma once

/// Several calls that may run together: what they return, and how they are put together from calls in pairs.

#include <cstddef>
#include <exception>
#include <tuple>
#include <type_traits>
#include <utility>

namespace yoke::detail {

/// What a call returns, stored: nothing becomes an empty value.
struct no_value {};
template <class F>
using fork_result = std::decay_t<std::invoke_result_t<F&>>;
template <class F>
using fork_value = std::conditional_t<std::is_void_v<fork_result<F>>, no_value, fork_result<F>>;

template <class F>
fork_value<F> call_forked(F& f) {
    if constexpr (std::is_void_v<fork_result<F>>) {
        f();
        return {};
    } else {
        return f();
    }
}

/// Makes two calls one after the other, here.
struct in_order {
    template <class F, class G>
    static std::pair<fork_value<F>, fork_value<G>> both(F& f, G& g) {
        fork_value<F> first = call_forked(f);
        return {std::move(first), call_forked(g)};
    }
};

/// All values, by calls of `Pair::both(f, g)`: the first against the rest.
template <class Pair, class F, class... More>
std::tuple<fork_value<F>, fork_value<More>...> call_all(F& f, More&... more) {
    if constexpr (sizeof...(More) == 0) {
        return {call_forked(f)};
    } else if constexpr (sizeof...(More) == 1) {
        return Pair::both(f, more...);
    } else {
        auto rest = [&] { return call_all<Pair>(more...); };
        auto [first, others] = Pair::both(f, rest);
        return std::tuple_cat(std::tuple<fork_value<F>>(std::move(first)), std::move(others));
    }
}

template <class... Fs>
struct invoke_shape {
    static_assert(
        (std::is_void_v<fork_result<Fs>> && ...) || (!std::is_void_v<fork_result<Fs>> && ...),
        "yoke::invoke: some of the functions return something and others do not; let all return something, "
        "or none");
    static_assert(
        ((std::is_void_v<fork_result<Fs>> || std::is_move_constructible_v<fork_result<Fs>>)&&...),
        "yoke::invoke: a function returns something that cannot be moved to where it is put together with "
        "the other results; let it return a std::unique_ptr");
    using type = std::tuple<fork_result<Fs>...>;
};
template <class... Fs>
    requires(std::is_void_v<fork_result<Fs>>&&...)
struct invoke_shape<Fs...> {
    using type = void;
};
template <class F>
    requires(!std::is_void_v<fork_result<F>>)
struct invoke_shape<F> {
    using type = fork_result<F>;
};
/// What invoke(f, ...) returns: nothing, the one result, or a tuple of all results.
template <class... Fs>
using invoke_shape_t = typename invoke_shape<std::remove_reference_t<Fs>...>::type;

/// invoke(f, ...) by calls of `Pair::both(f, g)`.
template <class Pair, class... Fs>
invoke_shape_t<Fs...> invoke_all(Fs&... fs) {
    using shape = invoke_shape_t<Fs...>;
    if constexpr (std::is_void_v<shape>) {
        call_all<Pair>(fs...);
    } else if constexpr (sizeof...(Fs) == 1) {
        return (fs(), ...);
    } else {
        return call_all<Pair>(fs...);
    }
}

}  // namespace yoke::detail
