// SPDX-License-Identifier: MIT
#pragma once

#include <future>
#include <utility>

namespace bench {

/// std::async: starts a thread a task.
class std_async_pool {
public:
    explicit std_async_pool(unsigned /*threads*/) {}

    template <class F>
    auto submit(F f) {
        return std::async(std::launch::async, std::move(f));
    }
};

}  // namespace bench
