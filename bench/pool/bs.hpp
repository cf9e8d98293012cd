// SPDX-License-Identifier: MIT
#pragma once

#include <BS_thread_pool.hpp>

#include <cstddef>

namespace bench {

/// BS::thread_pool.
class bs_pool {
public:
    explicit bs_pool(unsigned threads) : pool_(threads) {}

    template <class F>
    void detach(F f) {
        pool_.detach_task(f);
    }
    template <class F>
    auto submit(F f) {
        return pool_.submit_task(f);
    }
    /// Calls f(i) for each i below `count`, each as a task of its own.
    template <class F>
    void bulk(std::size_t count, F f) {
        pool_.detach_sequence(std::size_t{0}, count, f);
    }
    void wait() { pool_.wait(); }

private:
    BS::light_thread_pool pool_;
};

}  // namespace bench
