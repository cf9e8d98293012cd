// SPDX-License-Identifier: MIT
#pragma once

#include <taskflow/taskflow.hpp>

namespace bench {

/// Taskflow's executor.
class taskflow_pool {
public:
    explicit taskflow_pool(unsigned threads) : executor_(threads) {}

    template <class F>
    void detach(F f) {
        executor_.silent_async(f);
    }
    template <class F>
    auto submit(F f) {
        return executor_.async(f);
    }
    void wait() { executor_.wait_for_all(); }

    [[nodiscard]] tf::Executor& executor() { return executor_; }

private:
    tf::Executor executor_;
};

}  // namespace bench
