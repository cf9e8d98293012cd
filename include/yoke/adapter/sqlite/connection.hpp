// SPDX-License-Identifier: MIT
#pragma once

/// SQLite's own words in C++: errors, statements and read-only connections. Private to <yoke/adapter/sqlite.hpp>.

#include <yoke/error.hpp>
#include <yoke/wire/registered_exception.hpp>

#include <sqlite3.h>

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <list>
#include <map>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <utility>
#include <vector>

namespace yoke::sqlite {

namespace detail {

/// The text in one line: control characters are written as in C.
inline std::string one_line(std::string_view text) {
    std::string result;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (c == '\n') {
            result += "\\n";
        } else if (byte < 0x20 || byte == 0x7f) {
            constexpr const char* digits = "0123456789abcdef";
            result += {'\\', 'x', digits[byte / 16], digits[byte % 16]};
        } else {
            result += c;
        }
    }
    return result;
}

}  // namespace detail

/// What SQLite complains about, with its result code.
class error : public yoke::error {
public:
    /// The text becomes one line.
    error(const std::string& what, int code) : yoke::error(detail::one_line(what)), code_(code) {}
    /// SQLITE_CANTOPEN, SQLITE_NOTADB, SQLITE_ERROR, ...
    [[nodiscard]] int code() const noexcept { return code_; }

private:
    int code_;
};

}  // namespace yoke::sqlite

template <>
struct yoke::codec<yoke::sqlite::error> {
    static void encode(wire_writer& out, const sqlite::error& e) {
        yoke::encode(out, std::string(e.what()));
        yoke::encode(out, e.code());
    }
    static sqlite::error decode(wire_reader& in) {
        const auto what = yoke::decode<std::string>(in);
        return {what, yoke::decode<int>(in)};
    }
};

namespace yoke::sqlite {

/// Errors come back from worker processes as themselves.
inline const registered_exception<error> error_crosses;

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

/// What the caller can do about a complaint of SQLite's that does not say it; empty if nothing is known.
inline std::string advice(int extended_code, const std::string& path) {
    switch (extended_code) {
    case SQLITE_READONLY_ROLLBACK:
    case SQLITE_READONLY_RECOVERY:
        return " (a writer was interrupted and left a journal beside the file, which only a connection that "
               "may write "
               "can roll back; open it once with one: sqlite3 " +
               path + " .tables)";
    case SQLITE_READONLY_CANTINIT:
    case SQLITE_READONLY_CANTLOCK:
    case SQLITE_READONLY_DIRECTORY:
        return " (reading this file needs files beside it that this process may not write; allow it to, or "
               "copy the "
               "database)";
    case SQLITE_BUSY: return " (another connection held its lock for longer than 10 seconds)";
    default: return {};
    }
}

struct finalizer {
    void operator()(sqlite3_stmt* handle) const noexcept { sqlite3_finalize(handle); }
};

/// The start of a text that fits in `limit` bytes, cut between UTF-8 characters; with dots if it was cut.
inline std::string start_of(std::string_view text, std::size_t limit) {
    if (text.size() <= limit) return std::string(text);
    std::size_t end = limit;
    while (end > limit - 4 && (static_cast<unsigned char>(text[end]) & 0xc0U) == 0x80) --end;
    return std::string(text.substr(0, end)) + "...";
}

}  // namespace detail

/// A prepared statement. Use it on one thread at a time, no longer than its connection.
class statement {
public:
    /// Throws error if the text is no statement, more than one, or one that would write.
    statement(sqlite3* database, const std::string& path, const std::string& sql)
        : database_(database), path_(path) {
        const char* rest = sql.data();
        const char* const end = rest + sql.size();
        // SQLite takes the first statement; what follows must be comments.
        for (const char* next = nullptr; rest != end; rest = next) {
            constexpr std::ptrdiff_t most = std::numeric_limits<int>::max();
            sqlite3_stmt* compiled = nullptr;
            const bool good = sqlite3_prepare_v3(database, rest, static_cast<int>(std::min(end - rest, most)),
                                                 SQLITE_PREPARE_PERSISTENT, &compiled, &next) == SQLITE_OK;
            if (handle_ != nullptr && (!good || compiled != nullptr)) {
                sqlite3_finalize(compiled);
                throw error(path_ + ": the SQL text goes on after the end of its statement: " +
                                detail::start_of({rest, static_cast<std::size_t>(end - rest)}, 40),
                            SQLITE_ERROR);
            }
            if (!good) fail();
            if (compiled != nullptr) handle_.reset(compiled);
            if (next == rest) throw error(path_ + ": the SQL text holds a zero byte", SQLITE_ERROR);
        }
        if (handle_ == nullptr) throw error(path_ + ": the SQL text is empty", SQLITE_ERROR);
        if (sqlite3_stmt_readonly(handle_.get()) == 0)
            throw error(path_ + ": the statement would write, and a source only reads", SQLITE_READONLY);
    }

