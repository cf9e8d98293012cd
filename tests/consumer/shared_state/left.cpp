// SPDX-License-Identifier: MIT
#include "libraries.hpp"

#include <yoke/executor/process/exception_wire.hpp>

std::vector<std::byte> encode_on_the_left(int number) {
    return yoke::detail::encode_exception(std::make_exception_ptr(numbered_failure{number, {1, 2}}));
}

int call_in_a_task_of_the_left(int (*call)(yoke::thread_pool&)) {
    yoke::thread_pool pool({.threads = 1}, [](std::size_t) {});
    return pool.submit([call, &pool] { return call(pool); }).get();
}
