// SPDX-License-Identifier: MIT
// labels: concurrent
#include "catch.hpp"

#include <yoke/adapter/sqlite.hpp>
#include <yoke/algorithm/fetch.hpp>
#include <yoke/concept/shippable.hpp>
#include <yoke/executor/inline_executor.hpp>
#include <yoke/executor/thread_pool.hpp>

#include <unistd.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

namespace {

using Catch::Matchers::ContainsSubstring;

/// A database in a file of its own, gone at the end.
class database {
public:
    explicit database(const std::string& sql = "") {
        std::string name = (std::filesystem::temp_directory_path() / "yoke-XXXXXX").string();
        ::close(::mkstemp(name.data()));
        path_ = name;
        run(sql);
    }
    database(const database&) = delete;
    database& operator=(const database&) = delete;
    ~database() { std::filesystem::remove(path_); }

    void run(const std::string& sql) const {
        sqlite3* handle = nullptr;
        REQUIRE(sqlite3_open(path_.c_str(), &handle) == SQLITE_OK);
        char* message = nullptr;
        const int result = sqlite3_exec(handle, sql.c_str(), nullptr, nullptr, &message);
        INFO((message != nullptr ? message : "no message"));
        REQUIRE(result == SQLITE_OK);
        sqlite3_close(handle);
    }
    [[nodiscard]] const std::string& path() const { return path_; }

private:
    std::string path_;
};

const std::string numbers = "CREATE TABLE numbers(id INTEGER PRIMARY KEY, square INTEGER, name TEXT);"
                            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2500)"
                            "INSERT INTO numbers SELECT i, i * i, 'n' || i FROM n;";

struct number {
    std::int64_t square;
    std::string name;
};
using number_table = yoke::sqlite::table_source<number>;

number_table table_of(const database& db) { return {db.path(), "numbers", {"square", "name"}}; }

template <class E, class Source>
auto all(E& ex, const Source& source, const yoke::fetch_options& options) {
    std::vector<yoke::page_row<Source>> rows;
    for (auto& page : yoke::fetch(ex, source, options))
        rows.insert(rows.end(), page.rows.begin(), page.rows.end());
    return rows;
}
template <class Source>
std::string error_of(const Source& source) {
    try {
        (void)source(yoke::page_request{0, 10});
    } catch (const yoke::sqlite::error& e) {
        return e.what();
    }
    return "no error";
}

}  // namespace

TEST_CASE("a table comes complete and in order with any limit, on one worker and on several") {
    const database db(numbers);
    yoke::inline_executor serial;
    yoke::thread_pool pool(2);
    for (const std::uint64_t limit : {1U, 7U, 999U, 2500U, 2501U, 300000U}) {
        const auto here = all(serial, table_of(db), {.limit = limit});
        const auto there = all(pool, table_of(db), {.limit = limit});
        const auto known = all(pool, table_of(db), {.limit = limit, .total = table_of(db).count()});
        REQUIRE(here.size() == 2500);
        REQUIRE(there.size() == 2500);
        REQUIRE(known.size() == 2500);
        for (std::size_t i = 0; i < 2500; ++i) {
            const auto n = static_cast<std::int64_t>(i) + 1;
            REQUIRE((there[i].square == n * n && known[i].square == n * n && here[i].square == n * n));
        }
        REQUIRE(there.back().name == "n2500");
    }
}

TEST_CASE("a table with gaps in its rowids loses no row and doubles none") {
    const database db(numbers + "DELETE FROM numbers WHERE id % 3 = 0 OR id BETWEEN 500 AND 900;");
    yoke::thread_pool pool(2);
    std::int64_t expected = 0;
    std::size_t left = 0;
    for (std::int64_t i = 1; i <= 2500; ++i)
        if (i % 3 != 0 && (i < 500 || i > 900)) {
            expected += i * i;
            ++left;
        }
    for (const auto order : {yoke::fetch_order::in_order, yoke::fetch_order::as_completed}) {
        std::int64_t sum = 0;
        const auto rows = all(pool, table_of(db), {.limit = 37, .order = order});
        for (const auto& row : rows) sum += row.square;
        REQUIRE(rows.size() == left);
        REQUIRE(sum == expected);
    }
}

TEST_CASE("pages may be asked for in any order") {
    const database db(numbers);
    const auto source = table_of(db);
    for (const std::uint64_t offset : {2000U, 10U, 0U, 2400U, 2410U, 2490U, 2499U, 2500U, 9999U, 5U}) {
        const auto rows = source(yoke::page_request{offset, 10});
        REQUIRE(rows.size() == std::min<std::uint64_t>(10, offset < 2500 ? 2500 - offset : 0));
        if (!rows.empty()) {
            REQUIRE(rows.front().name == "n" + std::to_string(offset + 1));
        }
    }
    REQUIRE(source(yoke::page_request{UINT64_MAX, 10}).empty());
    REQUIRE(source(yoke::page_request{0, UINT64_MAX}).size() == 2500);
}

