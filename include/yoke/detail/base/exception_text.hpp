// SPDX-License-Identifier: MIT
#pragma once

/// The text of an exception that is in somebody's hand.

#include <exception>
#include <string>

namespace yoke::detail {

/// What `error` says; it must not be null.
inline std::string text_of(const std::exception_ptr& error) {
    try {
        std::rethrow_exception(error);
    } catch (const std::exception& known) {
        return known.what();
    } catch (...) {
        return "an exception that is not a std::exception";
    }
}

}  // namespace yoke::detail
