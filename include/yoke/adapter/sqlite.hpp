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
/// total order, by which no row is lost and none comes twice: see `table_source::order_by`.
///
/// For an OFFSET, SQLite walks over all rows before it, so pages deep in a table get slow. In rowid order a worker
/// remembers where its last page ended and walks from there, which makes a whole fetch linear. (Should anybody write to
/// the file in between, it forgets; rows that move while a fetch runs can still come twice or not at all.)
///
/// Rows become aggregates or tuples of the types below. A value that does not fit its field is an error that names column,
/// value and type; nothing is rounded to fit, but a REAL to the nearest float.
///
/// | field | takes |
/// |---|---|
/// | bool | INTEGER 0 and 1 |
/// | an integer | INTEGER in its range |
/// | a floating point number | INTEGER that it can hold exactly; REAL in its range |
/// | std::string | TEXT; INTEGER, in digits |
/// | std::vector<std::byte> | BLOB |
/// | std::optional of one of these | the same, and NULL |
///
/// All errors are `yoke::sqlite::error`, one line, with the file's path in it. They come back from worker processes as
/// themselves, with their code.

#include <yoke/adapter/sqlite/connection.hpp>
#include <yoke/concept/page_source.hpp>
#include <yoke/detail/base/reflect.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

namespace yoke::sqlite {

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

/// Ends the read transaction, however the page ended.
struct reset_at_end {
    statement& query;
    ~reset_at_end() { query.reset(); }
};

/// The rowid, else the primary key, else nothing.
inline row_key key_of(connection& file, const std::string& table) {
    auto& views =
        file.prepared("SELECT 1 FROM sqlite_master WHERE type = 'view' AND name = ? COLLATE NOCASE");
    const reset_at_end views_end{views};
    views.bind(1, std::string_view(table));
    if (views.step()) return {};  // its rowids are NULL, or those of some table below it

    std::vector<std::string> free{"rowid", "_rowid_", "oid"};
    std::string integer;  // a primary key that may be another name of the rowid
    std::string primary;
    int parts = 0;
    bool nulls = false;
    auto& columns = file.prepared("SELECT name, lower(name), pk, \"notnull\", type COLLATE NOCASE IS "
                                  "'integer' FROM pragma_table_xinfo(?) "
                                  "ORDER BY pk");
    const reset_at_end columns_end{columns};
    columns.bind(1, std::string_view(table));
    while (columns.step()) {
        std::erase(free, columns.column<std::string>(1));
        if (columns.column<int>(2) == 0) continue;
        const std::string name = sqlite::quoted(table) + "." + sqlite::quoted(columns.column<std::string>(0));
        if (columns.column<bool>(4)) integer = name;
        // Different in each row in its own collation, so in this one, too; the column's may be coarser.
        primary += (primary.empty() ? "" : ", ") + name + " COLLATE BINARY";
        nulls = nulls || !columns.column<bool>(3);
        ++parts;
    }
    if (!free.empty()) {
        const std::string name = sqlite::quoted(table) + "." + free.front();
        try {
            static_cast<void>(file.prepared("SELECT " + name + " FROM " + sqlite::quoted(table)));
            return {true, name};
        } catch (const error& e) {
            if (e.code() != SQLITE_ERROR) throw;
        }
        // WITHOUT ROWID, or there is no such table, of which the page's own statement will complain.
    } else if (parts == 1 && !integer.empty()) {
        auto& indexes = file.prepared("SELECT 1 FROM pragma_index_list(?) WHERE origin = 'pk'");
        const reset_at_end indexes_end{indexes};
        indexes.bind(1, std::string_view(table));
        if (!indexes.step()) return {true, integer};
    }
    return {false, nulls ? std::string() : primary};
}

/// SQLite counts rows in 63 bits.
inline constexpr auto most_rows = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());

