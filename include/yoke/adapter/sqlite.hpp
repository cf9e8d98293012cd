// SPDX-License-Identifier: MIT
#pragma once

/// Page sources over SQLite files. Link `yoke::sqlite`.
///
///     struct flight { std::int64_t delay; double time; };
///     yoke::sqlite::table_source<flight> flights{"flights.sqlite", "flights", {"delay", "time"}};
///     for (const auto& page : yoke::fetch(pool, flights, {.limit = 1000})) ...
///
/// A source is a value: path, table and column names. It crosses to worker processes; the connection is opened where
/// it runs, one per worker and file, read-only, and stays open for that worker's next page. Pages are those of one
/// total order: `order_by`, else the rowid.
///
/// For an OFFSET, SQLite walks over all rows before it, so pages deep in a table get slow. In rowid order a worker
/// remembers where its last page ended and walks from there, which makes a whole fetch linear. (Should anybody write to
/// the file in between, it forgets; rows that move while a fetch runs can still come twice or not at all.)
///
/// Rows become aggregates or tuples of bool, integers, floating point numbers, std::string, std::vector<std::byte> (blob)
/// and std::optional of these (NULL). A value that does not fit its field is an error that names column and value.
///
/// All errors are `yoke::sqlite::error`, one line, with the file's path in it.

#include <yoke/concept/page_source.hpp>
#include <yoke/detail/reflect.hpp>
#include <yoke/error.hpp>

