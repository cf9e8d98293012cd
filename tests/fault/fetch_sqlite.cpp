// SPDX-License-Identifier: MIT
// labels: process
//
// A fetch from a SQLite file whose workers are processes: they die, stall and throw in the middle of a page. Rows G3,
// G6 and G8 of the list of faults. And tables of any form on every executor, against what SQLite says itself (H14).
#include "catch.hpp"

#include "support/process_watch.hpp"

#include <yoke/adapter/sqlite.hpp>
#include <yoke/algorithm/fetch.hpp>
#include <yoke/executor/inline_executor.hpp>
#include <yoke/executor/process_pool.hpp>
#include <yoke/executor/thread_pool.hpp>
#include <yoke/executor/with.hpp>

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <optional>
#include <random>
#include <stdexcept>
#include <string>
#include <tuple>
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

/// A file with the numbers 0 to 4999, or what `sql` makes.
class database {
public:
    explicit database(const std::string& sql =
                          "CREATE TABLE events(id INTEGER PRIMARY KEY, value INTEGER);"
                          "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 4999)"
                          "INSERT INTO events SELECT i, i FROM n;") {
        std::string name = (std::filesystem::temp_directory_path() / "yoke-XXXXXX").string();
        ::close(::mkstemp(name.data()));
        path_ = name;
        sqlite3* handle = nullptr;
        REQUIRE(sqlite3_open(path_.c_str(), &handle) == SQLITE_OK);
        char* message = nullptr;
        const int result = sqlite3_exec(handle, sql.c_str(), nullptr, nullptr, &message);
        INFO((message != nullptr ? message : "no message") << " in " << sql);
        REQUIRE(result == SQLITE_OK);
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

namespace {

/// What a fetch from the source fails with.
template <class E, class Source>
std::exception_ptr pull_cause(E& ex, const Source& source) {
    try {
        for (auto& page : yoke::fetch(ex, source, {.limit = 1000})) static_cast<void>(page);
    } catch (const yoke::fetch_error& e) {
        try {
            std::rethrow_if_nested(e);
        } catch (...) {
            return std::current_exception();
        }
    }
    return nullptr;
}

}  // namespace

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

TEST_CASE("SQLite's result code comes back from a worker process, in an error of its own type") {
    const watchdog guard("result code");
    const database db;
    yoke::process_pool processes(1);
    const auto code_of = [&](const yoke::sqlite::table_source<event>& source) {
        const auto lost = pull_cause(processes, source);
        REQUIRE(lost);
        try {
            std::rethrow_exception(lost);
        } catch (const yoke::sqlite::error& e) {
            REQUIRE_THAT(e.what(), StartsWith(source.path + ": "));
            return e.code();
        } catch (...) {
            return -1;
        }
    };
    CHECK(code_of({"/nonexistent/file", "events", {"value"}}) == SQLITE_CANTOPEN);
    CHECK(code_of({db.path(), "nothing", {"value"}}) == SQLITE_ERROR);
    const database odd("CREATE TABLE events(value); INSERT INTO events VALUES (1), ('text');");
    CHECK(code_of({odd.path(), "events", {"value"}}) == SQLITE_MISMATCH);
}

namespace {

// ---- Tables of any form ----

using dice = std::mt19937;

std::size_t below(dice& random, std::size_t limit) { return random() % limit; }
bool one_in(dice& random, std::size_t n) { return below(random, n) == 0; }
template <class T>
const T& any_of(dice& random, const std::vector<T>& from) {
    return from[below(random, from.size())];
}

const std::vector<std::string> odd_names{
    "t",      "Values", "order",   "select * from", "a\"b",  "[bracket]", "'text'",
    "`tick`", "--",     "/* open", "caf\xc3\xa9",   "a.b",   "%s;",       "two\nlines",
    "group",  "ROWS",   "1",       "x y",           "rowid", "oid",       "_rowid_"};
const std::vector<std::string> rowid_names{"rowid", "_rowid_", "oid", "RowID", "_ROWID_", "OID"};

std::string in_quotes(const std::string& name) { return yoke::sqlite::quoted(name); }

std::string lower(std::string text) {
    for (char& c : text)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return text;
}

/// A table, as it was made, and what the test knows of it.
struct random_table {
    std::string name;
    std::string ident;                 ///< an integer, different in each row, which no constraint tells
    std::string text;                  ///< texts in two cases, equal ones, NULLs
    std::vector<std::string> columns;  ///< all, the two above included
    std::vector<std::string> sql;
    std::string key;        ///< what ORDER BY takes to have the rows in a total order; empty: none
    bool by_rowid = false;  ///< the key is the rowid
};

random_table make_table(dice& random) {
    random_table made;
    made.name = any_of(random, odd_names);
    const auto fresh = [&](const std::vector<std::string>& from) {
        for (;;) {
            std::string name = any_of(random, from);
            while (one_in(random, 3)) name += any_of(random, odd_names);
            const auto same = [&](const std::string& other) { return lower(other) == lower(name); };
            if (std::none_of(made.columns.begin(), made.columns.end(), same))
                return made.columns.emplace_back(name);
        }
    };
    made.ident = fresh(odd_names);
    made.text = fresh(odd_names);
    const bool strict = one_in(random, 5);
    enum class kind { plain, integer_key, falling_key, text_key, without_rowid, view };
    const auto form = static_cast<kind>(below(random, 6));
    std::string body = in_quotes(made.ident) + " INTEGER, " + in_quotes(made.text) + " TEXT";
    if (one_in(random, 4)) body += " COLLATE NOCASE";
    std::string key;
    if (form != kind::plain && form != kind::view) key = fresh(one_in(random, 3) ? rowid_names : odd_names);
    // Columns that take the rowid's names away; some are generated.
    std::vector<std::string> others;
    std::string generated;
    for (std::size_t i = below(random, 5); i != 0; --i) {
        const std::string name = any_of(random, rowid_names);
        const auto same = [&](const std::string& other) { return lower(other) == lower(name); };
        if (std::any_of(made.columns.begin(), made.columns.end(), same)) continue;
        made.columns.push_back(name);
        if (one_in(random, 3)) {
            generated += ", " + in_quotes(name) + " INTEGER AS (" + (one_in(random, 2) ? "NULL" : "1") + ")" +
                         (one_in(random, 2) ? " STORED" : " VIRTUAL");
        } else {
            others.push_back(name);
            body += ", " + in_quotes(name) + " INTEGER";
        }
    }
    const std::string own = in_quotes(made.name) + "." + in_quotes(key);
    switch (form) {
    case kind::integer_key: body += ", " + in_quotes(key) + " INTEGER PRIMARY KEY"; break;
    case kind::falling_key: body += ", " + in_quotes(key) + " INTEGER PRIMARY KEY DESC"; break;
    case kind::text_key:
        body += ", " + in_quotes(key) + " TEXT PRIMARY KEY" + (one_in(random, 2) ? " NOT NULL" : "");
        break;
    case kind::without_rowid:
        body += ", " + in_quotes(key) + " TEXT" + (one_in(random, 2) ? " COLLATE NOCASE" : "");
        generated += ", PRIMARY KEY(" + (one_in(random, 2) ? in_quotes(made.ident) + ", " : "") +
                     in_quotes(key) + " COLLATE BINARY)";
        break;
    default: break;
    }
    std::string options = form == kind::without_rowid ? "WITHOUT ROWID" : "";
    if (strict) options += options.empty() ? "STRICT" : ", STRICT";
    const std::string stored = form == kind::view ? "below" : made.name;
    made.sql.push_back("CREATE TABLE " + in_quotes(stored) + "(" + body + generated + ") " + options + ";");

    // Names of the rowid that are left.
    std::string rowid;
    for (const char* const name : {"rowid", "_rowid_", "oid"}) {
        const auto same = [&](const std::string& other) { return lower(other) == name; };
        if (rowid.empty() && std::none_of(made.columns.begin(), made.columns.end(), same)) rowid = name;
    }
    const std::size_t rows = one_in(random, 8) ? 0 : below(random, 40);
    std::vector<std::int64_t> rowids{INT64_MAX, INT64_MIN, 0, -1};
    while (rowids.size() < rows) rowids.push_back(static_cast<std::int64_t>(random() % 1'000'000) - 500'000);
    std::shuffle(rowids.begin(), rowids.end(), random);
    std::sort(rowids.begin(), rowids.end());
    rowids.erase(std::unique(rowids.begin(), rowids.end()), rowids.end());
    std::shuffle(rowids.begin(), rowids.end(), random);
    for (std::size_t i = 0; i < std::min(rows, rowids.size()); ++i) {
        std::string names = in_quotes(made.ident) + ", " + in_quotes(made.text);
        std::string values =
            std::to_string(i) + ", " + any_of<std::string>(random, {"NULL", "'a'", "'A'", "'b'", "''"});
        for (const auto& other : others) {
            names += ", " + in_quotes(other);
            values += ", " + any_of<std::string>(random, {"NULL", "1", "2", "-9223372036854775808"});
        }
        // SQLite has no literal for the least integer.
        const std::string number =
            rowids[i] == INT64_MIN ? "(-9223372036854775807 - 1)" : std::to_string(rowids[i]);
        if (form == kind::integer_key) {
            names += ", " + in_quotes(key);
            values += ", " + number;
        } else if (!key.empty()) {
            names += ", " + in_quotes(key);
            const std::string letters =
                "'" + std::string(one_in(random, 2) ? "k" : "K") + std::to_string(i / 2) + "'";
            values += ", " + (form == kind::falling_key ? std::to_string(i * 7 % 41)
                                                        : "'" + std::to_string(i) + "' || " + letters);
        }
        if (form != kind::integer_key && form != kind::without_rowid && !rowid.empty()) {
            names += ", " + rowid;
            values += ", " + number;
        }
        made.sql.push_back("INSERT INTO " + in_quotes(stored) + "(" + names + ") VALUES (" + values + ");");
    }
    const std::string table = in_quotes(made.name) + ".";
    if (form == kind::view) {
        made.sql.push_back("CREATE VIEW " + in_quotes(made.name) + " AS SELECT * FROM " + in_quotes(stored) +
                           ";");
    } else if (form == kind::without_rowid) {
        const bool both = made.sql.front().find("PRIMARY KEY(" + in_quotes(made.ident)) != std::string::npos;
        made.key = (both ? table + in_quotes(made.ident) + ", " : "") + own + " COLLATE BINARY";
    } else if (!rowid.empty()) {
        made.key = table + rowid;
        made.by_rowid = true;
    } else if (form == kind::integer_key) {
        made.key = own;
        made.by_rowid = true;
    } else if ((form == kind::text_key || form == kind::falling_key) &&
               (strict || made.sql.front().find("PRIMARY KEY NOT NULL") != std::string::npos)) {
        // Others can be NULL in several rows; so SQLite has it, but for tables that are STRICT.
        made.key = own + " COLLATE BINARY";
    }
    return made;
}

using random_row = std::tuple<std::int64_t, std::optional<std::string>>;

/// What SQLite says, in one SELECT.
std::vector<random_row> told_by_sqlite(const std::string& path, const std::string& sql) {
    std::vector<random_row> rows;
    sqlite3* handle = nullptr;
    sqlite3_stmt* query = nullptr;
    REQUIRE(sqlite3_open(path.c_str(), &handle) == SQLITE_OK);
    INFO(sql);
    REQUIRE(sqlite3_prepare_v2(handle, sql.c_str(), -1, &query, nullptr) == SQLITE_OK);
    while (sqlite3_step(query) == SQLITE_ROW) {
        const auto* const text = reinterpret_cast<const char*>(sqlite3_column_text(query, 1));
        rows.emplace_back(sqlite3_column_int64(query, 0),
                          text != nullptr ? std::optional<std::string>(text) : std::nullopt);
    }
    sqlite3_finalize(query);
    sqlite3_close(handle);
    return rows;
}

/// An order as random as the table: terms, with what follows an expression kept apart.
struct random_order {
    std::string text;
    std::string expressions;  ///< without DESC and the like
    bool misspelt = false;
};
random_order make_order(dice& random, const random_table& table) {
    random_order made;
    for (std::size_t terms = 1 + below(random, 3); terms != 0; --terms) {
        std::string expression = in_quotes(any_of(random, table.columns));
        if (one_in(random, 10)) {
            expression = in_quotes("no such column");
            made.misspelt = true;
        } else if (one_in(random, 4)) {
            expression = in_quotes(table.name) + "." + expression;
        } else if (one_in(random, 6)) {
            expression = "length(" + expression + ")";
        }
        if (one_in(random, 6)) expression += " COLLATE NOCASE";
        made.expressions += (made.expressions.empty() ? "" : ", ") + expression;
        made.text +=
            (made.text.empty() ? "" : ", ") + expression +
            any_of<std::string>(random, {"", "", " ASC", " DESC", " DESC NULLS FIRST", " NULLS LAST"});
    }
    made.text += any_of<std::string>(random, {"", "", " ", " -- the order", " /* the order */"});
    return made;
}

template <class E>
std::string check_pages(E& ex, const yoke::sqlite::table_source<random_row>& source,
                        const std::vector<random_row>& expected, const yoke::fetch_options& options) {
    std::vector<random_row> rows;
    try {
        for (auto& page : yoke::fetch(ex, source, options))
            rows.insert(rows.end(), page.rows.begin(), page.rows.end());
    } catch (const std::exception& e) {
        return e.what();
    }
    return rows == expected ? "" : std::to_string(rows.size()) + " rows, or others";
}

template <class Source>
std::string complaint_of(const Source& source) {
    try {
        (void)source(yoke::page_request{0, 3});
    } catch (const yoke::sqlite::error& e) {
        return e.what();
    }
    return "no error";
}

std::uint32_t number_from(const char* variable, std::uint32_t otherwise) {
    const char* const text = std::getenv(variable);
    return text != nullptr ? static_cast<std::uint32_t>(std::strtoul(text, nullptr, 10)) : otherwise;
}

}  // namespace

// YOKE_SCHEMA_ROUNDS and YOKE_SCHEMA_SEED: how many tables, and the first of their seeds.
TEST_CASE("a table of any form comes whole, each row once, on every executor, or is refused") {
    const std::uint32_t rounds = number_from("YOKE_SCHEMA_ROUNDS", 30);
    const watchdog guard("tables of any form", std::chrono::seconds(30 + rounds));
    const std::uint32_t first = number_from("YOKE_SCHEMA_SEED", 1);
    yoke::inline_executor here;
    yoke::thread_pool threads(2);
    yoke::process_pool processes(2);
    std::size_t fetched = 0;
    std::size_t refused = 0;
    for (std::uint32_t seed = first; seed != first + rounds; ++seed) {
        dice random(seed);
        const auto table = make_table(random);
        std::string sql = "PRAGMA synchronous = OFF; BEGIN;";
        for (const auto& each : table.sql) sql += each;
        sql += "COMMIT;";
        const database db(sql);
        for (int attempt = 0; attempt < 4; ++attempt) {
            const bool ordered = attempt != 0;
            const random_order order = ordered ? make_order(random, table) : random_order();
            INFO("YOKE_SCHEMA_SEED=" << seed << " attempt " << attempt << " ORDER BY " << order.text
                                     << " of\n"
                                     << sql);
            const yoke::sqlite::table_source<random_row> source{
                db.path(), table.name, {table.ident, table.text}, order.text};
            const std::string name = in_quotes(table.name);
            const std::string select = "SELECT " + name + "." + in_quotes(table.ident) + ", " + name + "." +
                                       in_quotes(table.text) + " FROM " + name;
            bool equals = false;  // some rows are, and no key tells them apart
            if (ordered && !order.misspelt && table.key.empty())
                equals = !told_by_sqlite(db.path(), "SELECT 1, NULL FROM " + name + " GROUP BY " +
                                                        order.expressions + " HAVING count(*) > 1")
                              .empty();
            if (order.misspelt || equals || (!ordered && !table.by_rowid)) {
                REQUIRE_THAT(complaint_of(source),
                             ContainsSubstring(order.misspelt ? "no such column: no such column"
                                               : equals       ? "add a column that tells them apart"
                                                              : "it needs order_by"));
                ++refused;
                continue;
            }
            const auto expected = told_by_sqlite(
                db.path(),
                select + " ORDER BY " +
                    (ordered ? order.text + "\n" + (table.key.empty() ? "" : ", " + table.key) : table.key));
            REQUIRE(source.count() == expected.size());
            for (int pull = 0; pull < 4; ++pull) {
                yoke::fetch_options options;
                options.limit =
                    any_of<std::uint64_t>(random, {1, 2, 3, 7, std::max<std::size_t>(1, expected.size()),
                                                   expected.size() + 1, 1000});
                options.window = below(random, 5);
                if (one_in(random, 2)) options.total = expected.size();
                CAPTURE(options.limit, options.window, options.total.has_value(), pull);
                REQUIRE(check_pages(here, source, expected, options).empty());
                REQUIRE(check_pages(threads, source, expected, options).empty());
                REQUIRE(check_pages(processes, source, expected, options).empty());
                // A page alone, wherever it begins.
                const std::size_t at = below(random, expected.size() + 2);
                const auto page = source(yoke::page_request{at, options.limit});
                const std::size_t begin = std::min(at, expected.size());
                const std::size_t end = std::min<std::size_t>(begin + options.limit, expected.size());
                REQUIRE(page == std::vector<random_row>(expected.begin() + static_cast<std::ptrdiff_t>(begin),
                                                        expected.begin() + static_cast<std::ptrdiff_t>(end)));
                ++fetched;
            }
        }
    }
    if (rounds >= 20) {
        CHECK(fetched > rounds);
        CHECK(refused > rounds / 4);
    }
}
