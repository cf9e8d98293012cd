// SPDX-License-Identifier: MIT
// labels: concurrent
#include "catch.hpp"

#include <yoke/adapter/sqlite.hpp>
#include <yoke/algorithm/fetch.hpp>
#include <yoke/executor/inline_executor.hpp>
#include <yoke/executor/thread_pool.hpp>
#include <yoke/wire/shippable.hpp>

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <tuple>
#include <type_traits>
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

TEST_CASE("a query counts the rows that it gives, whatever surrounds it") {
    const database db(
        "CREATE TABLE t(v INTEGER, s TEXT); INSERT INTO t VALUES (1,'--'),(2,';'),(3,'it''s');");
    using query = yoke::sqlite::query_source<std::tuple<int>>;
    yoke::inline_executor ex;
    for (const char* const text :
         {"SELECT v FROM t ORDER BY v LIMIT ? OFFSET ?", "SELECT v FROM t ORDER BY v LIMIT ? OFFSET ?;",
          "SELECT v FROM t ORDER BY v LIMIT ? OFFSET ? ; ;\n",
          "SELECT v FROM t ORDER BY v LIMIT ? OFFSET ? -- all",
          "-- the rows\nSELECT v FROM t ORDER BY v LIMIT ? OFFSET ?",
          ";SELECT v FROM t ORDER BY v LIMIT ? OFFSET ?",
          "/* ; */ SELECT v FROM t ORDER BY v LIMIT ? OFFSET ? /* open",
          "WITH w AS (SELECT * FROM t) SELECT v FROM w ORDER BY v LIMIT ? OFFSET ?; -- done",
          "SELECT v FROM t WHERE s IN ('--', ';', 'it''s') ORDER BY v LIMIT ? OFFSET ?;",
          "SELECT v AS \"odd ; -- \"\" name\" FROM t ORDER BY 1 LIMIT ? OFFSET ?",
          "SELECT v FROM t UNION SELECT v FROM t ORDER BY 1 LIMIT ? OFFSET ?",
          "SELECT v FROM t GROUP BY v ORDER BY v LIMIT ?1 OFFSET ?2",
          "VALUES (1), (2), (3) LIMIT ? OFFSET ?"}) {
        INFO(text);
        if (std::string(text).starts_with("VALUES")) {  // which takes no LIMIT
            REQUIRE_THAT(error_of(query{db.path(), text}), ContainsSubstring("syntax error"));
            continue;
        }
        const query source{db.path(), text};
        REQUIRE(source.count() == 3);
        REQUIRE(all(ex, source, {.limit = 2}) == std::vector<std::tuple<int>>{{1}, {2}, {3}});
        REQUIRE(all(ex, source, {.limit = 2, .total = source.count()}).size() == 3);
    }
}

TEST_CASE("what is no single query with LIMIT and OFFSET is refused, and said in one line") {
    const database db("CREATE TABLE t(v INTEGER); INSERT INTO t VALUES (1),(2),(3);");
    using query = yoke::sqlite::query_source<std::tuple<int>>;
    const auto refused = [&](const std::string& text, const std::string& why) {
        INFO(text);
        const query source{db.path(), text};
        for (const bool counted : {false, true}) {
            std::string message = "no error";
            try {
                if (counted)
                    (void)source.count();
                else
                    (void)source(yoke::page_request{0, 1});
            } catch (const std::exception& e) {
                message = e.what();
            }
            REQUIRE_THAT(message, ContainsSubstring(why));
            REQUIRE(message.find('\n') == std::string::npos);
        }
    };
    refused("", "the SQL text is empty");
    refused(" \n-- nothing\n;", "the SQL text is empty");
    refused("SELECT v FROM t LIMIT ? OFFSET ?; SELECT 1",
            "goes on after the end of its statement:  SELECT 1");
    refused("SELECT v FROM t LIMIT ? OFFSET ?; nonsense\nhere", "goes on after the end of its statement");
    refused(std::string("SELECT v FROM t LIMIT ? OFFSET ?\0 x", 35), "holds a zero byte");
    refused("DELETE FROM t RETURNING v + ? + ?", "would write");
    refused("SELECT v FROM\nt WHERE", "incomplete input");
    refused("SELECT v FROM t WHERE 'open\ntext", "unrecognized token");
    refused("SELECT v FROM t", "0 parameters");
    refused("SELECT v, v FROM t LIMIT ? OFFSET ?", "2 columns");
    refused("SELECT v FROM t LIMIT ?, ?", "write LIMIT ? OFFSET ?");
    refused("SELECT v FROM t WHERE v > ? LIMIT ?", "write LIMIT ? OFFSET ?");
}

