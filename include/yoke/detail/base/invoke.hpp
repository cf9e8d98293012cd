// SPDX-License-Identifier: MIT
#pragma once

/// std::invoke without <functional>, which would be a fifth of what a user of <yoke/executor/thread_pool.hpp> compiles.

#include <tuple>
#include <type_traits>
#include <utility>

namespace yoke::detail {

/// `f(args...)`, where `f` may point to a member.
template <class F, class... Args>
constexpr decltype(auto) invoke(F&& f, Args&&... args) noexcept(std::is_nothrow_invocable_v<F, Args...>) {
    if constexpr (std::is_member_pointer_v<std::remove_cvref_t<F>>) {
        return std::apply(std::forward<F>(f), std::forward_as_tuple(std::forward<Args>(args)...));
    } else {
        return std::forward<F>(f)(std::forward<Args>(args)...);
    }
}

}  // namespace yoke::detail
