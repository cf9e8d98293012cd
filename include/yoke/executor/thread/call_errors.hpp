// SPDX-License-Identifier: MIT
#pragma once

/// What is thrown when several calls that ran together have failed.

#include <yoke/detail/base/exception_text.hpp>
#include <yoke/error.hpp>

#include <exception>
#include <string>
#include <utility>
#include <vector>

namespace yoke::detail {

/// Adds what was thrown: the parts of a task_errors one by one, anything else as it is.
inline void add_error(std::vector<std::exception_ptr>& to, std::exception_ptr thrown) {
    try {
        std::rethrow_exception(thrown);
    } catch (const task_errors& several) {
        to.insert(to.end(), several.errors().begin(), several.errors().end());
    } catch (...) {
        to.push_back(std::move(thrown));
    }
}

/// Throws the one error, or several as task_errors. There is at least one.
[[noreturn]] inline void throw_errors(std::vector<std::exception_ptr> errors) {
    if (errors.size() == 1) std::rethrow_exception(std::move(errors.front()));
    const std::string first = text_of(errors.front());
    throw task_errors(std::move(errors), first);
}

/// Throws the errors of two calls as one.
[[noreturn]] inline void throw_both(std::exception_ptr first, std::exception_ptr second) {
    std::vector<std::exception_ptr> errors;
    add_error(errors, std::move(first));
    add_error(errors, std::move(second));
    throw_errors(std::move(errors));
}

}  // namespace yoke::detail
