// SPDX-License-Identifier: MIT
#pragma once

/// What is thrown when several calls that ran together have failed.

#include <yoke/detail/base/config.hpp>
#include <yoke/detail/base/exception_text.hpp>
#include <yoke/error.hpp>

#include <exception>
#include <string>
#include <utility>
#include <vector>

namespace yoke::detail {

/// Adds what was thrown: the parts of a task_errors one by one, anything else as it is.
void add_error(std::vector<std::exception_ptr>& to, std::exception_ptr thrown);

/// Throws the one error, or several as task_errors. There is at least one.
[[noreturn]] void throw_errors(std::vector<std::exception_ptr> errors);

/// Throws the errors of two calls as one.
[[noreturn]] void throw_both(std::exception_ptr first, std::exception_ptr second);

}  // namespace yoke::detail

#if YOKE_IS_HEADER_ONLY
#include <yoke/executor/thread/call_errors.ipp>
#endif
