// SPDX-License-Identifier: MIT
#pragma once

/// Named places in the code at which a test can stop a process or kill it.
///
/// Only a program that defines YOKE_TEST_POINTS (all of its translation units) has them; elsewhere `YOKE_TEST_POINT` is
/// nothing at all. The hook is inherited by the workers, as all of the program's memory is when the
/// fork server starts, so a test sets it before that and steers it through shared memory.

#if defined(YOKE_TEST_POINTS)

#include <yoke/detail/config.hpp>

namespace yoke::detail {

YOKE_SHARED_STATE inline void (*test_point_hook)(const char* name) = nullptr;

}  // namespace yoke::detail

#define YOKE_TEST_POINT(NAME)                                                                                \
    do {                                                                                                     \
        if (::yoke::detail::test_point_hook != nullptr) ::yoke::detail::test_point_hook(NAME);               \
    } while (false)

#else
#define YOKE_TEST_POINT(NAME) static_cast<void>(0)
#endif
