// SPDX-License-Identifier: MIT
#pragma once

#include <yoke/executor/thread/admission.hpp>

namespace yoke::detail {

YOKE_INLINE bool admission::close() noexcept {
    outside_.fetch_or(closed_flag, std::memory_order_seq_cst);
    return empty();
}

YOKE_INLINE void admission::wait() noexcept {
    static_cast<void>(wait_by([](std::uint32_t before, parking_word& emptied) {
        park(emptied, before);
        return true;
    }));
}

YOKE_INLINE bool admission::wait_until(deadline until) noexcept {
    return wait_by([until](std::uint32_t before, parking_word& emptied) {
        park_until(emptied, before, until);
        return std::chrono::steady_clock::now() < until;
    });
}

}  // namespace yoke::detail