#include <sqlite3.h>

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace yoke::sqlite {

/// What SQLite complains about, with its result code.
class error : public yoke::error {
public:
    error(const std::string& what, int code) : yoke::error(what), code_(code) {}
    /// SQLITE_CANTOPEN, SQLITE_NOTADB, SQLITE_ERROR, ...
    [[nodiscard]] int code() const noexcept { return code_; }

private:
    int code_;
};

/// `name` as an SQL identifier, whatever characters it has.
[[nodiscard]] inline std::string quoted(std::string_view name) {
    std::string result = "\"";
    for (const char c : name) {
        if (c == '"') result += '"';
        result += c;
    }
    return result += '"';
}

namespace detail {

template <class T>
inline constexpr bool is_optional = false;
template <class T>
inline constexpr bool is_optional<std::optional<T>> = true;

}  // namespace detail

/// A prepared statement. Use it on one thread at a time, no longer than its connection.
class statement {
public:
    statement(sqlite3* database, const std::string& path, const std::string& sql)
        : database_(database), path_(path) {
        if (sqlite3_prepare_v3(database, sql.data(), static_cast<int>(sql.size()), SQLITE_PREPARE_PERSISTENT,
                               &handle_, nullptr) != SQLITE_OK)
            fail();
        if (handle_ == nullptr) throw error(path_ + ": the SQL text is empty", SQLITE_ERROR);
    }
    statement(const statement&) = delete;
    statement& operator=(const statement&) = delete;
    ~statement() { sqlite3_finalize(handle_); }

    /// Sets parameter `index`, counted from 1.
    void bind(int index, std::int64_t value) {
        if (sqlite3_bind_int64(handle_, index, value) != SQLITE_OK) fail();
    }
    void bind(int index, double value) {
        if (sqlite3_bind_double(handle_, index, value) != SQLITE_OK) fail();
    }
    void bind(int index, std::string_view value) {
        if (sqlite3_bind_text64(handle_, index, value.data(), value.size(), SQLITE_TRANSIENT, SQLITE_UTF8) !=
            SQLITE_OK)
            fail();
    }
    /// Goes to the next row; false at the end.
    bool step() {
        const int result = sqlite3_step(handle_);
        if (result == SQLITE_ROW) return true;
        if (result == SQLITE_DONE) return false;
        fail();
    }
    /// Back to the start, for another run with other parameters.
    void reset() noexcept { sqlite3_reset(handle_); }

    [[nodiscard]] int columns() const noexcept { return sqlite3_column_count(handle_); }
    [[nodiscard]] int parameters() const noexcept { return sqlite3_bind_parameter_count(handle_); }

    /// The value in column `index`, counted from 0. Throws error if it does not fit a `T`.
    template <class T>
    [[nodiscard]] T column(int index) const {
        const int type = sqlite3_column_type(handle_, index);
        if constexpr (detail::is_optional<T>) {
            if (type == SQLITE_NULL) return std::nullopt;
            return column<typename T::value_type>(index);
        } else if constexpr (std::integral<T>) {
            if (type != SQLITE_INTEGER) mismatch(index, "an integer");
            const sqlite3_int64 value = sqlite3_column_int64(handle_, index);
            if (!std::in_range<std::conditional_t<std::same_as<T, bool>, unsigned char, T>>(value) ||
                (std::same_as<T, bool> && value > 1))
                mismatch(index, "in the range of the field");
            return static_cast<T>(value);
        } else if constexpr (std::floating_point<T>) {
            if (type != SQLITE_FLOAT && type != SQLITE_INTEGER) mismatch(index, "a number");
            return static_cast<T>(sqlite3_column_double(handle_, index));
        } else if constexpr (std::same_as<T, std::string>) {
            if (type == SQLITE_NULL || type == SQLITE_BLOB) mismatch(index, "a text");
            const auto* const text = reinterpret_cast<const char*>(sqlite3_column_text(handle_, index));
            if (text == nullptr) throw std::bad_alloc();
            return T(text, static_cast<std::size_t>(sqlite3_column_bytes(handle_, index)));
        } else {
            static_assert(std::same_as<T, std::vector<std::byte>>,
                          "yoke::sqlite: a field is bool, an integer, a floating point number, std::string, "
                          "std::vector<std::byte>, or std::optional of one of these");
            if (type != SQLITE_BLOB) mismatch(index, "a blob");
            const auto* const data = static_cast<const std::byte*>(sqlite3_column_blob(handle_, index));
            return T(data, data + sqlite3_column_bytes(handle_, index));
        }
    }

private:
    [[noreturn]] void fail() const {
        throw error(path_ + ": " + sqlite3_errmsg(database_), sqlite3_errcode(database_));
    }
    [[noreturn]] void mismatch(int index, const std::string& wanted) const {
        const auto* const text = reinterpret_cast<const char*>(sqlite3_column_text(handle_, index));
        throw error(
            path_ + ": column " + sqlite3_column_name(handle_, index) + " is " +
                (text == nullptr ? std::string("NULL") : "'" + std::string(text).substr(0, 40) + "'") +
                ", which is not " + wanted,
            SQLITE_MISMATCH);
    }

    sqlite3* database_;
    std::string path_;
    sqlite3_stmt* handle_ = nullptr;
};

/// A read-only connection to one file. Use it on one thread at a time.
class connection {
public:
    /// Opens `path` and looks into it: throws error if there is no such file, or it is no SQLite database.
    explicit connection(const std::string& path) : path_(path), file_(file_at(path)) {
        const int result =
            sqlite3_open_v2(path.c_str(), &handle_, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, nullptr);
        try {
            if (result != SQLITE_OK) fail(result);
            sqlite3_busy_timeout(handle_, busy_timeout_ms);
            sqlite3_extended_result_codes(handle_, 0);
            // Opening reads nothing; this does, and tells a database from any other file.
            statement(handle_, path_, "SELECT 1 FROM sqlite_master LIMIT 1").step();
        } catch (...) {
            sqlite3_close_v2(handle_);
            throw;
        }
    }
    connection(const connection&) = delete;
    connection& operator=(const connection&) = delete;
    ~connection() {
        statements_.clear();
        sqlite3_close_v2(handle_);
    }

    /// The statement for this text; prepared once, and reset. Valid until 16 others were asked for.
    statement& prepared(const std::string& sql) {
        for (auto entry = statements_.begin(); entry != statements_.end(); ++entry) {
            if (entry->sql != sql) continue;
            statements_.splice(statements_.begin(), statements_, entry);
            entry->compiled.reset();
            return entry->compiled;
        }
        statements_.emplace_front(handle_, path_, sql);
        if (statements_.size() > 16) statements_.pop_back();
        return statements_.front().compiled;
    }

    /// Where a table's page ended: its row number `offset` is the first with this rowid or a larger one.
    struct bookmark {
        std::uint64_t offset = 0;
        std::int64_t rowid = std::numeric_limits<std::int64_t>::min();
        std::int64_t version = 0;
    };
    /// The last page's end in this table; bookmarks are the caller's to set.
    bookmark& bookmark_of(const std::string& table) {
        if (bookmarks_.size() > 64) bookmarks_.clear();
        return bookmarks_[table];
    }
    /// A number that changes when another connection changes the file.
    [[nodiscard]] std::int64_t data_version() {
        auto& query = prepared("PRAGMA data_version");
        query.step();
        const auto version = query.column<std::int64_t>(0);
        query.reset();
        return version;
    }

    /// This thread's connection to `path`, opened at first use and kept. Of many files the last used 4 stay open. One
    /// that was replaced by another file of that name is opened anew. A forked child never uses its parent's.
    static connection& of_this_worker(const std::string& path) {
        struct cache {
            pid_t owner = ::getpid();
            std::list<connection> open;
        };
        thread_local std::unique_ptr<cache> mine;
        if (mine && mine->owner != ::getpid()) static_cast<void>(mine.release());
        if (!mine) mine = std::make_unique<cache>();
        auto& open = mine->open;
        for (auto entry = open.begin(); entry != open.end(); ++entry) {
            if (entry->path_ != path) continue;
            if (entry->file_ != file_at(path)) {
                open.erase(entry);
                break;
            }
            open.splice(open.begin(), open, entry);
            return open.front();
        }
        open.emplace_front(path);
        if (open.size() > 4) open.pop_back();
        return open.front();
    }

private:
    static constexpr int busy_timeout_ms = 10'000;

    struct entry {
        entry(sqlite3* database, const std::string& path, const std::string& text)
            : sql(text), compiled(database, path, text) {}
        std::string sql;
        statement compiled;
    };

    /// Which file is at `path`: device and inode; zeros if there is none.
    using file_identity = std::pair<dev_t, ino_t>;
    static file_identity file_at(const std::string& path) noexcept {
        struct stat status {};
        if (::stat(path.c_str(), &status) != 0) return {};
        return {status.st_dev, status.st_ino};
    }

    [[noreturn]] void fail(int result) const {
        std::string text = path_ + ": ";
        text += handle_ != nullptr ? sqlite3_errmsg(handle_) : sqlite3_errstr(result);
        const int reason = handle_ != nullptr ? sqlite3_system_errno(handle_) : 0;
        if (reason != 0) text += " (" + std::generic_category().message(reason) + ")";
        throw error(text, result);
    }

    std::string path_;
    file_identity file_;  // looked up before it was opened: if it was replaced meanwhile, the next look tells
    sqlite3* handle_ = nullptr;
    std::list<entry> statements_;
    std::map<std::string, bookmark> bookmarks_;
};

namespace detail {

/// The types of a row's fields.
template <class Row>
struct columns_of {
    using type = yoke::detail::field_list<Row>;
};
template <class... Fields>
struct columns_of<std::tuple<Fields...>> {
    using type = yoke::detail::type_list<Fields...>;
};

/// A row in a statement's columns, from `first` on.
template <class Row, class Fields = typename columns_of<Row>::type>
struct row_reader;
template <class Row, class... Fields>
struct row_reader<Row, yoke::detail::type_list<Fields...>> {
    static constexpr std::size_t fields = sizeof...(Fields);
    static Row read(const statement& from, int first) {
        return [&]<int... Column>(std::integer_sequence<int, Column...>) {
            return Row{from.column<Fields>(first + Column)...};
        }
        (std::make_integer_sequence<int, static_cast<int>(fields)>());
    }
};

/// SQLite counts rows in 63 bits.
inline constexpr auto most_rows = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());

/// Ends the read transaction, however the page ended.
struct reset_at_end {
    statement& query;
    ~reset_at_end() { query.reset(); }
};

template <class Row>
std::vector<Row> empty_page(page_request page) {
    std::vector<Row> rows;
    rows.reserve(static_cast<std::size_t>(std::min<std::uint64_t>(page.limit, 4096)));
    return rows;
}

/// The rows of a query whose parameters are a LIMIT and an OFFSET.
template <class Row>
std::vector<Row> read_by_offset(statement& query, page_request page) {
    const reset_at_end at_end{query};
    query.bind(1, static_cast<std::int64_t>(std::min(page.limit, most_rows)));
    query.bind(2, static_cast<std::int64_t>(page.offset));
    auto rows = empty_page<Row>(page);
    while (query.step()) rows.push_back(row_reader<Row>::read(query, 0));
    return rows;
}

}  // namespace detail

