// SPDX-License-Identifier: MIT

/// event_baseline: pulls all events of a store that gives out at most --limit of them per call, many calls at a time, and
/// reduces them to a baseline: for each hour of the day how many events there were, and their mean value.
///
///     event_baseline                       a store of 100,000 events made on the spot, which takes 20 ms per call
///     event_baseline --db flights.sqlite --table flights --time-column time --value-column delay
///
/// The pages are pulled on inline, threads or processes, always by the same function; the reduction runs on worker
/// processes. Times are hours of the day (0 <= t < 24), or seconds since 1970 with --time-unit seconds, whose hours are
/// those of UTC. Rows in which time or value is NULL are left out.

#include "common.hpp"

#include <yoke/adapter/sqlite.hpp>
#include <yoke/algorithm/fetch.hpp>
#include <yoke/algorithm/pipeline.hpp>
#include <yoke/executor/inline_executor.hpp>
#include <yoke/executor/process_pool.hpp>
#include <yoke/executor/thread_pool.hpp>
#include <yoke/executor/with.hpp>
#include <yoke/observe/progress.hpp>
#include <yoke/runtime.hpp>
#include <yoke/wire/bind_values.hpp>

#include <unistd.h>

#include <array>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace {

struct event {
    std::optional<double> time;
    std::optional<double> value;
};
using events = std::vector<event>;

// ---- The store: a value that crosses to worker processes, where it opens its own connection.

struct event_store {
    yoke::sqlite::table_source<event> table;
    std::chrono::milliseconds delay{0};  // of a store that is not on this machine
    bool show_work = false;

    events operator()(yoke::page_request page) const {
        if (show_work)
            std::fprintf(stderr, "worker %d begins page at offset %llu.\n", getpid(),
                         static_cast<unsigned long long>(page.offset));
        std::this_thread::sleep_for(delay);
        return table(page);
    }
};

// ---- The baseline

struct hour_of_day {
    std::uint64_t count = 0;
    double sum = 0;

    friend bool operator==(const hour_of_day&, const hour_of_day&) = default;
};

struct baseline {
    std::array<hour_of_day, 24> hours{};
    std::uint64_t count = 0;
    double sum_of_times = 0;
    double sum_of_values = 0;

    friend bool operator==(const baseline&, const baseline&) = default;

    friend baseline operator+(baseline a, const baseline& b) {
        for (std::size_t h = 0; h < a.hours.size(); ++h) {
            a.hours[h].count += b.hours[h].count;
            a.hours[h].sum += b.hours[h].sum;
        }
        a.count += b.count;
        a.sum_of_times += b.sum_of_times;
        a.sum_of_values += b.sum_of_values;
        return a;
    }
};

baseline baseline_of(const events& rows, bool seconds) {
    baseline result;
    for (const auto& [time, value] : rows) {
        if (!time || !value) continue;
        const double hour =
            seconds ? std::fmod(std::fmod(std::floor(*time / 3600), 24) + 24, 24) : std::floor(*time);
        if (!(hour >= 0 && hour < 24))
            throw std::runtime_error("time " + std::to_string(*time) +
                                     " is not an hour of the day; if it is seconds, say --time-unit seconds");
        auto& slot = result.hours[static_cast<std::size_t>(hour)];
        slot.count += 1;
        slot.sum += *value;
        result.count += 1;
        result.sum_of_times += *time;
        result.sum_of_values += *value;
    }
    return result;
}

baseline baseline_of_page(bool seconds, const yoke::page<events>& page) {
    return baseline_of(page.rows, seconds);
}

// ---- The program

/// Pages are pulled on `puller`, each becomes a baseline of its own on `reducer`, and these are added up here, in order.
/// `bar` counts them.
template <yoke::executor Puller, yoke::executor Reducer>
baseline pull_and_reduce(Puller& puller, Reducer& reducer, int attempts, const event_store& store,
                         const yoke::fetch_options& options, bool seconds, yoke::progress& bar) {
    baseline total;
    try {
        yoke::from(yoke::fetch(puller, store, options)) |
            yoke::stage(reducer, yoke::bind_values(baseline_of_page, seconds), {.attempts = attempts}) |
            yoke::for_each_result([&](const baseline& part) {
                total = total + part;
                bar.add();
            });
    } catch (const yoke::stage_error& error) {
        if (error.stage() == 0) throw;  // a page could not be pulled: the error names it
        const std::uint64_t offset = error.item() * options.limit;
        std::throw_with_nested(yoke::fetch_error("page at offset " + std::to_string(offset), offset));
    }
    return total;
}

/// One page after the other, without any executor.
baseline serial_baseline(event_store store, std::uint64_t limit, bool seconds) {
    store.delay = {};
    store.show_work = false;
    baseline total;
    for (std::uint64_t offset = 0;; offset += limit) {
        const events page = store({offset, limit});
        if (page.empty()) return total;
        total = total + baseline_of(page, seconds);
    }
}

/// A file with 100,000 events, for as long as this lives.
class made_store {
public:
    made_store()
        : path_(std::filesystem::temp_directory_path() / ("events-" + std::to_string(getpid()) + ".sqlite")) {
        sqlite3* database = nullptr;
        const bool made =
            sqlite3_open(path_.c_str(), &database) == SQLITE_OK &&
            sqlite3_exec(database,
                         "CREATE TABLE events(id INTEGER PRIMARY KEY, time REAL, value INTEGER);"
                         "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 99999) "
                         "INSERT INTO events SELECT i, (i * 7919 % 86400) / 3600.0, i * 31 % 1009 FROM n;",
                         nullptr, nullptr, nullptr) == SQLITE_OK;
        sqlite3_close(database);
        if (!made) throw std::runtime_error("cannot make a store in " + path_.string());
    }
    ~made_store() {
        std::error_code ignored;
        std::filesystem::remove(path_, ignored);
    }
    made_store(const made_store&) = delete;
    made_store& operator=(const made_store&) = delete;

