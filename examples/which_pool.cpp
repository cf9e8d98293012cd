// SPDX-License-Identifier: MIT

/// which_pool: threads or processes? The same ten calls on each executor, with one line changed.
///
/// Three kinds of work: CPU-bound (count to a large number), I/O-bound (wait), memory-bound (append every number to a
/// list). Threads and processes take the same time in C++ where nothing but the work counts: there is no interpreter
/// lock that makes processes necessary, and a task that crosses to a process costs microseconds, not milliseconds. What
/// decides is what else you want: one address space, or workers that may crash, leak or be killed.

#include "common.hpp"

#include <yoke/executor/inline_executor.hpp>
#include <yoke/executor/process_pool.hpp>
#include <yoke/executor/thread_pool.hpp>
#include <yoke/future.hpp>
#include <yoke/runtime.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace {

using number = std::uint64_t;

/// CPU-bound. The counter is volatile so that the compiler really counts.
number count_to(number last) {
    volatile number counter = 0;
    while (counter < last) counter = counter + 1;
    return counter;
}

/// I/O-bound: a device or a server that answers after a while.
number wait_for(number microseconds) {
    std::this_thread::sleep_for(std::chrono::microseconds(microseconds));
    return microseconds;
}

/// Memory-bound: a list that grows by one number at a time.
number append_all(number last) {
    std::vector<number> list;
    for (number i = 0; i < last; ++i) list.push_back(i);
    return list.empty() ? 0 : list.front() + list.back() + list.size();
}

struct kind {
    std::string name;
    number (*work)(number);
    number argument;
    double scale;                         // published size / our size
    std::optional<double> inline_time{};  // the published times
    std::optional<double> threads_time{};
    std::optional<double> processes_time{};
};

/// Ten calls, all submitted before the first result is asked for. Any executor will do.
template <yoke::executor Executor>
std::vector<number> ten_times(Executor& executor, const kind& k) {
    std::vector<yoke::future<number>> pending;
    for (number i = 0; i < 10; ++i) pending.push_back(yoke::submit(executor, k.work, k.argument + i));
    std::vector<number> results;
    for (auto& result : pending) results.push_back(result.get());
    return results;
}

}  // namespace

int main(int argc, char** argv) {
    const yoke::runtime processes_can_start{argc, argv};

    CLI::App app{"CPU-bound, I/O-bound and memory-bound work on inline, threads and processes", "which_pool"};
    number count = 10'000'000;
    double scale = 0.05;
    std::size_t workers = 10;
    bool json = false;
    app.add_option("--count", count, "numbers to count and to append, published: 10000000")
        ->capture_default_str()
        ->check(CLI::Range(number{1}, number{1'000'000'000}));
    app.add_option("--scale", scale, "length of a wait, of the published 5 s")
        ->capture_default_str()
        ->check(CLI::Range(1e-6, 10.0));
    app.add_option("--workers", workers, "threads and processes")
        ->capture_default_str()
        ->check(CLI::Range(1, 256));
    app.add_flag("--json", json, "print the table as JSON");

    return example::run(app, argc, argv, [&] {
        const double size = 10'000'000 / static_cast<double>(count);
        const kind kinds[] = {
            {"CPU-bound: count", count_to, count, size, 2.13, std::nullopt, 0.76},
            {"I/O-bound: wait", wait_for, static_cast<number>(scale * 5e6), 1 / scale, std::nullopt, 5.03,
             5.26},
            {"memory-bound: append", append_all, count, size, std::nullopt, std::nullopt, std::nullopt},
        };
        example::table table("which_pool", json);
        for (const kind& k : kinds) {
            std::vector<number> serial;
            for (number i = 0; i < 10; ++i)
                serial.push_back(k.work == wait_for ? k.argument + i : k.work(k.argument + i));

            const auto measure = [&](const std::string& name, std::size_t n, auto make, auto published) {
                std::vector<number> results;
                const double seconds = example::seconds_of([&] {
                    auto executor = make();
                    results = ten_times(executor, k);
                });
                table.add({k.name + " on " + name, n, "", seconds * k.scale, published, results == serial});
            };
            // The line to change is the one that names the executor:
            measure(
                "inline", 1, [] { return yoke::inline_executor(); }, k.inline_time);
            measure(
                "threads", workers, [&] { return yoke::thread_pool(workers); }, k.threads_time);
            measure(
                "processes", workers, [&] { return yoke::process_pool(workers); }, k.processes_time);
        }
        return table.finish();
    });
}
