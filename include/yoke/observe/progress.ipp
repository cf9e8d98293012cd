// SPDX-License-Identifier: MIT
#pragma once

#include <yoke/observe/progress.hpp>

namespace yoke {

YOKE_INLINE progress::progress(std::string name, std::uint64_t total, progress_options options)
    : name_(std::move(name)),
      options_(options),
      shown_(options.force || is_terminal(options.stream)),
      begun_(clock::now()),
      total_(total) {}

YOKE_INLINE void progress::add(std::uint64_t more) {
    done_.fetch_add(more, std::memory_order_relaxed);
    draw_if_due();
}

YOKE_INLINE void progress::set(std::uint64_t done) {
    done_.store(done, std::memory_order_relaxed);
    draw_if_due();
}

YOKE_INLINE void progress::set_total(std::uint64_t total) {
    total_.store(total, std::memory_order_relaxed);
    draw_if_due();
}

YOKE_INLINE void progress::finish() {
    if (!shown_) return;
    const std::lock_guard lock(drawing_);
    if (std::exchange(finished_, true)) return;
    draw("\n");
}

YOKE_INLINE std::string progress::line(double seconds) const {
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

YOKE_INLINE bool progress::is_terminal([[maybe_unused]] std::FILE* stream) noexcept {
#if defined(__unix__) || defined(__APPLE__)
    return stream != nullptr && ::isatty(::fileno(stream)) == 1;
#else
    return false;
#endif
}

YOKE_INLINE std::string progress::bar(double part) {
    constexpr std::size_t width = 24;
    const auto filled = static_cast<std::size_t>(part * static_cast<double>(width));
    std::string text(filled, '=');
    if (filled < width) text += '>';
    text.resize(width, ' ');
    return "[" + text + "]";
}

YOKE_INLINE std::string progress::number(double value) {
    char text[32];
    std::snprintf(text, sizeof text, value < 10 ? "%.1f" : "%.0f", value);
    return text;
}

YOKE_INLINE void progress::draw_if_due() {
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

YOKE_INLINE void progress::draw(const char* end) {
    const std::string text = line(std::chrono::duration<double>(clock::now() - begun_).count());
    // Blanks wipe out what is left of a longer line.
    const std::size_t blanks = drawn_ > text.size() ? drawn_ - text.size() : 0;
    drawn_ = text.size();
    std::fprintf(options_.stream, "\r%s%*s%s", text.c_str(), static_cast<int>(blanks), "", end);
    std::fflush(options_.stream);
}

}  // namespace yoke