    [[nodiscard]] std::string path() const { return path_; }

private:
    std::filesystem::path path_;
};

/// Whole numbers as such, others with three digits.
std::string text_of(double value) { return example::fixed(value, value == std::floor(value) ? 0 : 3); }

void print(const baseline& b, const std::string& time, const std::string& value) {
    std::printf("hour   count  mean(%s)\n", value.c_str());
    for (std::size_t h = 0; h < b.hours.size(); ++h) {
        const auto& [count, sum] = b.hours[h];
        std::printf("%4zu %7llu  %s\n", h, static_cast<unsigned long long>(count),
                    count == 0 ? "-" : example::fixed(sum / static_cast<double>(count), 3).c_str());
    }
    std::printf("count %llu, sum(%s) %s, sum(%s) %s\n", static_cast<unsigned long long>(b.count),
                value.c_str(), text_of(b.sum_of_values).c_str(), time.c_str(),
                text_of(b.sum_of_times).c_str());
}

}  // namespace

int main(int argc, char** argv) {
    const yoke::runtime runtime{argc, argv};

    CLI::App app{"Pulls all events of a store by pages and reduces them to a baseline by hour of the day",
                 "event_baseline"};
    std::string path;
    std::string table_name = "events";
    std::string time_column = "time";
    std::string value_column = "value";
    std::string order_by;
    std::string time_unit = "hours";
    std::string executor = "all";
    std::uint64_t limit = 1000;
    std::size_t workers = 10;
    std::optional<int> delay;
    int retry = 0;
    bool known = false;
    bool unknown = false;
    bool show_work = false;
    bool json = false;
    app.add_option("--db", path, "SQLite file to read; without it a store of 100,000 events is made");
    app.add_option("--table", table_name, "table of events")->capture_default_str();
    app.add_option("--time-column", time_column, "column with the time of an event")->capture_default_str();
    app.add_option("--value-column", value_column, "column with its value")->capture_default_str();
    app.add_option("--order-by", order_by,
                   "column that is unique; needed for tables and views without a rowid");
    app.add_option("--time-unit", time_unit, "hours: of the day, 0 <= t < 24; seconds: since 1970, UTC")
        ->capture_default_str()
        ->check(CLI::IsMember({"hours", "seconds"}));
    app.add_option("--limit", limit, "rows per page")
        ->capture_default_str()
        ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{1'000'000'000}));
    app.add_option("--workers", workers, "threads and processes")
        ->capture_default_str()
        ->check(CLI::Range(1, 256));
    app.add_option("--executor", executor, "what pulls the pages")
        ->capture_default_str()
        ->check(CLI::IsMember({"inline", "threads", "processes", "all"}));
    app.add_option("--page-delay-ms", delay,
                   "how long the store takes per page; default 0, or 10 without --db")
        ->check(CLI::Range(0, 60'000));
    app.add_option("--retry", retry,
                   "how often a page is tried again when its worker dies or the store fails")
        ->capture_default_str()
        ->check(CLI::Range(0, 1000));
    auto* const known_option =
        app.add_flag("--known-total", known, "count the rows first; ask for no page beyond");
    app.add_flag("--unknown-total", unknown, "find the end by an empty page")->excludes(known_option);
    app.add_flag("--show-work", show_work, "say on stderr who begins which page; to try out kill -9");
    app.add_flag("--json", json, "print the table as JSON");

    return example::run(app, argc, argv, [&] {
        std::optional<made_store> made;
        if (app.count("--db") == 0) path = made.emplace().path();
        event_store store{{path, table_name, {time_column, value_column}},
                          std::chrono::milliseconds(delay.value_or(made ? 10 : 0)),
                          show_work};
        if (!order_by.empty())
            store.table.order_by = yoke::sqlite::quoted(table_name) + "." + yoke::sqlite::quoted(order_by);
        const bool seconds = time_unit == "seconds";
        const baseline serial = serial_baseline(store, limit, seconds);
        const std::uint64_t rows = store.table.count();

        yoke::inline_executor here;
        yoke::thread_pool threads(workers);
        yoke::process_pool processes(workers);
        auto patient = yoke::with(processes, {.attempts = retry + 1});

        example::table table("event_baseline", json);
        const auto measure = [&](const std::string& name, auto& puller) {
            if (executor != "all" && executor != name) return;
            for (const bool total_known : {true, false}) {
                if (total_known ? unknown : known) continue;
                yoke::fetch_options options{.limit = limit, .retries = static_cast<unsigned>(retry)};
                if (total_known) options.total = rows;
                baseline result;
                yoke::progress bar(name, total_known ? (rows + limit - 1) / limit : 0);
                const double time = example::seconds_of([&] {
                    result = pull_and_reduce(puller, processes, retry + 1, store, options, seconds, bar);
                });
                bar.finish();
                table.add({"pull on " + name + (total_known ? ", total known" : ", total unknown"),
                           puller.concurrency(), "", time, std::nullopt, result == serial});
            }
        };
        measure("inline", here);
        measure("threads", threads);
        measure("processes", patient);
        if (!json) print(serial, time_column, value_column);
        return table.finish();
    });
}
