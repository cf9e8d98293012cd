// SPDX-License-Identifier: MIT
#pragma once

#include <yoke/executor/thread/call_errors.hpp>

namespace yoke::detail {

YOKE_INLINE void add_error(std::vector<std::exception_ptr>& to, std::exception_ptr thrown) {
    try {
        std::rethrow_exception(thrown);
    } catch (const task_errors& several) {
        to.insert(to.end(), several.errors().begin(), several.errors().end());
    } catch (...) {
        to.push_back(std::move(thrown));
    }
}

YOKE_INLINE void throw_errors(std::vector<std::exception_ptr> errors) {
    if (errors.size() == 1) std::rethrow_exception(std::move(errors.front()));
    const std::string first = text_of(errors.front());
    throw task_errors(std::move(errors), first);
}

YOKE_INLINE void throw_both(std::exception_ptr first, std::exception_ptr second) {
    std::vector<std::exception_ptr> errors;
    add_error(errors, std::move(first));
    add_error(errors, std::move(second));
    throw_errors(std::move(errors));
}

}  // namespace yoke::detail
