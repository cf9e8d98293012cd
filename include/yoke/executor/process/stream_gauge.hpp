// SPDX-License-Identifier: MIT
#pragma once

/// Tells a stream of small tasks that come back from single ones.

#include <cstddef>
#include <cstdint>

namespace yoke::detail {

/// Counts what has come in spans of time. Times are those of one steady clock, in nanoseconds.
class stream_gauge {
public:
    static constexpr std::int64_t span_ns = 100'000;
    /// So many in a span are a stream: more than a thread gets that waits for one task before it submits the next.
    static constexpr std::size_t many = 16;

    /// So many have come since the last call. Whether there is a stream: there were many in this span, or in the one before.
    [[nodiscard]] bool flows(std::int64_t now, std::size_t came) noexcept {
        if (now - begin_ >= span_ns) {
            before_ = now - begin_ < 2 * span_ns ? here_ : 0;
            here_ = 0;
            begin_ = now;
        }
        here_ += came;
        return here_ >= many || before_ >= many;
    }

private:
    std::int64_t begin_ = 0;
    std::size_t here_ = 0;
    std::size_t before_ = 0;
};

}  // namespace yoke::detail