TEST_CASE("a journal that a writer left behind is explained") {
    const database db("CREATE TABLE t(v TEXT); WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM "
                      "n WHERE i < 2000)"
                      "INSERT INTO t SELECT hex(randomblob(50)) FROM n;");
    const pid_t writer = ::fork();
    if (writer == 0) {
        sqlite3* handle = nullptr;
        sqlite3_open(db.path().c_str(), &handle);
        sqlite3_exec(handle, "PRAGMA cache_size = 5; BEGIN; UPDATE t SET v = hex(randomblob(50))", nullptr,
                     nullptr, nullptr);
        ::_exit(0);
    }
    int status = -1;
    REQUIRE(::waitpid(writer, &status, 0) == writer);
    const yoke::sqlite::table_source<std::tuple<std::string>> source{db.path(), "t", {"v"}};
    try {
        (void)source(yoke::page_request{0, 1});
        FAIL("no error");
    } catch (const yoke::sqlite::error& e) {
        REQUIRE(e.code() == SQLITE_READONLY);
        REQUIRE_THAT(e.what(), ContainsSubstring("a writer was interrupted and left a journal") &&
                                   ContainsSubstring("sqlite3 " + db.path()));
    }
    db.run("SELECT count(*) FROM t");  // rolls back
    REQUIRE(source.count() == 2001);
    std::filesystem::remove(db.path() + "-journal");
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

namespace {

/// A value as SQL has it, and as the test knows it.
struct stored {
    std::string sql;
    char type;  // I, R, T, B or N, as SQLite stores it
    std::int64_t integer = 0;
    double real = 0;
    std::string bytes{};
};

std::vector<stored> all_kinds_of_values() {
    std::vector<stored> values;
    for (const int bits : {0, 1, 7, 8, 15, 16, 24, 31, 32, 53, 62})
        for (const std::int64_t sign : {1, -1})
            for (const std::int64_t beside : {-1, 0, 1}) {
                const std::int64_t value = sign * (std::int64_t{1} << bits) + beside;
                values.push_back({std::to_string(value), 'I', value});
            }
    values.push_back({"9223372036854775807", 'I', INT64_MAX});
    values.push_back({"9223372036854774784", 'I', 9223372036854774784});  // the largest that a double holds
    values.push_back({"-9223372036854775807 - 1", 'I', INT64_MIN});
    for (const char* const real : {"0.0", "0.5", "-3.0", "0.1", "16777217.0", "1e300", "-1e300", "1e-300",
                                   "5e-324", "3.4028234663852886e38", "3.41e38", "1e39"})
        values.push_back({real, 'R', 0, std::strtod(real, nullptr)});
    values.push_back({"9e999", 'R', 0, std::numeric_limits<double>::infinity()});
    for (const std::string& text : {std::string(), std::string("12"), std::string("1.5"), std::string("many"),
                                    std::string("\xc3\xa9\xe2\x98\x83")})
        values.push_back({"'" + text + "'", 'T', 0, 0, text});
    values.push_back({"'a' || char(10, 13, 9, 0, 127) || 'b'", 'T', 0, 0,
                      std::string("a\n\r\t\0\x7f"
                                  "b",
                                  7)});
    for (int ahead = 0; ahead < 4; ++ahead) {
        std::string text(static_cast<std::size_t>(ahead), 'x');
        for (int i = 0; i < 20; ++i) text += i % 2 == 0 ? "\xc3\xa9" : "\xf0\x9f\x90\x82";
        values.push_back({"'" + text + "'", 'T', 0, 0, text});
    }
    values.push_back({"x''", 'B', 0, 0, ""});
    values.push_back({"x'00ff0a'", 'B', 0, 0, std::string("\0\xff\n", 3)});
    values.push_back({"NULL", 'N'});
    return values;
}

/// What the field has to be, or nothing if the value does not fit it.
template <class T>
std::optional<T> fitting(const stored& value) {
    if constexpr (yoke::sqlite::detail::is_optional<T>) {
        if (value.type == 'N') return std::optional<T>(std::in_place);
        if (const auto inner = fitting<typename T::value_type>(value))
            return std::optional<T>(std::in_place, *inner);
        return std::nullopt;
    } else if constexpr (std::is_same_v<T, std::string>) {
        if (value.type == 'T') return value.bytes;
        if (value.type == 'I') return std::to_string(value.integer);
        return std::nullopt;
    } else if constexpr (std::is_same_v<T, std::vector<std::byte>>) {
        if (value.type != 'B') return std::nullopt;
        const auto bytes = std::as_bytes(std::span(value.bytes));
        return T(bytes.begin(), bytes.end());
    } else if constexpr (std::is_floating_point_v<T>) {
        if (value.type == 'I') {
            // As many bits as the mantissa has, once the zeros at the end are gone.
            auto odd =
                static_cast<unsigned __int128>(value.integer < 0 ? -static_cast<__int128>(value.integer)
                                                                 : static_cast<__int128>(value.integer));
            while (odd != 0 && odd % 2 == 0) odd /= 2;
            if (odd >> std::numeric_limits<T>::digits != 0) return std::nullopt;
            return static_cast<T>(value.integer);
        }
        if (value.type != 'R') return std::nullopt;
        if (sizeof(T) < sizeof(double) && std::isfinite(value.real) &&
            (std::abs(value.real) > 3.4028234663852886e38 ||
             (value.real != 0 && std::abs(value.real) < 1e-45)))
            return std::nullopt;
        return static_cast<T>(value.real);
    } else {
        constexpr auto least = static_cast<__int128>(std::numeric_limits<T>::min());
        constexpr auto most = static_cast<__int128>(std::numeric_limits<T>::max());
        if (value.type != 'I' || value.integer < least || value.integer > most) return std::nullopt;
        return static_cast<T>(value.integer);
    }
}

/// Whole characters only.
bool is_utf8(const std::string& text) {
    for (std::size_t i = 0; i < text.size();) {
        const auto lead = static_cast<unsigned char>(text[i]);
        const std::size_t length = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
        if (lead >= 0x80 && lead < 0xc0) return false;
        for (std::size_t j = 1; j < length; ++j)
            if (i + j >= text.size() || (static_cast<unsigned char>(text[i + j]) & 0xc0U) != 0x80)
                return false;
        i += length;
    }
    return true;
}

}  // namespace

TEMPLATE_TEST_CASE(
    "each value arrives as it is in a field that can hold it, else an error names column, value and type", "",
    bool, char, signed char, unsigned char, short, unsigned short, int, unsigned, std::int64_t, std::uint64_t,
    float, double, long double, std::string, std::vector<std::byte>, std::optional<signed char>,
    std::optional<double>, std::optional<std::string>) {
    const auto values = all_kinds_of_values();
    std::string text = "CREATE TABLE t(\"a \n column\");";
    for (const stored& value : values) text += "INSERT INTO t VALUES (" + value.sql + ");";
    const database db(text);
    const yoke::sqlite::table_source<std::tuple<TestType>> source{db.path(), "t", {"a \n column"}};
    int fit = 0;
    for (std::size_t i = 0; i < values.size(); ++i) {
        INFO(values[i].sql);
        const auto expected = fitting<TestType>(values[i]);
        std::string message;
        try {
            const auto rows = source(yoke::page_request{i, 1});
            REQUIRE(expected.has_value());
            REQUIRE(rows.size() == 1);
            REQUIRE((std::get<0>(rows[0]) == *expected));
            ++fit;
            continue;
        } catch (const yoke::sqlite::error& e) {
            message = e.what();
            REQUIRE(e.code() == SQLITE_MISMATCH);
        }
        INFO(message);
        REQUIRE_FALSE(expected.has_value());
        REQUIRE_THAT(message, ContainsSubstring("column a \\n column is ") &&
                                  ContainsSubstring(", which does not fit a"));
        REQUIRE(std::none_of(message.begin(), message.end(),
                             [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }));
        REQUIRE(is_utf8(message));
        const char* type = nullptr;
        switch (values[i].type) {
        case 'I':
            type = "(INTEGER)";
            REQUIRE_THAT(message, ContainsSubstring(std::to_string(values[i].integer)));
            break;
        case 'R': type = "(REAL)"; break;
        case 'T':
            type = "(TEXT)";
            REQUIRE_THAT(message, ContainsSubstring(values[i].bytes.substr(0, 1)));
            break;
        case 'B': type = "bytes (BLOB)"; break;
        default: type = "NULL"; break;
        }
        REQUIRE_THAT(message, ContainsSubstring(type));
    }
    REQUIRE(fit > 0);
}

TEST_CASE("a value that does not fit its field names the column and the value") {
    const database db(
        "CREATE TABLE t(a); INSERT INTO t VALUES (300), ('many'), (NULL), (9007199254740993), (1e300),"
        "('a' || char(10) || 'b'), (x'0102');");
    const auto complaint = [&]<class T>(std::uint64_t row, T) {
        const yoke::sqlite::table_source<std::tuple<T>> source{db.path(), "t", {"a"}};
        try {
            (void)source(yoke::page_request{row, 1});
        } catch (const yoke::sqlite::error& e) {
            return std::string(e.what()).substr(db.path().size());
        }
        return std::string("no error");
    };
    const auto small = static_cast<signed char>(0);
    REQUIRE(complaint(0, small) ==
            ": column a is 300 (INTEGER), which does not fit a signed integer of 8 bits, -128 to 127");
    REQUIRE(complaint(1, 0.0) == ": column a is 'many' (TEXT), which does not fit a double");
    REQUIRE(complaint(2, 0.0) == ": column a is NULL, which does not fit a double");
    REQUIRE(
        complaint(3, 0.0) ==
        ": column a is 9007199254740993 (INTEGER), which does not fit a double exactly; use std::int64_t");
    REQUIRE(complaint(4, 0.0F) == ": column a is 1e+300 (REAL), which does not fit a float; use double");
    REQUIRE(complaint(5, 0.0) == ": column a is 'a\\nb' (TEXT), which does not fit a double");
    REQUIRE(complaint(6, std::string()) == ": column a is 2 bytes (BLOB), which does not fit a text");
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
    REQUIRE_THAT(error_of(words),
                 ContainsSubstring("words has no rowid that a query can name") &&
                     ContainsSubstring("it needs order_by, for instance \"words\".\"word\""));
    words.order_by = "word";
    REQUIRE(all(ex, words, {.limit = 2}) == std::vector<std::tuple<std::string>>{{"a"}, {"b"}, {"c"}});
    words.order_by = "length(word)";  // equal for all: then by the primary key
    REQUIRE(all(ex, words, {.limit = 2}) == std::vector<std::tuple<std::string>>{{"a"}, {"b"}, {"c"}});
    auto squares = table_of(db);
    squares.table = "squares";
    REQUIRE_THAT(error_of(squares),
                 ContainsSubstring("squares has no rowid that a query can name (it is a view"));
    squares.table = "SQUARES";
    REQUIRE_THAT(error_of(squares), ContainsSubstring("it is a view"));
    squares.order_by = "square";
    REQUIRE(all(ex, squares, {.limit = 1000}).size() == 2500);
}

TEST_CASE("a column named as the rowid costs no row") {
    const auto list = [](const database& db, const std::string& table, std::uint64_t limit) {
        yoke::inline_executor ex;
        std::string text;
        const yoke::sqlite::table_source<std::tuple<int>> source{db.path(), table, {"v"}};
        for (const auto& [v] : all(ex, source, {.limit = limit})) text += std::to_string(v) + " ";
        return text;
    };
    const database db(
        "CREATE TABLE one(rowid INTEGER, v INTEGER); INSERT INTO one VALUES (1,1),(1,2),(1,3),(2,4),(NULL,5);"
        "CREATE TABLE two(RowId, \"_ROWID_\" INTEGER, v); INSERT INTO two VALUES "
        "(1,1,1),(1,1,2),(NULL,NULL,3);"
        "CREATE TABLE made(v, oid AS (1), rowid AS (NULL) STORED); INSERT INTO made VALUES (1),(2),(3);"
        "CREATE TABLE key(id INTEGER PRIMARY KEY, rowid, _rowid_, oid, v);"
        "INSERT INTO key VALUES (5,1,1,1,2),(-5,1,1,1,1),(9,NULL,NULL,NULL,3);"
        "CREATE TABLE itself(rowid INTEGER PRIMARY KEY, v); INSERT INTO itself VALUES (7,2),(3,1),(9,3);"
        "CREATE TABLE none(rowid, _rowid_, oid, v); INSERT INTO none VALUES (1,1,1,1),(1,1,1,2);"
        "CREATE TABLE down(rowid INTEGER PRIMARY KEY DESC, _rowid_, oid, v); INSERT INTO down VALUES "
        "(1,1,1,1),(NULL,1,1,2);"
        "CREATE VIEW seen AS SELECT * FROM one;");
    for (const std::uint64_t limit : {1U, 2U, 3U, 100U}) {
        REQUIRE(list(db, "one", limit) == "1 2 3 4 5 ");
        REQUIRE(list(db, "two", limit) == "1 2 3 ");
        REQUIRE(list(db, "made", limit) == "1 2 3 ");
        REQUIRE(list(db, "key", limit) == "1 2 3 ");
        REQUIRE(list(db, "itself", limit) == "1 2 3 ");
    }
    for (const char* const table : {"none", "down", "seen"})
        REQUIRE_THAT(error_of(yoke::sqlite::table_source<std::tuple<int>>{db.path(), table, {"v"}}),
                     ContainsSubstring("has no rowid that a query can name"));
}

TEST_CASE("a column that becomes the rowid's namesake while pages are read is seen") {
    const database db("CREATE TABLE t(v INTEGER); INSERT INTO t VALUES (1), (2), (3), (4);");
    const yoke::sqlite::table_source<std::tuple<int>> source{db.path(), "t", {"v"}};
    REQUIRE(source(yoke::page_request{0, 2}).size() == 2);
    db.run("ALTER TABLE t ADD COLUMN rowid INTEGER");
    const auto rest = source(yoke::page_request{2, 5});
    REQUIRE(rest == std::vector<std::tuple<int>>{{3}, {4}});
}

TEST_CASE("rows that are equal in order_by come by their rowid, or are refused where there is no key") {
    const database db("CREATE TABLE t(v INTEGER, k, n TEXT COLLATE NOCASE);"
                      "INSERT INTO t VALUES (1,'x','a'),(2,NULL,'A'),(3,'x','b'),(4,NULL,'B'),(5,'y','a');"
                      "CREATE VIEW seen AS SELECT * FROM t;");
    yoke::inline_executor ex;
    using ints = yoke::sqlite::table_source<std::tuple<int>>;
    const auto list = [&](const std::string& table, const std::string& order, std::uint64_t limit) {
        std::string text;
        for (const auto& [v] : all(ex, ints{db.path(), table, {"v"}, order}, {.limit = limit}))
            text += std::to_string(v) + " ";
        return text;
    };
    for (const std::uint64_t limit : {1U, 2U, 3U, 9U}) {
        REQUIRE(list("t", "k", limit) == "2 4 1 3 5 ");
        REQUIRE(list("t", "k DESC NULLS LAST", limit) == "5 1 3 2 4 ");
        REQUIRE(list("t", "n", limit) == "1 2 5 3 4 ");
        REQUIRE(list("t", "n COLLATE BINARY DESC -- of letters", limit) == "3 1 5 4 2 ");
        REQUIRE(list("t", "'text'", limit) == "1 2 3 4 5 ");
        REQUIRE(list("seen", "k, v", limit) == "2 4 1 3 5 ");
        REQUIRE(list("seen", "v % 2, -v", limit) == "4 2 5 3 1 ");
    }
    for (const char* const order : {"k", "n DESC", "k, length(n)", "'text'", "k IS NULL, n"})
        REQUIRE_THAT(
            error_of(ints{db.path(), "seen", {"v"}, order}),
            ContainsSubstring("some rows of seen are equal in order_by (" + std::string(order) + ")"));
    // What SQLite takes for a text if no column has the name.
    for (const char* const table : {"t", "seen"})
        for (const char* const order : {"\"w\"", "v, \"w\" DESC"})
            REQUIRE_THAT(error_of(ints{db.path(), table, {"v"}, order}),
                         ContainsSubstring("no such column: w"));
    REQUIRE(list("t", "\"k\", \"v\" DESC", 2) == "4 2 3 1 5 ");
    db.run("CREATE INDEX by_k ON t(k)");  // read backwards, it has equal rows by falling rowid
    REQUIRE(list("t", "k DESC", 2) == "5 1 3 2 4 ");
    REQUIRE_THAT(error_of(ints{db.path(), "t", {"v"}, "v /* open"}), ContainsSubstring("open comment"));
    REQUIRE_THAT(error_of(ints{db.path(), "t", {"v"}, "v + ?"}), ContainsSubstring("parameters"));
    REQUIRE_THAT(error_of(ints{db.path(), "t", {"v"}, "v; DELETE FROM t"}),
                 ContainsSubstring("the SQL text goes on"));
    REQUIRE_THAT(error_of(ints{db.path(), "t", {"v"}, "v LIMIT 1 --"}), ContainsSubstring("syntax error"));
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
