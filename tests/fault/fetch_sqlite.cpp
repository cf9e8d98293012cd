// SPDX-License-Identifier: MIT
// labels: process
//
// A fetch from a SQLite file whose workers are processes: they die, stall and throw in the middle of a page. Rows G3,
// G6 and G8 of the list of faults.
#include "catch.hpp"

#include "support/process_watch.hpp"

#include <yoke/adapter/sqlite.hpp>
#include <yoke/algorithm/fetch.hpp>
#include <yoke/executor/process_pool.hpp>
#include <yoke/executor/with.hpp>

#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <vector>

using namespace std::chrono_literals;

namespace {

using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::StartsWith;
using yoke_test::watchdog;

struct shared_board {
    std::atomic<int> deaths{0};
    std::atomic<int> opened_in_the_parent{0};
    std::atomic<int> parent{0};
};
shared_board& board = yoke_test::make_shared_object<shared_board>();

/// A file with the numbers 0 to 4999.
class database {
public:
    database() {
        std::string name = (std::filesystem::temp_directory_path() / "yoke-XXXXXX").string();
        ::close(::mkstemp(name.data()));
        path_ = name;
        sqlite3* handle = nullptr;
        REQUIRE(sqlite3_open(path_.c_str(), &handle) == SQLITE_OK);
        REQUIRE(sqlite3_exec(handle,
                             "CREATE TABLE events(id INTEGER PRIMARY KEY, value INTEGER);"
                             "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 4999)"
                             "INSERT INTO events SELECT i, i FROM n;",
                             nullptr, nullptr, nullptr) == SQLITE_OK);
        sqlite3_close(handle);
    }
    database(const database&) = delete;
    database& operator=(const database&) = delete;
    ~database() { std::filesystem::remove(path_); }
    [[nodiscard]] const std::string& path() const { return path_; }

private:
    std::string path_;
};

struct event {
    std::int64_t value;
};

enum class fate { none, killed, killed_once, stalls, throws };

/// The table, with a page at which something happens.
struct troubled_source {
    std::string path;
    std::uint64_t offset;
    fate what;

    std::vector<event> operator()(yoke::page_request page) const {
        if (page.offset == offset) {
            if (what == fate::killed) std::raise(SIGKILL);
            if (what == fate::killed_once && board.deaths++ == 0) std::raise(SIGKILL);
            if (what == fate::throws) throw std::out_of_range("the third page is cursed");
            while (what == fate::stalls) ::pause();
        }
        if (::getpid() == board.parent) ++board.opened_in_the_parent;
        return yoke::sqlite::table_source<event>{path, "events", {"value"}}(page);
    }
};

/// Takes pages until the end or an error; their values must come in order.
struct outcome {
    std::size_t rows = 0;
    bool in_order = true;
    std::string text;
    std::exception_ptr cause;
};
template <class E>
outcome pull(E& ex, const troubled_source& source, const yoke::fetch_options& options) {
    outcome result;
    try {
        for (auto& page : yoke::fetch(ex, source, options)) {
            for (const event& each : page.rows) {
                result.in_order = result.in_order && each.value == static_cast<std::int64_t>(result.rows);
                ++result.rows;
            }
        }
    } catch (const yoke::fetch_error& e) {
        result.text = e.what();
        try {
            std::rethrow_if_nested(e);
        } catch (...) {
            result.cause = std::current_exception();
        }
    }
    return result;
}

std::vector<int> hundred_from(int base, yoke::page_request page) {
    std::vector<int> rows;
    for (auto i = page.offset; i < page.offset + page.limit && i < 100; ++i)
        rows.push_back(base + static_cast<int>(i));
    return rows;
}

/// A source that cannot be made without its value.
struct based_source {
    int base;
    explicit based_source(int b) : base(b) {}
    std::vector<int> operator()(yoke::page_request page) const { return hundred_from(base, page); }
};

}  // namespace

template <>
struct yoke::codec<based_source> {
    static void encode(wire_writer& out, const based_source& source) { yoke::encode(out, source.base); }
    static based_source decode(wire_reader& in) { return based_source(yoke::decode<int>(in)); }
};

TEST_CASE("a page source without a default constructor runs in worker processes") {
    const watchdog guard("bound source");
    yoke::process_pool pool(2);
    const auto sum = [&](const auto& source) {
        int total = 0;
        for (const auto& page : yoke::fetch(pool, source, {.limit = 7}))
            for (const int row : page.rows) total += row;
        return total;
    };
    CHECK(sum(based_source(5)) == 100 * 5 + 4950);
    CHECK(sum(yoke::bind_values(hundred_from, 6)) == 100 * 6 + 4950);
}

