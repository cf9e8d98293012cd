// SPDX-License-Identifier: MIT
#pragma once

/// A progress bar for a terminal.
///
///     yoke::progress bar("reports", 22);
///     ... | yoke::for_each_result([&](const report& r) { use(r); bar.add(); });
///
///     reports [=========>              ] 9/22  40 %  3.4/s  3.8 s left
///
/// It draws on standard error, and only if that is a terminal: a program whose output goes to a file or a pipe writes
/// nothing. It redraws one line in place, ten times a second at most, and ends it with a line break. `add` may be called
/// by any number of threads; it costs an addition, and whoever finds the line out of date draws it.

#include <yoke/detail/base/config.hpp>
#include <yoke/time_span.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <mutex>
#include <string>
#include <utility>

#if defined(__unix__) || defined(__APPLE__)
#include <unistd.h>
#endif

namespace yoke {

/// Where and how a progress bar draws.
struct progress_options {
    /// Draws even if `stream` is not a terminal.
    bool force = false;
    /// Where it draws; must outlive the bar.
    std::FILE* stream = stderr;
    /// The least time between two drawings; none if it is not positive.
    time_span interval = std::chrono::milliseconds(100);
};

/// Counts what is done and shows it. Thread-safe; the destructor must be the last call.
class progress {
public:
    /// Begins a bar called `name` that ends at `total`; 0: nobody knows the total.
    explicit progress(std::string name, std::uint64_t total = 0, progress_options options = {});
    progress(const progress&) = delete;
    progress& operator=(const progress&) = delete;
    /// Ends the bar.
    ~progress() { finish(); }

    /// Counts `more` as done.
    void add(std::uint64_t more = 1);
    /// Sets how much is done.
    void set(std::uint64_t done);
    /// Sets the total, which may become known only later.
    void set_total(std::uint64_t total);
    /// Draws the last state and ends the line; nothing is drawn afterwards. May be called again.
    void finish();

    [[nodiscard]] std::uint64_t done() const noexcept { return done_.load(std::memory_order_relaxed); }
    [[nodiscard]] std::uint64_t total() const noexcept { return total_.load(std::memory_order_relaxed); }
    /// True if it draws.
    [[nodiscard]] bool shown() const noexcept { return shown_; }

    /// The line as it would be drawn `seconds` after the beginning.
    [[nodiscard]] std::string line(double seconds) const;

private:
    using clock = std::chrono::steady_clock;

    static bool is_terminal([[maybe_unused]] std::FILE* stream) noexcept;
    static std::string bar(double part);
    static std::string number(double value);

    void draw_if_due();
    void draw(const char* end);

    const std::string name_;
    const progress_options options_;
    const bool shown_;
    const clock::time_point begun_;
    std::atomic<std::uint64_t> done_{0};
    std::atomic<std::uint64_t> total_;
    std::atomic<clock::rep> next_{0};  // when to draw again, since the beginning
    std::mutex drawing_;
    std::size_t drawn_ = 0;  // length of the line on the screen
    bool finished_ = false;
};

}  // namespace yoke

#if YOKE_IS_HEADER_ONLY
#include <yoke/observe/progress.ipp>
#endif
