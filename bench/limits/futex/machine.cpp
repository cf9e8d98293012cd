// SPDX-License-Identifier: MIT
/// How long does it take to wake another process?
///
/// `wake`: from before the wake until the woken process runs. `wake_call`: the part of it that the waker
/// pays. `round_trip`: a word in shared memory and a futex, there and back. Each trip by itself; the median,
/// the 99th percentile as `/p99`.

#include "../../futex.hpp"
#include "../../harness.hpp"

#include <limits>
#include <memory>
#include <thread>
#include <utility>

namespace {

constexpr bench::unit microseconds{"us", 1e6};

/// A process that sleeps, and notes when it wakes. (The steady clock is the same in all processes.)
class sleeper {
public:
    sleeper() = default;
    sleeper(const sleeper&) = delete;
    sleeper& operator=(const sleeper&) = delete;
    ~sleeper() { memory_->word.store_and_wake(end); }

    struct times {
        double waking;
        double call;
    };
    /// Wakes it after it has slept a while.
    times wake() {
        std::this_thread::sleep_for(std::chrono::microseconds(200));
        const auto start = bench::clock::now();
        memory_->word.store_and_wake(++number_);
        const double call = bench::seconds_since(start);
        memory_->noted.wait_while(number_ - 1);
        return {std::chrono::duration<double>(memory_->woken - start).count(), call};
    }

private:
    static constexpr std::uint32_t end = std::numeric_limits<std::uint32_t>::max();

    struct shared_memory {
        bench::shared_futex word;
        bench::shared_futex noted;
        bench::clock::time_point woken;
    };

    void sleep() {
        for (std::uint32_t number = 1; memory_->word.wait_while(number - 1) != end; ++number) {
            memory_->woken = bench::clock::now();
            memory_->noted.store_and_wake(number);
        }
    }

    bench::shared<shared_memory> memory_;
    std::uint32_t number_ = 0;
    bench::child child_{[this] { sleep(); }};
};

}  // namespace

int main(int argc, char** argv) {
    bench::program here(argc, argv);
    const auto part_of_wake = [](double sleeper::times::*part) {
        return [part] {
            return [part, other = std::make_unique<sleeper>()] {
                return bench::cost(other->wake().*part, 1, microseconds);
            };
        };
    };
    here.add_single("limits/futex/wake", microseconds, 1'000, part_of_wake(&sleeper::times::waking));
    here.add_single("limits/futex/wake_call", microseconds, 1'000, part_of_wake(&sleeper::times::call));
    here.add_single("limits/futex/round_trip", microseconds, 10'000, [] {
        return [i = std::uint64_t{0}, echo = std::make_unique<bench::futex_echo>()]() mutable {
            const auto start = bench::clock::now();
            const std::uint64_t result = echo->run(i);
            const double seconds = bench::seconds_since(start);
            bench::require(result == ++i, "a result is wrong");
            return bench::cost(seconds, 1, microseconds);
        };
    });
    return here.run();
}
