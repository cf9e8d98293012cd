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
    explicit progress(std::string name, std::uint64_t total = 0, progress_options options = {})
        : name_(std::move(name)),
          options_(options),
          shown_(options.force || is_terminal(options.stream)),
          begun_(clock::now()),
          total_(total) {}
    progress(const progress&) = delete;
    progress& operator=(const progress&) = delete;
    /// Ends the bar.
    ~progress() { finish(); }

    /// Counts `more` as done.
    void add(std::uint64_t more = 1) {
        done_.fetch_add(more, std::memory_order_relaxed);
        draw_if_due();
    }
    /// Sets how much is done.
    void set(std::uint64_t done) {
        done_.store(done, std::memory_order_relaxed);
        draw_if_due();
    }
    /// Sets the total, which may become known only later.
    void set_total(std::uint64_t total) {
        total_.store(total, std::memory_order_relaxed);
        draw_if_due();
    }
    /// Draws the last state and ends the line; nothing is drawn afterwards. May be called again.
    void finish() {
        if (!shown_) return;
        const std::lock_guard lock(drawing_);
        if (std::exchange(finished_, true)) return;
        draw("\n");
    }

    [[nodiscard]] std::uint64_t done() const noexcept { return done_.load(std::memory_order_relaxed); }
    [[nodiscard]] std::uint64_t total() const noexcept { return total_.load(std::memory_order_relaxed); }
    /// True if it draws.
    [[nodiscard]] bool shown() const noexcept { return shown_; }

    /// The line as it would be drawn `seconds` after the beginning.
    [[nodiscard]] std::string line(double seconds) const {
        const std::uint64_t done = this->done();
        const std::uint64_t total = this->total();
        const double rate = seconds > 0 ? static_cast<double>(done) / seconds : 0;
        std::string text = name_;
        if (total != 0) {
            const double part = done < total ? static_cast<double>(done) / static_cast<double>(total) : 1.0;
            text += " " + bar(part) + " " + std::to_string(done) + "/" + std::to_string(total) + "  " +
                    std::to_string(static_cast<int>(part * 100)) + " %  " + number(rate) + "/s";
            if (done < total && done != 0)
                text += "  " + number(static_cast<double>(total - done) / rate) + " s left";
        } else {
            text += "  " + std::to_string(done) + "  " + number(rate) + "/s";
        }
        if (done == 0 || done >= total) text += "  " + number(seconds) + " s";
        return text;
    }

private:
    using clock = std::chrono::steady_clock;

    static bool is_terminal([[maybe_unused]] std::FILE* stream) noexcept {
#if defined(__unix__) || defined(__APPLE__)
        return stream != nullptr && ::isatty(::fileno(stream)) == 1;
#else
        return false;
#endif
    }
    static std::string bar(double part) {
        constexpr std::size_t width = 24;
        const auto filled = static_cast<std::size_t>(part * static_cast<double>(width));
        std::string text(filled, '=');
        if (filled < width) text += '>';
        text.resize(width, ' ');
        return "[" + text + "]";
    }
    static std::string number(double value) {
        char text[32];
        std::snprintf(text, sizeof text, value < 10 ? "%.1f" : "%.0f", value);
        return text;
    }

    void draw_if_due() {
        if (!shown_) return;
        const auto time = clock::now();
        const auto now = (time - begun_).count();
        if (now < next_.load(std::memory_order_relaxed)) return;
        // Whoever is drawing already draws a state that is new enough.
        const std::unique_lock lock(drawing_, std::try_to_lock);
        if (!lock.owns_lock() || finished_ || now < next_.load(std::memory_order_relaxed)) return;
        next_.store((detail::deadline_after(options_.interval, time) - begun_).count(),
                    std::memory_order_relaxed);
        draw("");
    }
    void draw(const char* end) {
        const std::string text = line(std::chrono::duration<double>(clock::now() - begun_).count());
        // Blanks wipe out what is left of a longer line.
        const std::size_t blanks = drawn_ > text.size() ? drawn_ - text.size() : 0;
        drawn_ = text.size();
        std::fprintf(options_.stream, "\r%s%*s%s", text.c_str(), static_cast<int>(blanks), "", end);
        std::fflush(options_.stream);
    }

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
