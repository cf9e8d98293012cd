// SPDX-License-Identifier: MIT
#pragma once

#include <yoke/executor/thread_pool.hpp>
#include <yoke/wire/registered_exception.hpp>

#include <cstddef>
#include <vector>

#define EXPORTED __attribute__((visibility("default")))

/// Registered by each library.
struct numbered_failure {
    int number = 0;
    std::vector<int> more;
};
inline const yoke::registered_exception<numbered_failure> numbered_failure_crosses;

/// Makes a pool with one worker, which is initialized, and returns what `call(pool)` returns, called in a task of that pool.
EXPORTED int call_in_a_task_of_the_left(int (*call)(yoke::thread_pool&));

/// Hands the pool a further task and waits for it.
EXPORTED int wait_on_the_right(yoke::thread_pool& pool);

/// The bytes in which a numbered_failure crosses to another process.
EXPORTED std::vector<std::byte> encode_on_the_left(int number);

/// The number of the numbered_failure in the bytes; -1 if it is something else.
EXPORTED int decode_on_the_right(const std::vector<std::byte>& bytes);

/// Drops an error of a task of the pool.
EXPORTED int drop_an_error_on_the_right(yoke::thread_pool& pool);
