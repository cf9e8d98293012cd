// SPDX-License-Identifier: MIT
/// What does a heap allocation of 64 bytes cost?
///
/// `same_thread`: new and delete in turn, per pair. `across_threads`: one thread allocates 1,000 blocks at a
/// time, the other frees them; per block, both together.

#include "../../harness.hpp"

#include <atomic>
#include <cstddef>
#include <thread>
#include <vector>

namespace {

constexpr bench::unit ns_per_pair{"ns per new + delete", 1e9};

struct block {
    std::byte bytes[64];
};

double seconds_on_one_thread(std::size_t pairs) {
    const auto start = bench::clock::now();
    for (std::size_t i = 0; i < pairs; ++i) {
        auto* made = new block;
        benchmark::DoNotOptimize(made);
        delete made;
    }
    return bench::seconds_since(start);
}

double seconds_across(std::size_t pairs) {
    constexpr std::size_t batch = 1000;
    std::vector<block*> blocks(batch);
    std::atomic<bool> full{false};
    const std::size_t rounds = pairs / batch;
    const auto start = bench::clock::now();
    std::thread other([&] {
        for (std::size_t i = 0; i < rounds; ++i) {
            full.wait(false, std::memory_order_acquire);
            for (auto* made : blocks) delete made;
            full.store(false, std::memory_order_release);
            full.notify_one();
        }
    });
    for (std::size_t i = 0; i < rounds; ++i) {
        full.wait(true, std::memory_order_acquire);
        for (auto*& made : blocks) made = new block;
        full.store(true, std::memory_order_release);
        full.notify_one();
    }
    other.join();
    return bench::seconds_since(start);
}

}  // namespace

int main(int argc, char** argv) {
    bench::program here(argc, argv);
    const std::size_t pairs = here.scaled(1'000'000);
    here.add("limits/malloc/same_thread", ns_per_pair, [pairs] {
        return [pairs] { return bench::cost(seconds_on_one_thread(pairs), pairs, ns_per_pair); };
    });
    here.add("limits/malloc/across_threads", ns_per_pair,
             [pairs] { return [pairs] { return bench::cost(seconds_across(pairs), pairs, ns_per_pair); }; });
    return here.run();
}
