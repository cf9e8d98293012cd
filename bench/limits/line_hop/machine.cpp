// SPDX-License-Identifier: MIT
/// How long does a cache line take from one processor to another, one way?
///
/// Two pinned threads that spin hand a counter back and forth; half of a round trip. Needs two processors.

#include "../../harness.hpp"

#include <atomic>
#include <cstdint>
#include <thread>

namespace {

constexpr bench::unit ns_one_way{"ns one way", 1e9};
constexpr std::uint64_t warm_up = 1000;

class ball {
public:
    /// Passes the ball on at `from`, from + 2, ... below `to`, each time waiting until it is there.
    void play(std::uint64_t from, std::uint64_t to) {
        for (std::uint64_t mine = from; mine < to; mine += 2) {
            while (passed_.load(std::memory_order_acquire) != mine) {}
            passed_.store(mine + 1, std::memory_order_release);
        }
    }

private:
    alignas(64) std::atomic<std::uint64_t> passed_{0};
};

double seconds_of_hops(std::uint64_t hops) {
    bench::require(bench::workers() > 1, "needs two processors");
    ball shared;
    double seconds = 0;
    std::thread other([&] {
        bench::pin(1);
        shared.play(1, warm_up + hops);
    });
    std::thread self([&] {
        bench::pin(0);
        shared.play(0, warm_up);
        const auto start = bench::clock::now();
        shared.play(warm_up, warm_up + hops);
        seconds = bench::seconds_since(start);
    });
    self.join();
    other.join();
    return seconds;
}

}  // namespace

int main(int argc, char** argv) {
    bench::program here(argc, argv);
    const std::size_t hops = here.scaled(100'000);
    here.add("limits/line_hop", ns_one_way,
             [hops] { return [hops] { return bench::cost(seconds_of_hops(hops), hops, ns_one_way); }; });
    return here.run();
}
