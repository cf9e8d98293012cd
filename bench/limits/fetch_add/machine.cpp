// SPDX-License-Identifier: MIT
/// What does an atomic increment cost?
///
/// `alone`: one thread, its own cache line. `contended`: as many threads as processors, pinned, all on one
/// line; per increment of one thread, all threads incrementing.

#include "../../harness.hpp"

#include <atomic>
#include <cstdint>
#include <latch>
#include <thread>
#include <vector>

namespace {

constexpr bench::unit ns_per_increment{"ns per fetch_add", 1e9};

double seconds_of_increments(std::size_t increments, unsigned threads) {
    alignas(64) std::atomic<std::uint64_t> counter{0};
    std::latch ready(threads);
    std::latch go(1);
    std::vector<std::thread> crew;
    for (unsigned i = 0; i < threads; ++i) {
        crew.emplace_back([&, i] {
            bench::pin(i);
            ready.count_down();
            go.wait();
            for (std::size_t n = 0; n < increments; ++n) counter.fetch_add(1, std::memory_order_relaxed);
        });
    }
    ready.wait();
    const auto start = bench::clock::now();
    go.count_down();
    for (auto& thread : crew) thread.join();
    const double seconds = bench::seconds_since(start);
    bench::require(counter.load() == increments * threads, "increments are lost");
    return seconds;
}

}  // namespace

int main(int argc, char** argv) {
    bench::program here(argc, argv);
    const std::size_t increments = here.scaled(1'000'000);
    const auto sample_of = [increments](unsigned threads) {
        return [increments, threads] {
            return [increments, threads] {
                return bench::cost(seconds_of_increments(increments, threads), increments, ns_per_increment);
            };
        };
    };
    here.add("limits/fetch_add/alone", ns_per_increment, sample_of(1));
    here.add("limits/fetch_add/contended", ns_per_increment, sample_of(bench::workers()));
    return here.run();
}