/// The rows of a table, or of some of its columns. A value: cheap to copy, crosses to worker processes. Thread-safe.
template <class Row>
struct table_source {
    std::string path;
    std::string table;
    /// One for each field of `Row`, in that order.
    std::vector<std::string> columns;
    /// A column (or an SQL expression list) with a different value in each row; empty: the rowid.
    std::string order_by{};

    /// The page. Throws error, and std::invalid_argument if `columns` does not fit `Row`.
    [[nodiscard]] std::vector<Row> operator()(page_request page) const {
        if (columns.size() != detail::row_reader<Row>::fields)
            throw std::invalid_argument("sqlite::table_source: " + std::to_string(columns.size()) +
                                        " columns are named, and the row has " +
                                        std::to_string(detail::row_reader<Row>::fields) + " fields");
        if (page.offset > detail::most_rows) return {};
        auto& file = connection::of_this_worker(path);
        if (!order_by.empty()) return by_offset(file, page);
        for (;;) {
            auto& last = file.bookmark_of(table);
            if (last.offset > page.offset) last = {};
            auto rows = from_bookmark(file, last, page);
            if (rows) return std::move(*rows);
            last = {};  // the file was changed since; from the start, once
        }
    }

    /// How many rows the table has now. Throws error.
    [[nodiscard]] std::uint64_t count() const {
        auto& query =
            connection::of_this_worker(path).prepared("SELECT count(*) FROM " + sqlite::quoted(table));
        query.step();
        const auto rows = query.column<std::int64_t>(0);
        query.reset();
        return static_cast<std::uint64_t>(rows);
    }

private:
    [[nodiscard]] std::string select(const char* before) const {
        std::string text = before;
        for (const auto& column : columns)
            // Qualified: SQLite takes a lone quoted name that is no column for a text.
            text += (text == "SELECT " ? "" : ", ") + sqlite::quoted(table) + "." + sqlite::quoted(column);
        return text + " FROM " + sqlite::quoted(table);
    }

