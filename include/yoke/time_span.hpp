// SPDX-License-Identifier: MIT
#pragma once

/// Spans of time as calls and options take them.
///
///     yoke::task_options{.timeout = 1.5s};                       // any unit, whole or not
///     answer.wait_for(std::chrono::hours::max());                // for ever, in effect
///
/// std::chrono converts units without a look at the range: hours::max() as nanoseconds is -3.6e12, and now + max lies in
/// the past. Every span that comes in from a caller goes through this file instead:
///
/// - What is longer than nanoseconds can count (292 years) is `nanoseconds::max()`, and as far below zero `min()`.
/// - A fraction of a nanosecond is rounded up: nothing ends before its time.
/// - What is not a number is `min()`, that is negative.
///
/// What negative means each call says: a wait is over at once, an option is refused.

#include <chrono>
#include <concepts>
#include <cstdint>
#include <ratio>
#include <type_traits>

namespace yoke {

namespace detail {

/// `time` in nanoseconds, by the rules above.
template <class Rep, class Period>
constexpr std::chrono::nanoseconds saturated(const std::chrono::duration<Rep, Period>& time) noexcept {
    using std::chrono::nanoseconds;
    using factor = std::ratio_divide<Period, std::nano>;
    if constexpr (std::is_same_v<nanoseconds, std::chrono::duration<Rep, Period>>) {
        return time;
    } else {
        constexpr long double end = 9223372036854775808.0L;  // the first that is too large
        // Rounded to nearest, a product of `end` and more never comes out below `end`.
        const long double exact = static_cast<long double>(time.count()) *
                                  static_cast<long double>(factor::num) /
                                  static_cast<long double>(factor::den);
        if (!(exact > -end)) return nanoseconds::min();  // nor is what is not a number
        if (exact >= end) return nanoseconds::max();
        if constexpr (std::integral<Rep> && factor::den == 1) {
            return nanoseconds(static_cast<std::int64_t>(time.count()) * factor::num);
        } else {
            const auto whole = static_cast<std::int64_t>(exact);
            const bool up = static_cast<long double>(whole) < exact && whole != nanoseconds::max().count();
            return nanoseconds(whole + (up ? 1 : 0));
        }
    }
}

}  // namespace detail

/// Nanoseconds, made from a duration of any unit by the rules above. A plain value.
class time_span : public std::chrono::nanoseconds {
public:
    constexpr time_span() noexcept : std::chrono::nanoseconds(0) {}
    template <class Rep, class Period>
    constexpr time_span(
        const std::chrono::duration<Rep, Period>& time) noexcept  // NOLINT: any duration is one
        : std::chrono::nanoseconds(detail::saturated(time)) {}
};

namespace detail {

/// What deadlines are measured by.
using deadline = std::chrono::steady_clock::time_point;

/// The time point that is `from_now` after `now`, or the last one there is; `now` if that is not positive.
constexpr deadline deadline_after(time_span from_now, deadline now) noexcept {
    if (from_now <= time_span()) return now;
    const auto left = deadline::max() - now;
    return from_now < left ? now + std::chrono::ceil<deadline::duration>(from_now) : deadline::max();
}
/// The same from this moment on.
inline deadline deadline_after(time_span from_now) noexcept {
    return deadline_after(from_now, std::chrono::steady_clock::now());
}
/// A point of the steady clock, in whatever unit, or the first or the last that can be told.
template <class Duration>
constexpr deadline
deadline_at(const std::chrono::time_point<std::chrono::steady_clock, Duration>& time) noexcept {
    const std::chrono::nanoseconds since = saturated(time.time_since_epoch());
    if (since >= deadline::max().time_since_epoch()) return deadline::max();
    if (since <= deadline::min().time_since_epoch()) return deadline::min();
    return deadline(std::chrono::ceil<deadline::duration>(since));
}

}  // namespace detail

}  // namespace yoke
