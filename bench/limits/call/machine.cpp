// SPDX-License-Identifier: MIT
/// What does it cost to get to the code of a task?
///
/// `indirect`: a call through a pointer that the compiler does not know and the processor can predict.
/// `promise_future`: on one thread, a std::promise, its future, set_value and get.

#include "../../harness.hpp"

#include <cstdint>
#include <future>

namespace {

constexpr bench::unit ns_per_call{"ns", 1e9};

[[gnu::noinline]] std::uint64_t increment(std::uint64_t value) { return value + 1; }

double seconds_of_calls(std::size_t calls) {
    auto* function = &increment;
    std::uint64_t value = 0;
    const auto start = bench::clock::now();
    for (std::size_t i = 0; i < calls; ++i) {
        benchmark::DoNotOptimize(function);
        value = function(value);
    }
    const double seconds = bench::seconds_since(start);
    bench::require(value == calls, "calls are lost");
    return seconds;
}

double seconds_of_promises(std::size_t promises) {
    std::uint64_t sum = 0;
    const auto start = bench::clock::now();
    for (std::size_t i = 0; i < promises; ++i) {
        std::promise<std::uint64_t> promise;
        auto future = promise.get_future();
        promise.set_value(1);
        sum += future.get();
    }
    const double seconds = bench::seconds_since(start);
    bench::require(sum == promises, "values are lost");
    return seconds;
}

}  // namespace

int main(int argc, char** argv) {
    bench::program here(argc, argv);
    const std::size_t calls = here.scaled(10'000'000);
    const std::size_t promises = here.scaled(100'000);
    here.add("limits/call/indirect", ns_per_call, [calls] {
        return [calls] { return bench::cost(seconds_of_calls(calls), calls, ns_per_call); };
    });
    here.add("limits/call/promise_future", ns_per_call, [promises] {
        return [promises] { return bench::cost(seconds_of_promises(promises), promises, ns_per_call); };
    });
    return here.run();
}
