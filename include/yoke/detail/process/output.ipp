// SPDX-License-Identifier: MIT
#pragma once

#include <yoke/detail/process/output.hpp>

namespace yoke::detail {

YOKE_INLINE std::array<int, 2> process_output::streams(std::uint32_t place) {
    if (!collects()) return {-1, -1};
    auto& files = files_[place];
    for (unique_fd& file : files)
        if (!file) file = make_file();
    return {files[0].get(), files[1].get()};
}

YOKE_INLINE process_output::texts process_output::take(std::uint32_t place) noexcept {
    texts taken;
    if (!collects()) return taken;
    for (std::size_t i = 0; i < taken.size(); ++i) {
        const int file = files_[place][i].get();
        const off_t size = ::lseek(file, 0, SEEK_CUR);
        if (size <= 0) continue;
        try {
            taken[i].resize(std::min(static_cast<std::size_t>(size), most));
            const ssize_t got =
                uninterrupted([&] { return ::pread(file, taken[i].data(), taken[i].size(), 0); });
            taken[i].resize(static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
        } catch (const std::bad_alloc&) {}
        ::lseek(file, 0, SEEK_SET);
    }
    return taken;
}

YOKE_INLINE void process_output::deliver(int pid, std::uint64_t task, const texts& printed) const noexcept {
    for (std::size_t i = 0; i < printed.size(); ++i) {
        const std::string& text = printed[i];
        if (text.empty()) continue;
        if (observer_ != nullptr) observer_->task_output(pid, task, static_cast<int>(i) + 1, text);
        if (!forward_) continue;
        // One call, and so in one piece beside what the program's own threads print.
        std::FILE* const ours = i == 0 ? stdout : stderr;
        std::fwrite(text.data(), 1, text.size(), ours);
        if (text.back() != '\n') std::fputc('\n', ours);
        std::fflush(ours);
    }
}

YOKE_INLINE unique_fd process_output::make_file() {
    unique_fd file(sys.memfd_create("yoke-output", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    if (!file) throw_errno("yoke cannot collect what a worker prints (memfd_create)");
    file = above_standard_streams(std::move(file));
    if (uninterrupted([&] { return sys.ftruncate(file.get(), static_cast<off_t>(most)); }) != 0)
        throw_errno("yoke cannot collect what a worker prints (ftruncate)");
    ::fcntl(file.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
    return file;
}

}  // namespace yoke::detail
