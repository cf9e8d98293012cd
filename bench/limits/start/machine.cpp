// SPDX-License-Identifier: MIT
/// How long does it take to start something and see it end?
///
/// `thread`: create a thread that does nothing and join it. `process`: fork a process that does nothing and
/// wait for it.

#include "../../child.hpp"
#include "../../harness.hpp"

#include <thread>

namespace {

constexpr bench::unit microseconds{"us", 1e6};

}  // namespace

int main(int argc, char** argv) {
    bench::program here(argc, argv);
    here.add_single("limits/start/process", microseconds, 500, [] {
        return [] {
            const auto start = bench::clock::now();
            {
                const bench::child nothing([] {});
            }
            return bench::cost(bench::seconds_since(start), 1, microseconds);
        };
    });
    here.add_single("limits/start/thread", microseconds, 2'000, [] {
        return [] {
            const auto start = bench::clock::now();
            std::thread([] {}).join();
            return bench::cost(bench::seconds_since(start), 1, microseconds);
        };
    });
    return here.run();
}
