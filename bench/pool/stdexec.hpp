// SPDX-License-Identifier: MIT
#pragma once

#include <exec/ensure_started.hpp>
#include <exec/start_detached.hpp>
#include <exec/static_thread_pool.hpp>
#include <stdexec/execution.hpp>

#include <tuple>
#include <utility>

namespace bench {

/// stdexec's static_thread_pool. It has no way to wait for detached work.
class stdexec_pool {
    /// What a result is waited for by.
    template <class Sender>
    struct started {
        Sender sender;
        auto get() { return std::get<0>(*stdexec::sync_wait(std::move(sender))); }
    };

public:
    explicit stdexec_pool(unsigned threads) : pool_(threads) {}

    template <class F>
    void detach(F f) {
        exec::start_detached(call(std::move(f)));
    }
    template <class F>
    auto submit(F f) {
        return started{exec::ensure_started(call(std::move(f)))};
    }

    [[nodiscard]] auto scheduler() { return pool_.get_scheduler(); }

private:
    template <class F>
    auto call(F f) {
        return stdexec::schedule(pool_.get_scheduler()) | stdexec::then(std::move(f));
    }

    exec::static_thread_pool pool_;
};

}  // namespace bench