template <class Row>
std::vector<Row> empty_page(page_request page) {
    std::vector<Row> rows;
    rows.reserve(static_cast<std::size_t>(std::min<std::uint64_t>(page.limit, 4096)));
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
    /// An SQL expression list, as after ORDER BY, that says the same of a row each time; empty: the rowid. Rows that are
    /// equal in it come by their rowid or primary key. What has neither (a view, a table that has columns of all names
    /// of the rowid) needs an order in which no two rows are equal; that is looked into once per worker, by a pass over all
    /// rows. In double quotes are names; one that there is not is refused, and not taken for a text.
    std::string order_by{};

    /// The page. Throws error, and std::invalid_argument if `columns` does not fit `Row`.
    [[nodiscard]] std::vector<Row> operator()(page_request page) const {
        if (columns.size() != detail::row_reader<Row>::fields)
            throw std::invalid_argument("sqlite::table_source: " + std::to_string(columns.size()) +
                                        " columns are named, and the row has " +
                                        std::to_string(detail::row_reader<Row>::fields) + " fields");
        if (page.offset > detail::most_rows) return {};
        auto& file = connection::of_this_worker(path);
        auto& notes = file.notes_on(table, order_by);
        bool fresh = !notes;
        if (fresh) notes = look(file);
        for (;; fresh = true, notes = look(file))
            if (auto rows = read(file, *notes, fresh, page)) return std::move(*rows);
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
    using notes_type = connection::table_notes;

    /// Two parameters: LIMIT and OFFSET; by rowid the rowid comes first, as a column and as a parameter.
    [[nodiscard]] std::string select(const detail::row_key& key) const {
        std::string text = "SELECT ";
        if (order_by.empty()) text += key.terms + ", ";
        const char* comma = "";
        for (const auto& column : columns) {
            // Qualified: SQLite takes a lone quoted name that is no column for a text.
            text += comma + sqlite::quoted(table) + "." + sqlite::quoted(column);
            comma = ", ";
        }
        text += " FROM " + sqlite::quoted(table);
        if (order_by.empty())
            return text + " WHERE " + key.terms + " >= ? ORDER BY " + key.terms + " LIMIT ? OFFSET ?";
        // On a line of its own, as it may end in a comment.
        text += " ORDER BY " + order_by + "\n";
        return text + (key.terms.empty() ? "" : ", " + key.terms) + " LIMIT ? OFFSET ?";
    }

    /// Finds out how the rows can be told apart. Throws if they cannot.
    notes_type look(connection& file) const {
        notes_type notes;
        notes.version = file.data_version();
        notes.key = detail::key_of(file, table);
        if (order_by.empty()) {
            if (notes.key.is_rowid) return notes;
            static_cast<void>(count());  // is there such a table?
            throw error(
                path + ": " + table +
                    " has no rowid that a query can name (it is a view, is WITHOUT ROWID, or has columns of "
                    "all its names); it needs order_by" +
                    (notes.key.terms.empty() ? "" : ", for instance " + notes.key.terms),
                SQLITE_ERROR);
        }
        const std::string text = select(notes.key);
        if (file.prepared(text).parameters() != 2)
            throw error(path + ": order_by has parameters or an open comment: " + order_by, SQLITE_ERROR);
        if (order_by.find('"') != std::string::npos) connection::refuse_unknown_names(path, text);
        if (notes.key.terms.empty()) refuse_equals(file);
        return notes;
    }
    void refuse_equals(connection& file) const {
        auto& query = file.prepared(
            "SELECT 1 FROM (SELECT rank() OVER w AS r, row_number() OVER w AS n FROM " +
            sqlite::quoted(table) + " WINDOW w AS (ORDER BY " + order_by + "\n)) WHERE r <> n LIMIT 1");
        const detail::reset_at_end at_end{query};
        if (query.step())
            throw error(
                path + ": some rows of " + table + " are equal in order_by (" + order_by +
                    "), so pages could lose one and have another twice; add a column that tells them apart",
                SQLITE_ERROR);
    }

    /// The page, found by walking from where the last one ended. Nothing: the notes are of another version of the file.
    /// Fresh ones are good enough, if somebody should write just now; the next page finds that they are old.
    std::optional<std::vector<Row>> read(connection& file, notes_type& notes, bool fresh,
                                         page_request page) const {
        if (notes.offset > page.offset) notes = {notes.version, notes.key};
        const int first = order_by.empty() ? 1 : 0;
        statement& query = file.prepared(select(notes.key));
        const detail::reset_at_end at_end{query};
        if (first == 1) query.bind(1, notes.rowid);
        query.bind(first + 1, static_cast<std::int64_t>(std::min(page.limit, detail::most_rows)));
        query.bind(first + 2, static_cast<std::int64_t>(page.offset - notes.offset));
        auto rows = detail::empty_page<Row>(page);
        bool more = query.step();
        // While the statement is at a row it holds its read transaction, so this version is that of the rows.
        if (!fresh && file.data_version() != notes.version) return std::nullopt;
        std::int64_t rowid = 0;
        for (; more; more = query.step()) {
            if (first == 1) rowid = query.column<std::int64_t>(0);
            rows.push_back(detail::row_reader<Row>::read(query, first));
        }
        if (first == 1 && !rows.empty() && rowid != std::numeric_limits<std::int64_t>::max()) {
            notes.offset = page.offset + rows.size();
            notes.rowid = rowid + 1;
        }
        return rows;
    }
};

/// The rows of any SELECT that takes LIMIT and OFFSET as its two parameters, in this order, and has a total order:
/// `SELECT a, b FROM t WHERE c > 0 ORDER BY id LIMIT ? OFFSET ?`. That no two rows are equal in its ORDER BY is the
/// caller's to see to: else pages can lose rows and have others twice. A value, as table_source.
template <class Row>
struct query_source {
    std::string path;
    std::string sql;

    /// The page. Throws error, and std::invalid_argument for a query of another form.
    [[nodiscard]] std::vector<Row> operator()(page_request page) const {
        if (page.offset > detail::most_rows) return {};
        statement& query = compiled();
        const detail::reset_at_end at_end{query};
        query.bind(1, static_cast<std::int64_t>(std::min(page.limit, detail::most_rows)));
        query.bind(2, static_cast<std::int64_t>(page.offset));
        auto rows = detail::empty_page<Row>(page);
        while (query.step()) rows.push_back(detail::row_reader<Row>::read(query, 0));
        return rows;
    }

    /// How many rows the query has now: it is gone through. Throws as the page does.
    [[nodiscard]] std::uint64_t count() const {
        statement& query = compiled();
        const detail::reset_at_end at_end{query};
        query.bind(1, std::int64_t{-1});  // no limit
        query.bind(2, std::int64_t{0});
        std::uint64_t rows = 0;
        while (query.step()) ++rows;
        return rows;
    }

private:
    [[nodiscard]] statement& compiled() const {
        statement& query = connection::of_this_worker(path).prepared(sql);
        if (query.columns() != static_cast<int>(detail::row_reader<Row>::fields) || query.parameters() != 2)
            throw std::invalid_argument("sqlite::query_source: the query has " +
                                        std::to_string(query.columns()) + " columns and " +
                                        std::to_string(query.parameters()) + " parameters; the row has " +
                                        std::to_string(detail::row_reader<Row>::fields) +
                                        " fields, and the parameters are those of LIMIT ? OFFSET ?");
        // With LIMIT 0 there is no row, unless the parameters are others (LIMIT ?, ? has the offset first).
        const detail::reset_at_end at_end{query};
        query.bind(1, std::int64_t{0});
        query.bind(2, std::int64_t{1});
        if (query.step())
            throw std::invalid_argument("sqlite::query_source: the query's first parameter is not that of "
                                        "LIMIT; write LIMIT ? OFFSET ?");
        return query;
    }
};

static_assert(page_source<table_source<std::tuple<int>>>);
static_assert(page_source<query_source<std::tuple<int>>>);

}  // namespace yoke::sqlite
