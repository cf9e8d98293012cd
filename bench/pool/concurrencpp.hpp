// SPDX-License-Identifier: MIT
#pragma once

#include <concurrencpp/concurrencpp.h>

#include <chrono>
#include <cstddef>
#include <memory>
#include <span>
#include <utility>
#include <vector>

namespace bench {

/// concurrencpp's thread_pool_executor. It has no way to wait for all tasks.
class concurrencpp_pool {
public:
    explicit concurrencpp_pool(unsigned threads)
        : executor_(std::make_shared<concurrencpp::thread_pool_executor>("bench", threads,
                                                                         std::chrono::minutes(1))) {}
    concurrencpp_pool(const concurrencpp_pool&) = delete;
    concurrencpp_pool& operator=(const concurrencpp_pool&) = delete;
    ~concurrencpp_pool() { executor_->shutdown(); }

    template <class F>
    void detach(F f) {
        executor_->post(std::move(f));
    }
    template <class F>
    auto submit(F f) {
        return executor_->submit(std::move(f));
    }
    /// Calls f(i) for each i below `count`, each as a task of its own. The library takes a span of callables.
    template <class F>
    void bulk(std::size_t count, F f) {
        const auto call_of = [f](std::size_t i) { return [f, i] { f(i); }; };
        std::vector<decltype(call_of(0))> calls;
        calls.reserve(count);
        for (std::size_t i = 0; i < count; ++i) calls.push_back(call_of(i));
        executor_->bulk_post(std::span(calls));
    }

    [[nodiscard]] const std::shared_ptr<concurrencpp::thread_pool_executor>& executor() const {
        return executor_;
    }

private:
    std::shared_ptr<concurrencpp::thread_pool_executor> executor_;
};

}  // namespace bench