    std::vector<Row> by_offset(connection& file, page_request page) const {
        const std::string sql = select("SELECT ") + " ORDER BY " + order_by + " LIMIT ? OFFSET ?";
        return detail::read_by_offset<Row>(file.prepared(sql), page);
    }

    statement& by_rowid(connection& file) const {
        try {
            return file.prepared(select("SELECT rowid") +
                                 " WHERE rowid >= ? ORDER BY rowid LIMIT ? OFFSET ?");
        } catch (const error& e) {
            const std::string text = e.what();
            if (text.find("no such column: rowid") == std::string::npos) throw;
            throw error(text + "; a table without rowids needs order_by", e.code());
        }
    }
    /// A view's rowids are all NULL, so it looks empty.
    void refuse_view(connection& file) const {
        auto& query =
            file.prepared("SELECT 1 FROM sqlite_master WHERE type = 'view' AND name = ? COLLATE NOCASE");
        const detail::reset_at_end at_end{query};
        query.bind(1, std::string_view(table));
        if (query.step())
            throw error(path + ": " + table + " is a view, which has no rowids; it needs order_by",
                        SQLITE_ERROR);
    }

    /// The page, found by walking from `last`, which then is the end of this page. Nothing: the bookmark is stale.
    std::optional<std::vector<Row>> from_bookmark(connection& file, connection::bookmark& last,
                                                  page_request page) const {
        statement& query = by_rowid(file);
        const detail::reset_at_end at_end{query};
        query.bind(1, last.rowid);
        query.bind(2, static_cast<std::int64_t>(std::min(page.limit, detail::most_rows)));
        query.bind(3, static_cast<std::int64_t>(page.offset - last.offset));
        auto rows = detail::empty_page<Row>(page);
        std::int64_t rowid = 0;
        bool more = query.step();
        // While the statement is at a row it holds its read transaction, so this version is that of the rows.
        const std::int64_t version = file.data_version();
        if (last.offset != 0 && last.version != version) return std::nullopt;
        if (!more) refuse_view(file);
        for (; more; more = query.step()) {
            rowid = query.column<std::int64_t>(0);
            rows.push_back(detail::row_reader<Row>::read(query, 1));
        }
        if (!rows.empty() && rowid != std::numeric_limits<std::int64_t>::max())
            last = {page.offset + rows.size(), rowid + 1, version};
        return rows;
    }
};

/// The rows of any SELECT that takes LIMIT and OFFSET as its two parameters and has a total order:
/// `SELECT a, b FROM t WHERE c > 0 ORDER BY id LIMIT ? OFFSET ?`. A value, as table_source.
template <class Row>
struct query_source {
    std::string path;
    std::string sql;

    /// The page. Throws error.
    [[nodiscard]] std::vector<Row> operator()(page_request page) const {
        if (page.offset > detail::most_rows) return {};
        auto& query = connection::of_this_worker(path).prepared(sql);
        if (query.columns() != static_cast<int>(detail::row_reader<Row>::fields) || query.parameters() != 2)
            throw std::invalid_argument("sqlite::query_source: the query has " +
                                        std::to_string(query.columns()) + " columns and " +
                                        std::to_string(query.parameters()) + " parameters; the row has " +
                                        std::to_string(detail::row_reader<Row>::fields) +
                                        " fields, and the parameters are those of LIMIT ? OFFSET ?");
        return detail::read_by_offset<Row>(query, page);
    }

    /// How many rows the query has now. Throws error.
    [[nodiscard]] std::uint64_t count() const {
        auto& query = connection::of_this_worker(path).prepared("SELECT count(*) FROM (" + sql + ")");
        const detail::reset_at_end at_end{query};
        query.bind(1, std::int64_t{-1});  // no limit
        query.bind(2, std::int64_t{0});
        query.step();
        return static_cast<std::uint64_t>(query.column<std::int64_t>(0));
    }
};

static_assert(page_source<table_source<std::tuple<int>>>);
static_assert(page_source<query_source<std::tuple<int>>>);

}  // namespace yoke::sqlite