    /// Sets parameter `index`, counted from 1.
    void bind(int index, std::int64_t value) {
        if (sqlite3_bind_int64(handle_.get(), index, value) != SQLITE_OK) fail();
    }
    void bind(int index, double value) {
        if (sqlite3_bind_double(handle_.get(), index, value) != SQLITE_OK) fail();
    }
    void bind(int index, std::string_view value) {
        if (sqlite3_bind_text64(handle_.get(), index, value.data(), value.size(), SQLITE_TRANSIENT,
                                SQLITE_UTF8) != SQLITE_OK)
            fail();
    }
    /// Goes to the next row; false at the end.
    bool step() {
        const int result = sqlite3_step(handle_.get());
        if (result == SQLITE_ROW) return true;
        if (result == SQLITE_DONE) return false;
        fail();
    }
    /// Back to the start, for another run with other parameters.
    void reset() noexcept { sqlite3_reset(handle_.get()); }

    [[nodiscard]] int columns() const noexcept { return sqlite3_column_count(handle_.get()); }
    [[nodiscard]] int parameters() const noexcept { return sqlite3_bind_parameter_count(handle_.get()); }

    /// The value in column `index`, counted from 0. Throws error if it does not fit a `T`.
    template <class T>
    [[nodiscard]] T column(int index) const {
        const int type = sqlite3_column_type(handle_.get(), index);
        if constexpr (detail::is_optional<T>) {
            if (type == SQLITE_NULL) return std::nullopt;
            return column<typename T::value_type>(index);
        } else if constexpr (std::integral<T>) {
            const sqlite3_int64 value = sqlite3_column_int64(handle_.get(), index);
            constexpr T least = std::numeric_limits<T>::min();
            constexpr T most = std::numeric_limits<T>::max();
            if (type != SQLITE_INTEGER || value < static_cast<sqlite3_int64>(least) ||
                (value > 0 && static_cast<std::uint64_t>(value) > static_cast<std::uint64_t>(most)))
                mismatch(index, (std::is_signed_v<T> ? "a signed integer of " : "an unsigned integer of ") +
                                    (std::same_as<T, bool> ? "1" : std::to_string(8 * sizeof(T))) +
                                    " bits, " + std::to_string(least) + " to " + std::to_string(most));
            return static_cast<T>(value);
        } else if constexpr (std::floating_point<T>) {
            constexpr const char* name = std::same_as<T, float>    ? "a float"
                                         : std::same_as<T, double> ? "a double"
                                                                   : "a long double";
            if (type == SQLITE_INTEGER) {
                const sqlite3_int64 value = sqlite3_column_int64(handle_.get(), index);
                const auto result = static_cast<T>(value);
                // 2^63, to which large ones are rounded, cannot be turned back.
                if (result >= static_cast<T>(9223372036854775808.0) ||
                    static_cast<sqlite3_int64>(result) != value)
                    mismatch(index, std::string(name) + " exactly; use std::int64_t");
                return result;
            }
            if (type != SQLITE_FLOAT) mismatch(index, name);
            const double value = sqlite3_column_double(handle_.get(), index);
            if (std::same_as<T, float> && std::isfinite(value) &&
                std::abs(value) > static_cast<double>(std::numeric_limits<float>::max()))
                mismatch(index, std::string(name) + "; use double");
            const auto result = static_cast<T>(value);
            if (value != 0 && result == 0) mismatch(index, std::string(name) + "; use double");
            return result;
        } else if constexpr (std::same_as<T, std::string>) {
            if (type != SQLITE_TEXT && type != SQLITE_INTEGER) mismatch(index, "a text");
            return T(text_of(index));
        } else {
            static_assert(std::same_as<T, std::vector<std::byte>>,
                          "yoke::sqlite: a field is bool, an integer, a floating point number, std::string, "
                          "std::vector<std::byte>, or std::optional of one of these");
            if (type != SQLITE_BLOB) mismatch(index, "a blob");
            const auto bytes = bytes_of(index);
            const auto* const first = reinterpret_cast<const std::byte*>(bytes.data());
            return T(first, first + bytes.size());
        }
    }

private:
    [[noreturn]] void fail() const {
        throw error(path_ + ": " + sqlite3_errmsg(database_) +
                        detail::advice(sqlite3_extended_errcode(database_), path_),
                    sqlite3_errcode(database_));
    }
    /// Text, or a number as text; it is the statement's until the next step.
    [[nodiscard]] std::string_view text_of(int index) const {
        const auto* const text = reinterpret_cast<const char*>(sqlite3_column_text(handle_.get(), index));
        if (text == nullptr) throw std::bad_alloc();
        return {text, static_cast<std::size_t>(sqlite3_column_bytes(handle_.get(), index))};
    }
    [[nodiscard]] std::string_view bytes_of(int index) const {
        const auto* const data = static_cast<const char*>(sqlite3_column_blob(handle_.get(), index));
        const auto size = static_cast<std::size_t>(sqlite3_column_bytes(handle_.get(), index));
        if (data == nullptr && size != 0) throw std::bad_alloc();
        return {data, data == nullptr ? 0 : size};
    }
    [[noreturn]] void mismatch(int index, const std::string& field) const {
        const char* const name = sqlite3_column_name(handle_.get(), index);
        throw error(path_ + ": column " + (name != nullptr ? name : "?") + " is " + shown(index) +
                        ", which does not fit " + field,
                    SQLITE_MISMATCH);
    }
    /// The value and its type.
    [[nodiscard]] std::string shown(int index) const {
        constexpr std::size_t most = 40;
        switch (sqlite3_column_type(handle_.get(), index)) {
        case SQLITE_INTEGER: return std::string(text_of(index)) + " (INTEGER)";
        case SQLITE_FLOAT: {
            std::array<char, 32> digits;
            const auto end = std::to_chars(digits.data(), digits.data() + digits.size(),
                                           sqlite3_column_double(handle_.get(), index))
                                 .ptr;
            return std::string(digits.data(), end) + " (REAL)";
        }
        case SQLITE_TEXT: return "'" + detail::start_of(text_of(index), most) + "' (TEXT)";
        case SQLITE_BLOB: return std::to_string(bytes_of(index).size()) + " bytes (BLOB)";
        default: return "NULL";
        }
    }

