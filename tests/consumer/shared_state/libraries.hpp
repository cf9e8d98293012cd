// SPDX-License-Identifier: MIT
#pragma once

#include <yoke/executor/thread_pool.hpp>

#define EXPORTED __attribute__((visibility("default")))

/// Makes a pool with one worker, which is initialized, and returns what `call(pool)` returns, called in a task of that pool.
EXPORTED int call_in_a_task_of_the_left(int (*call)(yoke::thread_pool&));

/// Hands the pool a further task and waits for it.
EXPORTED int wait_on_the_right(yoke::thread_pool& pool);

/// Drops an error of a task of the pool.
EXPORTED int drop_an_error_on_the_right(yoke::thread_pool& pool);
