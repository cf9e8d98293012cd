// SPDX-License-Identifier: MIT
#pragma once

#include "../textbook_pool.hpp"

#include <future>
#include <memory>
#include <type_traits>
#include <utility>

namespace bench {

/// A queue of std::function behind a mutex, with std::packaged_task.
class textbook_future_pool : public textbook_pool {
public:
    using textbook_pool::textbook_pool;

    template <class F>
    void detach(F f) {
        post(f);
    }
    template <class F>
    auto submit(F f) {
        auto packaged = std::make_shared<std::packaged_task<std::invoke_result_t<F&>()>>(f);
        auto future = packaged->get_future();
        post([packaged = std::move(packaged)] { (*packaged)(); });
        return future;
    }
};

}  // namespace bench
