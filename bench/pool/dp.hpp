// SPDX-License-Identifier: MIT
#pragma once

#include <thread_pool/thread_pool.h>

namespace bench {

/// dp::thread_pool.
class dp_pool {
public:
    explicit dp_pool(unsigned threads) : pool_(threads) {}

    template <class F>
    void detach(F f) {
        pool_.enqueue_detach(f);
    }
    template <class F>
    auto submit(F f) {
        return pool_.enqueue(f);
    }
    void wait() { pool_.wait_for_tasks(); }

private:
    dp::thread_pool<> pool_;
};

}  // namespace bench
