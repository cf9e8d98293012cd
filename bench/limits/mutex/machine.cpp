// SPDX-License-Identifier: MIT
/// What does it cost to lock and to unlock a mutex?
///
/// `alone`: one thread. `contended`: as many threads as processors, pinned, all on one mutex; per lock of one
/// thread, all threads locking.

#include "../../harness.hpp"

#include <cstdint>
#include <latch>
#include <mutex>
#include <thread>
#include <vector>

namespace {

constexpr bench::unit ns_per_lock{"ns per lock + unlock", 1e9};

double seconds_of_locks(std::size_t locks, unsigned threads) {
    std::mutex mutex;
    std::uint64_t counter = 0;
    std::latch ready(threads);
    std::latch go(1);
    std::vector<std::thread> crew;
    for (unsigned i = 0; i < threads; ++i) {
        crew.emplace_back([&, i] {
            bench::pin(i);
            ready.count_down();
            go.wait();
            for (std::size_t n = 0; n < locks; ++n) {
                const std::lock_guard lock(mutex);
                benchmark::DoNotOptimize(++counter);
            }
        });
    }
    ready.wait();
    const auto start = bench::clock::now();
    go.count_down();
    for (auto& thread : crew) thread.join();
    const double seconds = bench::seconds_since(start);
    bench::require(counter == locks * threads, "increments are lost");
    return seconds;
}

}  // namespace

int main(int argc, char** argv) {
    bench::program here(argc, argv);
    const std::size_t locks = here.scaled(1'000'000);
    const auto sample_of = [locks](unsigned threads) {
        return [locks, threads] {
            return [locks, threads] {
                return bench::cost(seconds_of_locks(locks, threads), locks, ns_per_lock);
            };
        };
    };
    here.add("limits/mutex/alone", ns_per_lock, sample_of(1));
    here.add("limits/mutex/contended", ns_per_lock, sample_of(bench::workers()));
    return here.run();
}
