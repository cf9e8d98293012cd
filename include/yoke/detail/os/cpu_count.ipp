// SPDX-License-Identifier: MIT
#pragma once

#include <yoke/detail/os/cpu_count.hpp>

#if defined(__linux__)

namespace yoke::detail {

YOKE_INLINE line_reader::~line_reader() {
    if (file_ != nullptr) std::fclose(file_);
    std::free(text_);
}

YOKE_INLINE bool line_reader::next(std::string_view& line) noexcept {
    if (file_ == nullptr) return false;
    const auto read = ::getline(&text_, &room_, file_);
    if (read < 0) return false;
    line = std::string_view(text_, static_cast<std::size_t>(read));
    if (!line.empty() && line.back() == '\n') line.remove_suffix(1);
    return true;
}

YOKE_INLINE std::string_view field(std::string_view line, std::size_t number, char separator) noexcept {
    for (; number != 0; --number) {
        const std::size_t end = line.find(separator);
        if (end == std::string_view::npos) return {};
        line.remove_prefix(end + 1);
    }
    return line.substr(0, line.find(separator));
}

YOKE_INLINE bool lists(std::string_view list, std::string_view word) noexcept {
    for (;;) {
        const std::size_t end = list.find(',');
        if (list.substr(0, end) == word) return true;
        if (end == std::string_view::npos) return false;
        list.remove_prefix(end + 1);
    }
}

YOKE_INLINE double number_in(const std::string& directory, const char* file, std::size_t number) {
    std::string path = directory;
    line_reader lines(path.append(file));
    std::string_view line;
    if (!lines.next(line)) return 0;
    const std::string_view text = field(line, number, ' ');
    return text.empty() ? 0 : std::strtod(text.data(), nullptr);  // ends at the blank or the line's end
}

YOKE_INLINE double cpu_quota_of_group(const std::string& directory, bool version2) {
    // "max" and nothing give 0, version 1's "none" is -1.
    const double microseconds =
        version2 ? number_in(directory, "/cpu.max", 0) : number_in(directory, "/cpu.cfs_quota_us", 0);
    const double of =
        version2 ? number_in(directory, "/cpu.max", 1) : number_in(directory, "/cpu.cfs_period_us", 0);
    return microseconds > 0 && of > 0 ? microseconds / of : no_cpu_quota;
}

YOKE_INLINE double cpu_quota(const cgroup_files& files) {
    double least = no_cpu_quota;
    for_each_group(files, "cpu", [&least](const std::string& directory, bool version2) {
        const double quota = cpu_quota_of_group(directory, version2);
        if (quota < least) least = quota;
    });
    return least;
}

}  // namespace yoke::detail

#endif

namespace yoke::detail {

YOKE_INLINE std::size_t cpu_affinity() {
#if defined(__linux__)
    for (std::size_t processors = 1024; processors <= std::size_t{1} << 20; processors *= 2) {
        cpu_set_t* const set = CPU_ALLOC(processors);
        if (set == nullptr) break;
        const std::size_t bytes = CPU_ALLOC_SIZE(processors);
        const int failed = ::sched_getaffinity(0, bytes, set);
        const int count = failed == 0 ? CPU_COUNT_S(bytes, set) : 0;
        CPU_FREE(set);
        if (count > 0) return static_cast<std::size_t>(count);
        if (errno != EINVAL) break;  // EINVAL: this machine has more processors than the set has bits
    }
#endif
    const std::size_t processors = std::thread::hardware_concurrency();
    return processors != 0 ? processors : 1;
}

YOKE_INLINE std::size_t concurrency_for(std::size_t processors, double quota) noexcept {
    if (quota >= static_cast<double>(processors)) return processors;
    const auto whole = static_cast<std::size_t>(quota);
    return static_cast<double>(whole) < quota ? whole + 1 : whole;
}

YOKE_INLINE std::size_t default_concurrency() {
    static const double quota = cpu_quota();
    return concurrency_for(cpu_affinity(), quota);
}

}  // namespace yoke::detail
