// SPDX-License-Identifier: MIT
#pragma once

/// Threads that wait awake, each for its part of the next loop: the least it takes on this machine to share one. No pool does
/// that, as it would use all processors while there is nothing to do.

#include "harness.hpp"

#include <yoke/detail/base/cpu_pause.hpp>

#include <atomic>
#include <cstdint>
#include <functional>
#include <thread>
#include <vector>

namespace bench {

class awake_crew {
public:
    /// `threads` threads, of which the caller is one.
    explicit awake_crew(unsigned threads) : parts_(threads) {
        for (unsigned part = 1; part < threads; ++part) helpers_.emplace_back([this, part] { live(part); });
    }
    awake_crew(const awake_crew&) = delete;
    awake_crew& operator=(const awake_crew&) = delete;
    ~awake_crew() {
        ended_ = true;
        for (auto& helper : helpers_) helper.join();
    }

    [[nodiscard]] unsigned parts() const { return parts_; }

    /// Calls `f(part)` for each part below `parts()`, each on a thread of its own.
    void run(const std::function<void(unsigned)>& f) {
        f_ = &f;
        left_.store(parts_ - 1, std::memory_order_relaxed);
        round_.fetch_add(1, std::memory_order_release);
        f(0);
        while (left_.load(std::memory_order_acquire) != 0) yoke::detail::cpu_pause();
    }

    /// Calls f(from, to) for an even share of [0, size) on each thread.
    template <class F>
    void run_shares(std::size_t size, F f) {
        run([&](unsigned part) { f(size * part / parts_, size * (part + 1) / parts_, part); });
    }

private:
    void live(unsigned part) {
        for (std::uint64_t seen = 0;;) {
            const std::uint64_t now = round_.load(std::memory_order_acquire);
            if (now == seen) {
                if (ended_) return;
                yoke::detail::cpu_pause();
                continue;
            }
            seen = now;
            (*f_)(part);
            left_.fetch_sub(1, std::memory_order_release);
        }
    }

    const unsigned parts_;
    const std::function<void(unsigned)>* f_ = nullptr;
    alignas(64) std::atomic<std::uint64_t> round_{0};
    alignas(64) std::atomic<unsigned> left_{0};
    std::atomic<bool> ended_{false};
    std::vector<std::thread> helpers_;
};

}  // namespace bench