TEST_CASE("worker processes pull a whole table, each on connections of its own") {
    const watchdog guard("pull a table");
    const database db;
    yoke::process_pool pool(2);
    board.parent = ::getpid();
    for (const std::uint64_t limit : {7U, 1000U, 10'000U}) {
        const auto whole = pull(pool, {db.path(), 0, fate::none}, {.limit = limit});
        CHECK(whole.rows == 5000);
        CHECK(whole.in_order);
        CHECK(whole.text.empty());
    }
    CHECK(pull(pool, {db.path(), 0, fate::none}, {.limit = 999, .total = 5000}).rows == 5000);
    CHECK(board.opened_in_the_parent == 0);
}

TEST_CASE("a worker that is killed in a page ends the fetch with an error that names the page") {
    const watchdog guard("killed in a page");
    const database db;
    yoke::process_pool pool(2);
    const auto part = pull(pool, {db.path(), 3000, fate::killed}, {.limit = 1000});
    CHECK(part.rows == 3000);
    CHECK(part.in_order);
    CHECK_THAT(part.text, StartsWith("page at offset 3000 (limit 1000): "));
    CHECK_THAT(part.text, ContainsSubstring("signal 9"));
    REQUIRE(part.cause);
    CHECK_THROWS_AS(std::rethrow_exception(part.cause), yoke::worker_lost);
    CHECK(pull(pool, {db.path(), 0, fate::none}, {}).rows == 5000);  // the pool goes on
}

TEST_CASE("a page that may be repeated survives the death of its worker") {
    const watchdog guard("repeated");
    const database db;
    yoke::process_pool pool(2);
    auto patient = yoke::with(pool, {.attempts = 3});
    for (const auto order : {yoke::fetch_order::in_order, yoke::fetch_order::as_completed}) {
        board.deaths = 0;
        const auto whole =
            pull(patient, {db.path(), 3000, fate::killed_once}, {.limit = 1000, .order = order});
        CHECK(whole.rows == 5000);
        CHECK(whole.text.empty());
        CHECK(board.deaths == 2);
    }
}

TEST_CASE("a page that never comes ends at its deadline") {
    const watchdog guard("deadline");
    const database db;
    yoke::process_pool pool(2);
    auto bounded = yoke::with(pool, {.timeout = 200ms});
    const auto part = pull(bounded, {db.path(), 2000, fate::stalls}, {.limit = 1000, .total = 5000});
    CHECK(part.rows == 2000);
    CHECK_THAT(part.text, StartsWith("page at offset 2000 (limit 1000): "));
    REQUIRE(part.cause);
    CHECK_THROWS_AS(std::rethrow_exception(part.cause), yoke::task_timeout);
}

TEST_CASE("what a source throws in a worker arrives as itself, inside the error that names the page") {
    const watchdog guard("throws");
    const database db;
    yoke::process_pool pool(2);
    const auto part = pull(pool, {db.path(), 2000, fate::throws}, {.limit = 1000});
    CHECK(part.rows == 2000);
    CHECK(part.text == "page at offset 2000 (limit 1000): the third page is cursed");
    REQUIRE(part.cause);
    CHECK_THROWS_AS(std::rethrow_exception(part.cause), std::out_of_range);

    const auto missing = pull(pool, {"/nonexistent/file", 0, fate::none}, {.limit = 1000});
    CHECK(missing.rows == 0);
    CHECK_THAT(missing.text, ContainsSubstring("page at offset 0 (limit 1000): ") &&
                                 ContainsSubstring("/nonexistent/file"));
}

TEST_CASE("a forked child opens its own connection and leaves its parent's alone") {
    const watchdog guard("forked child");
    const database db;
    auto& mine = yoke::sqlite::connection::of_this_worker(db.path());
    CHECK(&yoke::sqlite::connection::of_this_worker(db.path()) == &mine);
    const pid_t child = ::fork();
    if (child == 0) {
        auto& own = yoke::sqlite::connection::of_this_worker(db.path());
        const auto rows = yoke::sqlite::table_source<event>{db.path(), "events", {"value"}}({4990, 100});
        ::_exit(&own != &mine && rows.size() == 10 ? 0 : 1);
    }
    int status = -1;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK(status == 0);
    CHECK(yoke::sqlite::table_source<event>{db.path(), "events", {"value"}}({0, 100}).size() == 100);
}
