// SPDX-License-Identifier: MIT
#pragma once

#include <utility>

namespace yoke::detail {

/// An object whose owner says when it ends.
template <class T>
union until_ended {
    template <class... Args>
    explicit until_ended(Args&&... args) : value(std::forward<Args>(args)...) {}
    until_ended(const until_ended&) = delete;
    until_ended& operator=(const until_ended&) = delete;
    ~until_ended() {}

    void end() noexcept { value.~T(); }

    T value;
};

}  // namespace yoke::detail