TEST_CASE("what a worker remembers of a table is forgotten when somebody writes to it") {
    const database db(numbers);
    const auto source = table_of(db);
    REQUIRE(source(yoke::page_request{0, 100}).back().name == "n100");
    db.run("DELETE FROM numbers WHERE id <= 50");
    REQUIRE(source(yoke::page_request{100, 1}).front().name == "n151");
    db.run("INSERT INTO numbers(id, square, name) VALUES (-5, 25, 'below')");
    REQUIRE(source(yoke::page_request{101, 1}).front().name == "n151");
    REQUIRE(source(yoke::page_request{0, 1}).front().name == "below");
}

TEST_CASE("rows inserted between pages shift an OFFSET in another order: why a snapshot or a key is needed") {
    const database db(numbers);
    auto source = table_of(db);
    source.order_by = "square";
    REQUIRE(source(yoke::page_request{0, 10}).back().name == "n10");
    db.run("INSERT INTO numbers(square, name) VALUES (0, 'zero')");
    REQUIRE(source(yoke::page_request{10, 10}).front().name == "n10");  // comes twice
}

TEST_CASE("rows come in the order that is asked for") {
    const database db(numbers);
    auto source = table_of(db);
    source.order_by = "square DESC";
    REQUIRE(source(yoke::page_request{0, 1}).front().name == "n2500");
    REQUIRE(source(yoke::page_request{2499, 10}).front().name == "n1");
}

TEST_CASE("a query is a source too") {
    const database db(numbers);
    yoke::thread_pool pool(2);
    const yoke::sqlite::query_source<std::tuple<std::int64_t>> even{
        db.path(), "SELECT id FROM numbers WHERE id % 2 = 0 ORDER BY id LIMIT ? OFFSET ?"};
    const auto rows = all(pool, even, {.limit = 100});
    REQUIRE(rows.size() == 1250);
    REQUIRE(std::get<0>(rows.back()) == 2500);
    REQUIRE(even.count() == 1250);
    const yoke::sqlite::query_source<std::tuple<std::int64_t>> bare{db.path(), "SELECT id FROM numbers"};
    REQUIRE_THROWS_WITH(bare(yoke::page_request{0, 1}), ContainsSubstring("LIMIT ? OFFSET ?"));
}

TEST_CASE("fields are integers, numbers, texts, blobs and NULLs") {
    const database db("CREATE TABLE t(i INTEGER, r REAL, s TEXT, b BLOB, n);"
                      "INSERT INTO t VALUES (7, 0.5, 'text', x'0102', NULL);");
    using row = std::tuple<int, double, std::string, std::vector<std::byte>, std::optional<int>>;
    const yoke::sqlite::table_source<row> source{db.path(), "t", {"i", "r", "s", "b", "n"}};
    const auto rows = source(yoke::page_request{0, 10});
    REQUIRE(rows.size() == 1);
    REQUIRE(rows[0] == row{7, 0.5, "text", {std::byte{1}, std::byte{2}}, std::nullopt});
}

TEST_CASE("a value that does not fit its field names the column and the value") {
    const database db("CREATE TABLE t(a); INSERT INTO t VALUES (300);"
                      "CREATE TABLE u(a); INSERT INTO u VALUES ('many');"
                      "CREATE TABLE v(a); INSERT INTO v VALUES (NULL);");
    using small = yoke::sqlite::table_source<std::tuple<signed char>>;
    using real = yoke::sqlite::table_source<std::tuple<double>>;
    REQUIRE_THAT(error_of(small{db.path(), "t", {"a"}}), ContainsSubstring("column a is '300'"));
    REQUIRE_THAT(error_of(real{db.path(), "u", {"a"}}),
                 ContainsSubstring("column a is 'many', which is not a number"));
    REQUIRE_THAT(error_of(real{db.path(), "v", {"a"}}), ContainsSubstring("column a is NULL"));
}

TEST_CASE("what is wrong with a file, a table or a column is said in one line") {
    const database db(numbers);
    auto source = table_of(db);
    source.path = "/no/such/file.sqlite";
    REQUIRE_THAT(error_of(source),
                 ContainsSubstring("/no/such/file.sqlite: unable to open database file (No such file"));
    source = table_of(db);
    source.table = "letters";
    REQUIRE_THAT(error_of(source), ContainsSubstring("no such table: letters"));
    source = table_of(db);
    source.columns = {"square", "nom"};
    REQUIRE_THAT(error_of(source), ContainsSubstring("no such column: numbers.nom"));
    source.columns = {"square"};
    REQUIRE_THROWS_WITH(source(yoke::page_request{0, 1}),
                        ContainsSubstring("1 columns are named, and the row has 2"));

    const database other;
    std::ofstream(other.path()) << "this is text, and there is enough of it to fill what would be a header";
    source = table_of(other);
    REQUIRE_THAT(error_of(source), ContainsSubstring("file is not a database"));
}

