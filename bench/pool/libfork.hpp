// SPDX-License-Identifier: MIT
#pragma once

#include <libfork/core.hpp>
#include <libfork/schedule.hpp>

#include <type_traits>

namespace bench {

/// libfork's lazy_pool. It has no way to wait for detached tasks.
class libfork_pool {
public:
    explicit libfork_pool(unsigned threads) : pool_(threads) {}

    template <class F>
    void detach(F f) {
        lf::detach(pool_, call<F>, f);
    }
    template <class F>
    auto submit(F f) {
        return lf::schedule(pool_, call<F>, f);
    }

    [[nodiscard]] lf::lazy_pool& scheduler() { return pool_; }

private:
    template <class F>
    static constexpr auto call =
        [](auto /*self*/, F f) -> lf::task<std::invoke_result_t<F&>> { co_return f(); };

    lf::lazy_pool pool_;
};

}  // namespace bench
