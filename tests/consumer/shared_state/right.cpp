// SPDX-License-Identifier: MIT
#include "libraries.hpp"

#include <yoke/executor/process/exception_wire.hpp>

int decode_on_the_right(const std::vector<std::byte>& bytes) {
    try {
        std::rethrow_exception(yoke::detail::decode_exception(bytes, 1));
    } catch (const numbered_failure& e) {
        return e.number;
    } catch (...) {
        return -1;
    }
}

int wait_on_the_right(yoke::thread_pool& pool) {
    return pool.submit([] { return 42; }).get();
}

int drop_an_error_on_the_right(yoke::thread_pool& pool) {
    auto task = pool.submit([] { throw 1; });
    task.wait();
    task = {};
    return static_cast<int>(pool.dropped_errors());
}