TEST_CASE("what has no rowid is read in the order that is given, and says so without") {
    const database db(numbers + "CREATE VIEW squares AS SELECT square, name FROM numbers;"
                                "CREATE TABLE words(word TEXT PRIMARY KEY) WITHOUT ROWID;"
                                "INSERT INTO words VALUES ('b'), ('a'), ('c');");
    yoke::inline_executor ex;
    using word_table = yoke::sqlite::table_source<std::tuple<std::string>>;
    word_table words{db.path(), "words", {"word"}};
    REQUIRE_THAT(error_of(words), ContainsSubstring("no such column: rowid; a table without rowids "
                                                    "needs order_by"));
    words.order_by = "word";
    REQUIRE(all(ex, words, {.limit = 2}) == std::vector<std::tuple<std::string>>{{"a"}, {"b"}, {"c"}});
    auto squares = table_of(db);
    squares.table = "squares";
    REQUIRE_THAT(error_of(squares),
                 ContainsSubstring("squares is a view, which has no rowids; it needs order_by"));
    squares.table = "SQUARES";
    REQUIRE_THAT(error_of(squares), ContainsSubstring("is a view"));
    squares.order_by = "square";
    REQUIRE(all(ex, squares, {.limit = 1000}).size() == 2500);
}

TEST_CASE("a file that replaces another under its name is seen") {
    const database db("CREATE TABLE t(a); INSERT INTO t VALUES (1);");
    const yoke::sqlite::table_source<std::tuple<int>> source{db.path(), "t", {"a"}};
    REQUIRE(std::get<0>(source(yoke::page_request{0, 1}).at(0)) == 1);
    {
        const database next("CREATE TABLE t(a); INSERT INTO t VALUES (2);");
        std::filesystem::rename(next.path(), db.path());
    }
    REQUIRE(std::get<0>(source(yoke::page_request{0, 1}).at(0)) == 2);
    std::filesystem::remove(db.path());
    REQUIRE_THAT(error_of(source), ContainsSubstring("unable to open database file"));
}

TEST_CASE("names are quoted, whatever is in them") {
    const database db(R"(CREATE TABLE "a ""b"" c"("x y" INTEGER); INSERT INTO "a ""b"" c" VALUES (3);)");
    const yoke::sqlite::table_source<std::tuple<int>> source{db.path(), "a \"b\" c", {"x y"}};
    REQUIRE(source.count() == 1);
    REQUIRE(std::get<0>(source(yoke::page_request{0, 1}).at(0)) == 3);
}

TEST_CASE("a source is a value that can cross to a worker process") {
    STATIC_REQUIRE(yoke::shippable<number_table>);
    STATIC_REQUIRE(yoke::shippable<number>);
    STATIC_REQUIRE(yoke::shippable<yoke::sqlite::query_source<number>>);
}

TEST_CASE("a worker keeps few files open, and each of many files is still read right") {
    std::vector<std::unique_ptr<database>> files;
    for (int i = 0; i < 12; ++i)
        files.push_back(std::make_unique<database>("CREATE TABLE t(a); INSERT INTO t VALUES (" +
                                                   std::to_string(i) + ");"));
    for (int round = 0; round < 2; ++round)
        for (int i = 0; i < 12; ++i) {
            const yoke::sqlite::table_source<std::tuple<int>> source{
                files[static_cast<std::size_t>(i)]->path(), "t", {"a"}};
            REQUIRE(std::get<0>(source(yoke::page_request{0, 1}).at(0)) == i);
        }
}

#if defined(YOKE_DATA_DIR)
TEST_CASE("the flights come to their published sums") {
    struct flight {
        std::int64_t delay;
        std::int64_t distance;
        double time;
    };
    const yoke::sqlite::table_source<flight> source{
        YOKE_DATA_DIR "/flights.sqlite", "flights", {"delay", "distance", "time"}};
    yoke::thread_pool pool(2);
    for (const std::uint64_t limit : {997U, 1000U, 300000U}) {
        for (const bool known : {false, true}) {
            std::int64_t count = 0;
            std::int64_t delay = 0;
            std::int64_t distance = 0;
            double time = 0;
            yoke::fetch_options options{.limit = limit};
            if (known) options.total = source.count();
            for (auto& page : yoke::fetch(pool, source, options))
                for (const auto& f : page.rows) {
                    ++count;
                    delay += f.delay;
                    distance += f.distance;
                    time += f.time;
                }
            REQUIRE(count == 200000);
            REQUIRE(delay == 1500159);
            REQUIRE(distance == 145847125);
            REQUIRE(std::round(time * 1000) == 2755170167.0);
        }
    }
}
#endif
