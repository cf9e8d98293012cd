// SPDX-License-Identifier: MIT
#pragma once

/// Several calls that may run at the same time.
///
///     long fib(yoke::thread_pool& pool, int n) {
///         if (n < 2) return n;
///         auto [a, b] = yoke::invoke(pool, [&] { return fib(pool, n - 1); }, [&] { return fib(pool, n - 2); });
///         return a + b;
///     }
///
/// On an executor that forks (`fork_join_executor`, such as thread_pool) a call costs a few nanoseconds more than calling
/// the functions one after the other, so there is no need to stop dividing early. On any other executor they are called
/// one after the other, here.

#include <yoke/concept/executor.hpp>
#include <yoke/detail/base/call_results.hpp>

#include <concepts>
#include <type_traits>

namespace yoke {

/// Calls all functions, which take no arguments, and returns when all have ended: the result of one function, the
/// results of several as a std::tuple in the order of the functions, or nothing if all return nothing (they may not return
/// something partly). Results are decay-copies. The functions are used where they are and called once each.
///
/// If one function throws, its exception is thrown, as it is, once all have ended; if several do, task_errors with all of
/// them. Functions that have not begun by then may be left out.
template <class E, class F, class... More>
    requires executor<std::remove_reference_t<E>> &&
        (std::invocable<F&>&&...&& std::invocable<More&>)auto invoke(E&& ex, F&& f, More&&... more)
            -> detail::invoke_shape_t<F, More...> {
        if constexpr (fork_join_executor<std::remove_reference_t<E>>) {
            return ex.invoke(f, more...);
        } else {
            static_cast<void>(ex);
            return detail::invoke_all<detail::in_order>(f, more...);
        }
    }

}  // namespace yoke
