// SPDX-License-Identifier: MIT
#pragma once

/// An error that is left aside because another one is thrown.

#include <yoke/detail/future/task_scope.hpp>
#include <yoke/dropped_error.hpp>

#include <cstdint>
#include <exception>
#include <utility>

namespace yoke::detail {

/// The number of the pool whose task this thread runs, for report_dropped_error(); 0 if it runs none.
[[nodiscard]] inline std::uint32_t pool_of_this_task() noexcept {
    drop_counter* const pool = counter_of_drops();
    return pool != nullptr ? pool->number() : 0;
}

/// Nobody will receive this error, since whoever waits is told another one: it is counted for the pool whose task this
/// thread runs, and the handler hears of it. Not to be called with a lock held. Null is no error.
inline void leave_error_aside(std::exception_ptr error, const char* what) noexcept {
    if (error != nullptr) report_dropped_error(std::move(error), what, pool_of_this_task());
}

}  // namespace yoke::detail
