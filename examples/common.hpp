// SPDX-License-Identifier: MIT
#pragma once

/// What the examples share: a table of times that is printed as text or as JSON, and a main that reports every error
/// in one line. Nothing in here is about yoke.

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <exception>
#include <iostream>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace example {

/// Seconds that `f()` takes.
template <class F>
double seconds_of(F&& f) {
    const auto begin = std::chrono::steady_clock::now();
    std::forward<F>(f)();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

/// A number with so many digits after the point.
inline std::string fixed(double value, int digits) {
    char text[64];
    std::snprintf(text, sizeof text, "%.*f", digits, value);
    return text;
}

/// One line of the table.
struct row {
    std::string arrangement;
    std::size_t workers = 1;
    std::string order{};  // in which the work is taken up; empty: it makes no difference
    double seconds = 0;   // what the run took; of a scaled run, scaled back
    std::optional<double> published{};
    bool equal = true;  // to the result of the serial run
};

/// Prints each row as soon as it is there or, for scripts, all of them as JSON at the end.
class table {
public:
    table(std::string name, bool json) : name_(std::move(name)), json_(json) {}

    void add(row r) {
        if (!json_) print(r);
        rows_.push_back(std::move(r));
    }

    /// A line of text between the rows; not part of the JSON.
    void note(const std::string& text) const {
        if (!json_) std::cout << text << std::endl;
    }

    /// Ends the table; the exit code of the program.
    int finish() const {
        const bool equal = std::all_of(rows_.begin(), rows_.end(), [](const row& r) { return r.equal; });
        if (json_) {
            print_json();
        } else {
            std::cout << name_ << ": the result " << (equal ? "equals" : "DIFFERS FROM")
                      << " the serial result\n";
        }
        return equal ? 0 : 1;
    }

private:
    void print(const row& r) const {
        if (rows_.empty())
            std::printf("%-44s %7s  %-13s %9s %11s  %s\n", "arrangement", "workers", "order", "seconds",
                        "published s", "equal");
        const std::string published = r.published ? fixed(*r.published, 2) : "-";
        std::printf("%-44s %7zu  %-13s %9s %11s  %s\n", r.arrangement.c_str(), r.workers, r.order.c_str(),
                    fixed(r.seconds, r.seconds < 1 ? 4 : 2).c_str(), published.c_str(),
                    r.equal ? "yes" : "NO");
        std::fflush(stdout);
    }

    void print_json() const {
        const char* separator = "[\n  ";
        for (const row& r : rows_) {
            nlohmann::ordered_json line;
            line["example"] = name_;
            line["arrangement"] = r.arrangement;
            line["workers"] = r.workers;
            line["order"] = r.order.empty() ? nlohmann::ordered_json() : nlohmann::ordered_json(r.order);
            line["seconds"] = r.seconds;
            line["published_seconds"] =
                r.published ? nlohmann::ordered_json(*r.published) : nlohmann::ordered_json();
            line["equal"] = r.equal;
            std::cout << std::exchange(separator, ",\n  ") << line.dump();
        }
        std::cout << "\n]\n";
    }

    std::string name_;
    bool json_;
    std::vector<row> rows_{};
};

/// The text of an exception and of those nested in it, in one line.
inline std::string explain(const std::exception& error) {
    std::string text = error.what();
    try {
        std::rethrow_if_nested(error);
    } catch (const std::exception& cause) {
        const std::string more = explain(cause);
        if (text.find(more) == std::string::npos) text += ": " + more;
    } catch (...) {
        text += ": an exception without a text";
    }
    std::replace(text.begin(), text.end(), '\n', ' ');
    return text;
}

/// Parses the command line and runs `body`, which returns the exit code. Whatever goes wrong is one line on stderr.
template <class Body>
int run(CLI::App& app, int argc, char** argv, Body&& body) {
    const auto complain = [&](const std::string& text) {
        std::cerr << app.get_name() << ": " << text << '\n';
    };
    try {
        app.parse(argc, argv);
        return std::forward<Body>(body)();
    } catch (const CLI::ParseError& error) {
        if (error.get_exit_code() == 0) return app.exit(error);  // --help
        complain(error.what());
    } catch (const std::exception& error) {
        complain(explain(error));
    }
    return 2;
}

}  // namespace example
