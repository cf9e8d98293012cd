// SPDX-License-Identifier: MIT
// labels: process concurrent
//
// Threads that wait for tasks of a process pool, and so bring their results home themselves, while the collector is busy
// with the workers: takes what they print, lets idle ones go, changes their number, replaces those that are worn out or
// have grown. Each of these alone and all of them together.
#include "catch.hpp"
#include "support/process_watch.hpp"

#include <yoke/executor/process_pool.hpp>

#include <algorithm>
#include <atomic>
#include <barrier>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

using namespace std::chrono_literals;

namespace {

constexpr bool sanitized = yoke_test::patience > 1;
constexpr int waiters = 4;
constexpr int phases = sanitized ? 8 : 40;
constexpr int tasks_in_phase = 25;
constexpr std::uint64_t most_tasks = 3;  ///< of a worker that wears out

/// What a task returns.
struct answer {
    std::string text;
    std::uint64_t tasks = 0;  ///< of its worker so far
};

std::string text_of(int id) {
    // Every fifth does not fit a slot, so its worker asks the collector for room while a thread waits.
    return std::string(id % 5 == 0 ? 3'000 : 10, static_cast<char>('a' + id % 26)) + std::to_string(id);
}
answer work(int id, bool prints) {
    static std::uint64_t tasks = 0;
    if (prints) std::printf("%d\n", id);
    return {text_of(id), ++tasks};
}

/// Which tasks have printed their number.
class listener final : public yoke::output_observer {
public:
    void task_output(int, std::uint64_t, int, std::string_view text) noexcept override {
        const std::lock_guard lock(mutex_);
        texts_.emplace(text);
    }
    bool heard(int id) const {
        const std::lock_guard lock(mutex_);
        return texts_.contains(std::to_string(id) + "\n");
    }
    std::size_t size() const {
        const std::lock_guard lock(mutex_);
        return texts_.size();
    }

private:
    mutable std::mutex mutex_;
    std::set<std::string> texts_;
};

/// What the collector has to do besides.
struct duties {
    const char* name;
    bool output = false;
    bool idle = false;
    bool resize = false;
    bool worn_out = false;
    bool grown = false;
};

void wait_beside(const duties& what) {
    INFO(what.name);
    const yoke_test::watchdog dog(what.name, 30s);
    listener heard;
    yoke::process_pool_options options{.workers = 2, .crash_limit = 1};
    if (what.output) options.output = yoke::worker_output::capture;
    if (what.output) options.on_output = &heard;
    if (what.idle) options.idle_time = 200us;
    if (what.worn_out) options.tasks_per_worker = most_tasks;
    if (what.grown) options.recycle_above = 1;
    const std::uint64_t most = what.grown ? 1 : what.worn_out ? most_tasks : ~std::uint64_t{0};
    std::atomic<int> wrong{0};
    std::atomic<int> right{0};
    std::atomic<int> late{0};
    {
        yoke::process_pool pool(options);
        std::barrier phase(waiters + 1);
        std::vector<std::thread> threads;
        for (int w = 0; w < waiters; ++w) {
            threads.emplace_back([&, w] {
                for (int p = 0; p < phases; ++p) {
                    phase.arrive_and_wait();
                    for (int t = 0; t < tasks_in_phase; ++t) {
                        const int id = (p * waiters + w) * tasks_in_phase + t;
                        try {
                            const answer got = pool.submit(work, id, what.output).get();
                            ++(got.text == text_of(id) && got.tasks <= most ? right : wrong);
                        } catch (...) {
                            ++wrong;
                        }
                        if (what.output && !heard.heard(id)) ++late;
                    }
                    phase.arrive_and_wait();
                }
            });
        }
        unsigned size = 0;
        for (int p = 0; p < phases; ++p) {
            // Every other time nobody is left when the first task comes.
            if (what.idle && p % 2 == 1 && !yoke_test::eventually([&] { return pool.worker_pids().empty(); }))
                ++wrong;
            phase.arrive_and_wait();
            for (int r = 0; what.resize && r < 20; ++r) {
                pool.resize(1 + size++ * 7 % 5);
                std::this_thread::yield();
            }
            phase.arrive_and_wait();
        }
        for (auto& thread : threads) thread.join();
    }
    REQUIRE(wrong == 0);
    REQUIRE(right == waiters * phases * tasks_in_phase);
    REQUIRE(late == 0);  // the output comes before the result
    if (what.output) REQUIRE(heard.size() == static_cast<std::size_t>(right));
}

}  // namespace

TEST_CASE("threads wait for tasks while the collector has its hands full with the workers",
          "[process][concurrent]") {
    { yoke::process_pool first(1); }  // what the program keeps, it has now
    const yoke_test::holdings before;
    const std::uint64_t used = yoke::detail::process_host::instance().arena().used();
    wait_beside({.name = "output", .output = true});
    wait_beside({.name = "idle workers leave", .idle = true});
    wait_beside({.name = "resize", .resize = true});
    wait_beside({.name = "worn out", .worn_out = true});
    wait_beside({.name = "grown", .grown = true});
    wait_beside({.name = "output and idle", .output = true, .idle = true});
    wait_beside({.name = "output and resize", .output = true, .resize = true});
    wait_beside({.name = "output and worn out", .output = true, .worn_out = true});
    wait_beside({.name = "idle and resize", .idle = true, .resize = true});
    wait_beside({.name = "idle and worn out", .idle = true, .worn_out = true});
    wait_beside({.name = "resize and worn out", .resize = true, .worn_out = true});
    wait_beside(
        {.name = "all of it", .output = true, .idle = true, .resize = true, .worn_out = true, .grown = true});
    REQUIRE(yoke::detail::process_host::instance().arena().used() == used);
    REQUIRE(
        yoke_test::eventually([&] { return yoke_test::difference(before, yoke_test::holdings()).empty(); }));
}
