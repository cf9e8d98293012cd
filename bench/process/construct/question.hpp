// SPDX-License-Identifier: MIT
#pragma once

/// What does it cost to have a pool of processes for a moment?
///
/// Timed: `start`: to make a pool of as many workers as there are processors, to the result of its first task. `stop`: to
/// destroy it. `start_big`: as `start`, in a program that has 1 GiB of memory in use and four more threads.
/// Checked: the results. limit_fork is no pool: processes forked by the program itself, which answer.

#include "../../harness.hpp"

#include <condition_variable>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace bench::process_construct {

inline constexpr unit microseconds{"us", 1e6};

/// A program that has been running for a while: much memory, threads that wait.
class ballast {
public:
    explicit ballast(std::size_t bytes) : memory_(bytes, 1) {
        for (int i = 0; i < 4; ++i)
            threads_.emplace_back([this] {
                std::unique_lock lock(mutex_);
                ended_.wait(lock, [this] { return end_; });
            });
    }
    ballast(const ballast&) = delete;
    ballast& operator=(const ballast&) = delete;
    ~ballast() {
        {
            const std::lock_guard lock(mutex_);
            end_ = true;
        }
        ended_.notify_all();
        for (std::thread& thread : threads_) thread.join();
    }

private:
    std::vector<char> memory_;
    std::mutex mutex_;
    std::condition_variable ended_;
    bool end_ = false;
    std::vector<std::thread> threads_;
};

/// `Contender(workers)` is a pool; `run(i)` has a worker compute i + 1.
template <class Contender>
int main(int argc, char** argv) {
    program here(argc, argv);
    const auto start_one = [] {
        const auto start = clock::now();
        Contender pool(workers());
        const std::uint64_t result = pool.run(1);
        const double seconds = seconds_since(start);
        require(result == 2, "a result is wrong");
        return cost(seconds, 1, microseconds);
    };
    here.add_single("process/construct/start", microseconds, 200, [&] { return start_one; });
    here.add_single("process/construct/stop", microseconds, 200, [] {
        return [] {
            auto pool = std::make_unique<Contender>(workers());
            require(pool->run(1) == 2, "a result is wrong");
            const auto start = clock::now();
            pool.reset();
            return cost(seconds_since(start), 1, microseconds);
        };
    });
    const std::size_t gibibyte = here.scaled(std::size_t{1} << 30);
    here.add_single("process/construct/start_big", microseconds, 100, [&, gibibyte] {
        return [start_one, load = std::make_unique<ballast>(gibibyte)] { return start_one(); };
    });
    return here.run();
}

}  // namespace bench::process_construct
