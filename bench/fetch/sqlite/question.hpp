// SPDX-License-Identifier: MIT
#pragma once

/// How many rows of a SQLite file can be fetched by pages, with a connection per thread?
///
/// Timed: 200,000 rows of two integers and a real into memory, by pages in the order of the rows, and their
/// sums; the threads' connections are open. `1000_a_page` and `10000_a_page`: rows a page. Checked: the
/// number of rows and the sums. hand_written is what one would write for this one table: a thread per
/// processor, key ranges, prepared statements. limit_step only steps through the rows, half the table (or
/// less, with more processors) a thread, and keeps nothing.

#include "../../harness.hpp"

#include <sqlite3.h>
#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>

namespace bench::fetch_sqlite {

inline constexpr unit million_rows{"M rows/s", 1e-6};

struct row {
    std::int64_t delay;
    std::int64_t distance;
    double time;
};

/// What the rows add up to. All of it is exact in double.
struct totals {
    std::uint64_t rows = 0;
    std::int64_t delay = 0;
    std::int64_t distance = 0;
    double time = 0;

    void add(const row& one) {
        ++rows;
        delay += one.delay;
        distance += one.distance;
        time += one.time;
    }
    void add(const totals& other) {
        rows += other.rows;
        delay += other.delay;
        distance += other.distance;
        time += other.time;
    }
    bool operator==(const totals&) const = default;
};

inline row row_at(std::uint64_t number) {
    const auto n = static_cast<std::int64_t>(number);
    return {n % 97 - 20, n % 1009, static_cast<double>(n % 96) / 4};
}
inline totals expected_totals(std::uint64_t rows) {
    totals sum;
    for (std::uint64_t i = 0; i < rows; ++i) sum.add(row_at(i));
    return sum;
}

/// A connection and one statement on it.
class query {
public:
    query(const std::string& path, const std::string& sql) {
        // One thread a connection, so it needs no lock.
        require(sqlite3_open_v2(path.c_str(), &database_, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX,
                                nullptr) == SQLITE_OK,
                "cannot open the file");
        require(sqlite3_prepare_v2(database_, sql.c_str(), -1, &statement_, nullptr) == SQLITE_OK,
                "cannot prepare the statement");
    }
    query(const query&) = delete;
    query& operator=(const query&) = delete;
    ~query() {
        sqlite3_finalize(statement_);
        sqlite3_close(database_);
    }

    /// Calls `use` with each row whose id is at least `from` and below `to`.
    template <class Use>
    void each(std::uint64_t from, std::uint64_t to, Use use) {
        sqlite3_bind_int64(statement_, 1, static_cast<sqlite3_int64>(from));
        sqlite3_bind_int64(statement_, 2, static_cast<sqlite3_int64>(to));
        int result = SQLITE_ROW;
        while ((result = sqlite3_step(statement_)) == SQLITE_ROW)
            use(row{sqlite3_column_int64(statement_, 0), sqlite3_column_int64(statement_, 1),
                    sqlite3_column_double(statement_, 2)});
        sqlite3_reset(statement_);
        require(result == SQLITE_DONE, "cannot read the rows");
    }

    static constexpr const char* by_key =
        "SELECT delay, distance, time FROM flights WHERE id >= ? AND id < ?";

private:
    sqlite3* database_ = nullptr;
    sqlite3_stmt* statement_ = nullptr;
};

/// A file with a table of n rows, gone with this object.
class store {
public:
    explicit store(std::uint64_t rows) {
        sqlite3* database = nullptr;
        require(sqlite3_open(path_.c_str(), &database) == SQLITE_OK, "cannot make the file");
        const auto run = [database](const char* sql) {
            require(sqlite3_exec(database, sql, nullptr, nullptr, nullptr) == SQLITE_OK,
                    "cannot make the table");
        };
        run("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;"
            "CREATE TABLE flights (id INTEGER PRIMARY KEY, delay INTEGER, distance INTEGER, time REAL); "
            "BEGIN");
        sqlite3_stmt* insert = nullptr;
        require(sqlite3_prepare_v2(database, "INSERT INTO flights VALUES (?, ?, ?, ?)", -1, &insert,
                                   nullptr) == SQLITE_OK,
                "cannot prepare the statement");
        for (std::uint64_t i = 0; i < rows; ++i) {
            const row one = row_at(i);
            sqlite3_bind_int64(insert, 1, static_cast<sqlite3_int64>(i));
            sqlite3_bind_int64(insert, 2, one.delay);
            sqlite3_bind_int64(insert, 3, one.distance);
            sqlite3_bind_double(insert, 4, one.time);
            require(sqlite3_step(insert) == SQLITE_DONE, "cannot insert");
            sqlite3_reset(insert);
        }
        sqlite3_finalize(insert);
        run("COMMIT");
        sqlite3_close(database);
    }
    store(const store&) = delete;
    store& operator=(const store&) = delete;
    ~store() {
        std::error_code ignored;
        std::filesystem::remove(path_, ignored);
    }
    [[nodiscard]] const std::string& path() const { return path_; }

private:
    std::string path_ =
        std::filesystem::temp_directory_path() / ("yoke-bench-" + std::to_string(getpid()) + ".sqlite");
};

/// `Contender` is made with the file's path and has `run(rows, rows_a_page)`, which returns the totals of
/// that many rows.
template <class Contender>
int main(int argc, char** argv) {
    program here(argc, argv);
    const std::uint64_t rows = here.scaled(200'000);
    const auto file = std::make_shared<store>(rows);
    const auto sample_of = [rows, file](std::uint64_t rows_a_page) {
        return [rows, file, rows_a_page] {
            auto contender = std::make_unique<Contender>(file->path());
            contender->run(rows, rows_a_page);
            return [rows, rows_a_page, expected = expected_totals(rows), contender = std::move(contender)] {
                const auto start = clock::now();
                const totals sum = contender->run(rows, rows_a_page);
                const double seconds = seconds_since(start);
                require(sum == expected, "rows are missing, wrong or doubled");
                return rate(seconds, rows, million_rows);
            };
        };
    };
    here.add("fetch/sqlite/1000_a_page", million_rows, sample_of(1'000));
    here.add("fetch/sqlite/10000_a_page", million_rows, sample_of(10'000));
    return here.run();
}

}  // namespace bench::fetch_sqlite