    sqlite3* database_;
    std::string path_;
    std::unique_ptr<sqlite3_stmt, detail::finalizer> handle_;
};

namespace detail {

/// How the rows of a table can be told apart.
struct row_key {
    /// A name of the rowid, which no column has taken.
    bool is_rowid = false;
    /// What ORDER BY takes, different in each row; empty if nothing is known to be.
    std::string terms;
};

}  // namespace detail

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

    /// What is known of a table in one order, as of one version of the file.
    struct table_notes {
        std::int64_t version = 0;
        detail::row_key key;
        /// Where the last page ended: row number `offset` is the first with this rowid or a larger one.
        std::uint64_t offset = 0;
        std::int64_t rowid = std::numeric_limits<std::int64_t>::min();
    };
    /// The notes on a table; nothing at first. They are the caller's to fill.
    std::optional<table_notes>& notes_on(const std::string& table, const std::string& order_by) {
        if (notes_.size() > 64) notes_.clear();
        return notes_[{table, order_by}];
    }
    /// Throws error if `sql` cannot be compiled, or only if a name in double quotes that is none is taken for a text.
    static void refuse_unknown_names(const std::string& path, const std::string& sql) {
        const connection strict(path);
        if (sqlite3_db_config(strict.handle_, SQLITE_DBCONFIG_DQS_DML, 0, nullptr) == SQLITE_OK)
            statement(strict.handle_, path, sql);
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
    std::map<std::pair<std::string, std::string>, std::optional<table_notes>> notes_;  // by table and order
};

}  // namespace yoke::sqlite
