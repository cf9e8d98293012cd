// SPDX-License-Identifier: MIT

/// market_reports: three stages, from one after the other to a pipeline.
///
///     collect(endpoint) -> entries    3 calls of 4.5 s     the remote end takes one call at a time
///     import(entries)   -> entries    3 calls of 0.9 s     one at a time
///     report(entry)     -> summary    9 calls of 3, 6, 9 s as many at a time as there are workers
///
/// Where the real stages wait for a network or a disk or compute for seconds these sleep, for the published times multiplied
/// by --scale; so six busy workers can be shown on a machine with two processors.

#include "common.hpp"

#include <yoke/algorithm/consume.hpp>
#include <yoke/algorithm/pipeline.hpp>
#include <yoke/executor/process_pool.hpp>
#include <yoke/executor/thread_pool.hpp>
#include <yoke/queue/bounded_queue.hpp>
#include <yoke/queue/shared_queue.hpp>
#include <yoke/runtime.hpp>
#include <yoke/wire/bind_values.hpp>

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace {

// ---- The work

const std::vector<std::string> endpoints{"24h", "1h", "5m"};
const std::vector<int> intervals{30, 60, 90};

struct entry {
    std::string endpoint;
    int interval = 0;
    std::vector<double> prices{};  // attached by import
};
constexpr std::size_t price_count = 20'000;
constexpr std::size_t entry_bytes = price_count * sizeof(double) + 100;

struct summary {
    std::string endpoint;
    int interval = 0;
    double lowest = 0;
    double median = 0;
    double highest = 0;

    friend auto operator<=>(const summary&, const summary&) = default;
};

using entries = std::vector<entry>;
using summaries = std::vector<summary>;

std::string name_of(const std::string& endpoint, int interval) {
    return "report " + endpoint + "/" + std::to_string(interval);
}

/// The remote end: it allows one call per `time`, by its own clock. Who comes back for the next one a moment late, because
/// his thread was woken late, has not lost that moment.
class remote_end {
public:
    void call(std::chrono::duration<double> time) {
        using clock = std::chrono::steady_clock;
        const auto now = clock::now();
        if (now - ready_ > time / 50) ready_ = now;
        ready_ += std::chrono::duration_cast<clock::duration>(time);
        std::this_thread::sleep_until(ready_);
    }

private:
    std::chrono::steady_clock::time_point ready_{};
};
remote_end market_server;

/// The three functions. A plain value, so that it crosses to worker processes.
struct market {
    double scale = 0.1;
    bool show_work = false;

    [[nodiscard]] entries collect(const std::string& endpoint) const {
        market_server.call(published(4.5));
        entries list;
        for (const int interval : intervals) list.push_back({endpoint, interval});
        return list;
    }

    [[nodiscard]] entries import(entries list) const {
        std::this_thread::sleep_for(published(0.9));
        for (entry& e : list) {
            auto random =
                static_cast<std::uint32_t>(e.interval) + static_cast<std::uint32_t>(e.endpoint.front());
            for (std::size_t i = 0; i < price_count; ++i) {
                random = random * 1664525 + 1013904223;
                e.prices.push_back(100 + random / 4294967296.0);
            }
        }
        return list;
    }

    [[nodiscard]] summary report(entry e) const {
        if (show_work)
            std::fprintf(stderr, "worker %d begins %s.\n", getpid(), name_of(e.endpoint, e.interval).c_str());
        std::this_thread::sleep_for(published(0.1 * e.interval));
        std::sort(e.prices.begin(), e.prices.end());
        return {e.endpoint, e.interval, e.prices.front(), e.prices[e.prices.size() / 2], e.prices.back()};
    }

    [[nodiscard]] std::chrono::duration<double> published(double seconds) const {
        return std::chrono::duration<double>(seconds * scale);
    }
};

/// Throws the current exception again, with the report's name before it.
[[noreturn]] void rethrow_for(const std::string& report) {
    std::throw_with_nested(std::runtime_error(report + " was lost"));
}

/// The reports of `list`, all at once on worker processes.
summaries report_all(yoke::process_pool& processes, const market& m, const entries& list, int attempts) {
    std::vector<yoke::future<summary>> pending;
    for (const entry& e : list)
        pending.push_back(processes.submit({.attempts = attempts}, &market::report, m, e));
    summaries done;
    for (auto& result : pending) {
        try {
            done.push_back(result.get());
        } catch (const std::exception&) {
            rethrow_for(name_of(list[done.size()].endpoint, list[done.size()].interval));
        }
    }
    return done;
}

// ---- The published arrangements

summaries serial(const market& m) {
    summaries done;
    for (const auto& endpoint : endpoints)
        for (entry& e : m.import(m.collect(endpoint))) done.push_back(m.report(std::move(e)));
    return done;
}

/// Reports on a thread of their own, behind a queue.
summaries report_thread(const market& m) {
    summaries done;
    yoke::thread_pool threads(1);
    yoke::bounded_queue<entry> queue(16);
    auto reporter =
        yoke::consume(threads, 1, queue, [&](entry e) { done.push_back(m.report(std::move(e))); });
    for (const auto& endpoint : endpoints)
        for (entry& e : m.import(m.collect(endpoint))) static_cast<void>(queue.push(std::move(e)));
    queue.close();
    reporter.get();
    return done;
}

/// And import on a second one.
summaries report_and_import_thread(const market& m) {
    summaries done;
    yoke::thread_pool threads(2);
    yoke::bounded_queue<entries> lists(4);
    yoke::bounded_queue<entry> queue(16);
    auto reporter =
        yoke::consume(threads, 1, queue, [&](entry e) { done.push_back(m.report(std::move(e))); });
    auto importer = yoke::consume(threads, 1, lists, [&](entries list) {
        for (entry& e : m.import(std::move(list))) static_cast<void>(queue.push(std::move(e)));
    });
    for (const auto& endpoint : endpoints) static_cast<void>(lists.push(m.collect(endpoint)));
    lists.close();
    importer.get();
    queue.close();
    reporter.get();
    return done;
}

/// A thread that makes a process pool for each batch, and waits for its last report before it takes the next.
summaries pool_per_batch(const market& m, std::size_t workers, int attempts) {
    summaries done;
    yoke::thread_pool threads(1);
    yoke::bounded_queue<entries> batches(4);
    auto reporter = yoke::consume(threads, 1, batches, [&](const entries& batch) {
        yoke::process_pool processes(workers);
        for (summary& s : report_all(processes, m, batch, attempts)) done.push_back(std::move(s));
    });
    for (const auto& endpoint : endpoints) static_cast<void>(batches.push(m.import(m.collect(endpoint))));
    batches.close();
    reporter.get();
    return done;
}

void report_into(const market& m, yoke::shared_queue<summary>::handle_type finished, entry e) {
    static_cast<void>(finished.push(m.report(std::move(e))));
}

/// Worker processes that live as long as there is work: they pull from one queue, until each has taken a poison pill.
summaries poison_pills(const market& m, std::size_t workers, bool import_thread, int attempts) {
    yoke::process_pool processes(workers);
    yoke::shared_queue<entry> queue(16, entry_bytes);
    yoke::shared_queue<summary> finished(16);
    auto crew = yoke::consume(processes, workers, queue, yoke::bind_values(report_into, m, finished.handle()),
                              {.on_error = yoke::consume_errors::go_on});

    entries pushed;
    const auto import_and_push = [&](entries list) {
        for (entry& e : m.import(std::move(list))) {
            static_cast<void>(queue.push(e));
            pushed.push_back(std::move(e));
        }
    };
    if (import_thread) {
        yoke::thread_pool threads(1);
        yoke::bounded_queue<entries> lists(4);
        auto importer = yoke::consume(threads, 1, lists, import_and_push);
        for (const auto& endpoint : endpoints) static_cast<void>(lists.push(m.collect(endpoint)));
        lists.close();
        importer.get();  // only then has the last entry been pushed, and the pills may follow
    } else {
        for (const auto& endpoint : endpoints) import_and_push(m.collect(endpoint));
    }
    for (std::size_t i = 0; i < workers; ++i) queue.push(yoke::poison_pill);

    std::exception_ptr lost;
    try {
        crew.get();
    } catch (const yoke::worker_lost&) {
        lost = std::current_exception();
    }
    summaries done;
    while (auto s = finished.try_pop()) done.push_back(std::move(*s));

    // What a worker that died had in its hands is missing now.
    std::erase_if(pushed, [&](const entry& e) {
        return std::any_of(done.begin(), done.end(), [&](const summary& s) {
            return s.endpoint == e.endpoint && s.interval == e.interval;
        });
    });
    if (!pushed.empty() && attempts == 1) {
        try {
            std::rethrow_exception(lost);
        } catch (const std::exception&) {
            rethrow_for(name_of(pushed.front().endpoint, pushed.front().interval));
        }
    }
    for (summary& s : report_all(processes, m, pushed, attempts - 1)) done.push_back(std::move(s));
    return done;
}

// ---- Ours

summaries pipeline(const market& m, std::size_t workers, bool longest_first, int attempts) {
    yoke::thread_pool threads(2);
    yoke::process_pool processes(workers);
    const auto run = [&](auto order) {
        return yoke::from(endpoints) |
               yoke::stage(threads, [&](const std::string& endpoint) { return m.collect(endpoint); },
                           {.limit = 1}) |
               yoke::stage(threads, [&](entries list) { return m.import(std::move(list)); }, {.limit = 1}) |
               yoke::flatten() |
               yoke::stage(processes, yoke::bind_values(&market::report, m),
                           {.limit = workers, .name = "report", .attempts = attempts}, order) |
               yoke::collect();
    };
    try {
        return longest_first ? run(yoke::longest_first(&entry::interval)) : run(yoke::first_come());
    } catch (const yoke::stage_error& error) {
        if (error.stage() != 3) throw;
        // The stages before have limit 1, so the entries arrive in the order of endpoints and intervals.
        const auto item = static_cast<std::size_t>(error.item());
        rethrow_for(name_of(endpoints[item / intervals.size()], intervals[item % intervals.size()]));
    }
}

}  // namespace

