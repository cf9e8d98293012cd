// SPDX-License-Identifier: MIT
#pragma once

/// A function with some of its arguments: the lambda with captures that can cross to another process.
///
///     const double factor = read_factor();
///     processes.submit([factor](double x) { return factor * x; }, 2.0);    // does not compile
///     processes.submit(yoke::bind_values([](double k, double x) { return k * x; }, factor), 2.0);
///
/// The values are copied (or moved) into the object, references among them too; the object crosses if the function
/// and all values can.

#include <concepts>
#include <cstddef>
#include <functional>
#include <tuple>
#include <type_traits>
#include <utility>

namespace yoke {

/// What `bind_values` returns. `object(args...)` calls `f(values..., args...)`, with the values as they are in the
/// object: const if it is, given up if it is an rvalue. A plain value, as thread-safe as `F` and the values are.
template <class F, class... Values>
class bound_values {
public:
    using function_type = F;
    using values_type = std::tuple<Values...>;

    bound_values(F f, std::tuple<Values...> values) : f_(std::move(f)), values_(std::move(values)) {}

    /// The function.
    [[nodiscard]] const F& function() const noexcept { return f_; }
    /// The values that come before the call's arguments.
    [[nodiscard]] const std::tuple<Values...>& values() const noexcept { return values_; }

    template <class... Args>
        requires std::invocable<F&, Values&..., Args...>
    decltype(auto) operator()(Args&&... args) & { return call(f_, values_, std::forward<Args>(args)...); }
    template <class... Args>
        requires std::invocable<const F&, const Values&..., Args...>
    decltype(auto) operator()(Args&&... args) const& {
        return call(f_, values_, std::forward<Args>(args)...);
    }
    template <class... Args>
        requires std::invocable<F, Values..., Args...>
    decltype(auto) operator()(Args&&... args) && {
        return call(std::move(f_), std::move(values_), std::forward<Args>(args)...);
    }

private:
    template <class Function, class Tuple, class... Args>
    static decltype(auto) call(Function&& f, Tuple&& values, Args&&... args) {
        return std::apply(
            [&](auto&&... value) -> decltype(auto) {
                return std::invoke(std::forward<Function>(f), std::forward<decltype(value)>(value)...,
                                   std::forward<Args>(args)...);
            },
            std::forward<Tuple>(values));
    }

    F f_;
    std::tuple<Values...> values_;
};

/// `f` with its first arguments. Throws what copying them throws.
template <class F, class... Values>
[[nodiscard]] bound_values<std::decay_t<F>, std::decay_t<Values>...> bind_values(F&& f, Values&&... values) {
    return {std::forward<F>(f), std::tuple<std::decay_t<Values>...>(std::forward<Values>(values)...)};
}

}  // namespace yoke
