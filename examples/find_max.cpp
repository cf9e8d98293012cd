// SPDX-License-Identifier: MIT

/// find_max: scans for the largest number, four ways.
///
/// First ten scans of short lists that then wait: on ten threads they take as long as one. Then one big array, scanned
/// three times at once on inline, threads and processes. The array lies in shared memory, so the processes read the one
/// array where it is: nothing is copied, and the table of their memory proves it. At the end a coroutine awaits the
/// scans of the parts of the array.

#include "common.hpp"

#include <yoke/executor/inline_executor.hpp>
#include <yoke/executor/process_pool.hpp>
#include <yoke/executor/shared_memory_resource.hpp>
#include <yoke/executor/thread_pool.hpp>
#include <yoke/future.hpp>
#include <yoke/runtime.hpp>

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <limits>
#include <memory_resource>
#include <string>
#include <thread>
#include <vector>

namespace {

constexpr int scans = 3;

int scan_and_wait(const std::vector<int>& list, std::chrono::microseconds wait) {
    const int largest = *std::max_element(list.begin(), list.end());
    std::this_thread::sleep_for(wait);
    return largest;
}

/// The scan. A shared_span crosses to a process as a place in the shared memory, not as its elements.
int find_max(yoke::shared_span<const int> numbers) {
    int largest = std::numeric_limits<int>::min();
    for (const int number : numbers) largest = std::max(largest, number);
    return largest;
}

/// Whatever the executor: three scans of the whole array at once.
template <yoke::executor Executor>
std::vector<int> three_scans(Executor& executor, yoke::shared_span<const int> numbers) {
    std::vector<yoke::future<int>> pending;
    for (int i = 0; i < scans; ++i) pending.push_back(yoke::submit(executor, find_max, numbers));
    std::vector<int> results;
    for (auto& result : pending) results.push_back(result.get());
    return results;
}

/// A coroutine that awaits one scan after the other, while all of them run.
template <yoke::executor Executor>
yoke::future<int> largest_of_parts(Executor& executor, yoke::shared_span<const int> numbers) {
    std::vector<yoke::future<int>> pending;
    const std::size_t part = numbers.size() / scans + 1;
    for (std::size_t begin = 0; begin < numbers.size(); begin += part)
        pending.push_back(
            yoke::submit(executor, find_max, numbers.subspan(begin, std::min(part, numbers.size() - begin))));
    int largest = std::numeric_limits<int>::min();
    for (auto& scan : pending) largest = std::max(largest, co_await scan);
    co_return largest;
}

/// What the kernel says about the memory of the process that runs this.
struct memory_use {
    int largest = 0;
    int pid = 0;
    long resident_kib = 0;  // shared pages count in every process that has touched them
    long private_kib = 0;   // pages that nobody else has: what a copy would show up in
};

memory_use scan_and_look(yoke::shared_span<const int> numbers) {
    memory_use use{.largest = find_max(numbers), .pid = getpid()};
    std::ifstream books("/proc/self/smaps_rollup");
    for (std::string line; std::getline(books, line);) {
        const auto colon = line.find(':') + 1;
        if (line.starts_with("Rss:")) use.resident_kib = std::stol(line.substr(colon));
        if (line.starts_with("Private_")) use.private_kib += std::stol(line.substr(colon));
    }
    return use;
}

}  // namespace

int main(int argc, char** argv) {
    const yoke::runtime processes_can_start{argc, argv};

    CLI::App app{"Scans for the largest number on inline, threads and processes", "find_max"};
    std::size_t count = 20'000'000;
    double scale = 0.02;
    bool json = false;
    app.add_option("--count", count, "numbers in the big array, published: 100000000")
        ->capture_default_str()
        ->check(CLI::Range(std::size_t{10}, std::size_t{2'000'000'000}));
    app.add_option("--scale", scale, "length of a wait, of the published 10 s")
        ->capture_default_str()
        ->check(CLI::Range(1e-6, 10.0));
    app.add_flag("--json", json, "print the table as JSON");

    return example::run(app, argc, argv, [&] {
        example::table table("find_max", json);

        // Ten scans that wait.
        const auto wait = std::chrono::microseconds(static_cast<long>(scale * 10e6));
        const std::vector<int> short_list{3, 1, 4, 1, 5, 9, 2, 6};
        const auto ten_waits = [&](const std::string& name, std::size_t workers, auto make, auto published) {
            bool equal = true;
            const double seconds = example::seconds_of([&] {
                auto executor = make();
                std::vector<yoke::future<int>> pending;
                for (int i = 0; i < 10; ++i)
                    pending.push_back(yoke::submit(executor, scan_and_wait, short_list, wait));
                for (auto& result : pending) equal = result.get() == 9 && equal;
            });
            table.add({"ten scans that wait on " + name, workers, "", seconds / scale, published, equal});
        };
        const std::optional<double> none;
        ten_waits(
            "inline", 1, [] { return yoke::inline_executor(); }, none);
        ten_waits(
            "threads", 10, [] { return yoke::thread_pool(10); }, std::optional(10.0));

        // The big array, written once, in shared memory.
        yoke::shared_memory_resource memory;
        std::pmr::vector<int> array(count, &memory);
        std::uint32_t random = 1;
        for (int& number : array) {
            random = random * 1664525 + 1013904223;
            number = static_cast<int>(random >> 2);
        }
        array[count / 3] = std::numeric_limits<int>::max();
        const yoke::shared_span<const int> numbers(array);
        const double size = 1e8 / static_cast<double>(count);

        int serial = 0;
        const double one_scan = example::seconds_of([&] { serial = find_max(numbers); });
        table.add({"one scan", 1, "", one_scan * size, 25.0, serial == std::numeric_limits<int>::max()});

        yoke::inline_executor here;
        yoke::thread_pool threads(scans);
        yoke::process_pool processes(scans);
        const auto measure = [&](const std::string& name, auto& executor, auto published) {
            std::vector<int> results;
            const double seconds = example::seconds_of([&] { results = three_scans(executor, numbers); });
            table.add({"three scans at once on " + name, executor.concurrency(), "", seconds * size,
                       published, results == std::vector<int>(scans, serial)});
        };
        measure("inline", here, none);
        measure("threads", threads, std::optional(60.0));
        measure("processes", processes, std::optional(35.0));

        const auto await = [&](const std::string& name, auto& executor) {
            int largest = 0;
            const double seconds =
                example::seconds_of([&] { largest = largest_of_parts(executor, numbers).get(); });
            table.add({"a coroutine awaits the parts on " + name, executor.concurrency(), "", seconds * size,
                       none, largest == serial});
        };
        await("inline", here);
        await("threads", threads);
        await("processes", processes);

        // The published program held the array once per process.
        std::vector<yoke::future<memory_use>> looks;
        for (int i = 0; i < scans; ++i) looks.push_back(processes.submit(scan_and_look, numbers));
        for (auto& look : looks) {
            const memory_use use = look.get();
            table.note("worker " + std::to_string(use.pid) + " reads all of the array of " +
                       std::to_string(count * sizeof(int) / 1024) + " KiB: resident " +
                       std::to_string(use.resident_kib) + " KiB, of its own " +
                       std::to_string(use.private_kib) + " KiB");
        }
        return table.finish();
    });
}