int main(int argc, char** argv) {
    const yoke::runtime runtime{argc, argv};

    CLI::App app{"Collects, imports and reports market data in all published arrangements, and as a pipeline",
                 "market_reports"};
    double scale = 0.1;
    int retry = 0;
    std::size_t only_workers = 0;
    std::string only;
    bool show_work = false;
    bool json = false;
    app.add_option("--scale", scale, "length of a stage, of the published one")
        ->capture_default_str()
        ->check(CLI::Range(1e-6, 10.0));
    app.add_option("--retry", retry, "how often a report is tried again when its worker dies")
        ->capture_default_str()
        ->check(CLI::Range(0, 1000));
    app.add_option("--only", only, "only arrangements whose name or order contains this");
    app.add_option("--workers", only_workers, "only arrangements with so many workers")
        ->check(CLI::Range(1, 6));
    app.add_flag("--show-work", show_work, "say on stderr who begins which report; to try out kill -9");
    app.add_flag("--json", json, "print the table as JSON");

    return example::run(app, argc, argv, [&] {
        const market m{scale, show_work};
        const int attempts = retry + 1;
        summaries expected = serial(market{0, false});
        std::sort(expected.begin(), expected.end());

        example::table table("market_reports", json);
        std::size_t rows = 0;
        const auto measure = [&](const std::string& name, std::size_t workers, const std::string& order,
                                 std::optional<double> published, auto arrangement) {
            if ((name + " " + order).find(only) == std::string::npos) return;
            if (only_workers != 0 && workers != only_workers) return;
            summaries done;
            const double seconds = example::seconds_of([&] { done = arrangement(); });
            std::sort(done.begin(), done.end());
            table.add({name, workers, order, seconds / scale, published, done == expected});
            ++rows;
        };

        measure("serial", 1, "", 70.20, [&] { return serial(m); });
        measure("report thread", 1, "fifo", 59.41, [&] { return report_thread(m); });
        measure("report thread + import thread", 1, "fifo", 59.41,
                [&] { return report_and_import_thread(m); });

        const double per_batch[] = {59.56, 41.52, 32.52, 32.52};
        for (std::size_t n = 1; n <= 4; ++n)
            measure("process pool per batch", n, "fifo", per_batch[n - 1],
                    [&] { return pool_per_batch(m, n, attempts); });

        const double pills[] = {28.29, 25.87, 25.29, 25.30};
        for (std::size_t n = 3; n <= 6; ++n)
            measure("poison pills", n, "fifo", pills[n - 3],
                    [&] { return poison_pills(m, n, false, attempts); });
        for (std::size_t n = 1; n <= 6; ++n)
            measure("poison pills + import", n, "fifo", n == 5 ? std::optional(23.49) : std::nullopt,
                    [&] { return poison_pills(m, n, true, attempts); });

        for (std::size_t n = 3; n <= 5; ++n)
            measure("pipeline", n, "fifo", std::nullopt, [&] { return pipeline(m, n, false, attempts); });
        for (std::size_t n = 1; n <= 6; ++n)
            measure("pipeline", n, "longest-first", std::nullopt,
                    [&] { return pipeline(m, n, true, attempts); });

        if (rows == 0)
            throw std::runtime_error("no arrangement has the name and number of workers asked for");
        return table.finish();
    });
}
