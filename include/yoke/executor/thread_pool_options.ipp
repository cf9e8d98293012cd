// SPDX-License-Identifier: MIT
#pragma once

#include <yoke/executor/thread_pool_options.hpp>

namespace yoke::detail {

YOKE_INLINE void check_pool_size(const char* what, std::size_t threads) {
    if (threads > eventcount::most_workers)
        throw std::invalid_argument(std::string(what) + ": " + std::to_string(threads) +
                                    " threads are more than a pool can have, " +
                                    std::to_string(eventcount::most_workers));
}

YOKE_INLINE pool_setup to_setup(const thread_pool_options& options) {
    if (options.max_pending == 0)
        throw std::invalid_argument(
            "thread_pool_options::max_pending is 0, so no task could ever wait; use 1 or more");
    check_pool_size("thread_pool_options::threads", options.threads);
    check_processors("thread_pool_options", options.processors);
    pool_setup setup{.threads = options.threads != 0 ? options.threads : default_concurrency(),
                     .max_pending = options.max_pending,
                     .name = options.name,
                     .processors = options.processors,
                     .drain_time = options.drain_time};
    if (options.observer != nullptr) {
        const auto nothing = [](std::size_t) noexcept {};
        setup.observed = true;
        setup.hooks = std::make_unique<pool_hooks<decltype(nothing)>>(options, nothing);
    }
    return setup;
}

}  // namespace yoke::detail
