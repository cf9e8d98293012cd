// SPDX-License-Identifier: MIT
#pragma once

/// What the workers of a pool print, collected by the pool.
///
/// A worker's standard output and error are two memory files that the pool has made and kept open. Such a descriptor and
/// the worker's share one position, so the pool knows how much there is, also of a worker that is dead, and can set
/// the position back itself. No pipe, which could be full, and no thread that reads it.
///
/// A worker that has printed says so before it commits its task's result, and waits until the pool has taken the text;
/// so a receiver is completed after what its task printed was delivered, and a worker that prints much waits
/// for those who want it. All but the constructor is called by the pool's collector.

#include <yoke/detail/process/sys.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace yoke {

/// Is told what the tasks of a process pool print. Called on the pool's own thread, before the task completes; must not wait
/// for tasks of the pool.
class output_observer {
public:
    output_observer() = default;
    output_observer(const output_observer&) = delete;
    output_observer& operator=(const output_observer&) = delete;
    virtual ~output_observer() = default;

    /// The worker with the process id `pid` has printed `text` while it ran a task: to `stream` 1 (standard output) or 2
    /// (standard error). `task` is its number in the pool, as in `worker_lost`; 0 outside of tasks, in the initializer.
    virtual void task_output(int pid, std::uint64_t task, int stream, std::string_view text) noexcept = 0;
};

namespace detail {

class process_output {
public:
    /// Per task and stream; what is printed beyond is dropped. Memory is used as it is printed to.
    static constexpr std::size_t most = std::size_t{1} << 20;
    /// What was printed to standard output and to standard error.
    using texts = std::array<std::string, 2>;

    /// Collects for so many places; 0: not at all. Texts go to the observer, if there is one, and on to the program's own
    /// streams if `forward`.
    process_output(std::uint32_t places, output_observer* observer, bool forward)
        : files_(places), observer_(observer), forward_(forward) {}

    [[nodiscard]] bool collects() const noexcept { return !files_.empty(); }

    /// The two streams of the worker in this place, empty; -1 if they are not collected. Throws std::system_error.
    [[nodiscard]] std::array<int, 2> streams(std::uint32_t place) {
        if (!collects()) return {-1, -1};
        auto& files = files_[place];
        for (unique_fd& file : files)
            if (!file) file = make_file();
        return {files[0].get(), files[1].get()};
    }

    /// Takes what the worker in this place has printed; it waits, or is dead. Empty if there is no memory for it.
    [[nodiscard]] texts take(std::uint32_t place) noexcept {
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

    void deliver(int pid, std::uint64_t task, const texts& printed) const noexcept {
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

private:
    static unique_fd make_file() {
        unique_fd file(sys.memfd_create("yoke-output", MFD_CLOEXEC | MFD_ALLOW_SEALING));
        if (!file) throw_errno("yoke cannot collect what a worker prints (memfd_create)");
        file = above_standard_streams(std::move(file));
        if (uninterrupted([&] { return sys.ftruncate(file.get(), static_cast<off_t>(most)); }) != 0)
            throw_errno("yoke cannot collect what a worker prints (ftruncate)");
        ::fcntl(file.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
        return file;
    }

    std::vector<std::array<unique_fd, 2>> files_;
    output_observer* const observer_;
    const bool forward_;
};

}  // namespace detail

}  // namespace yoke
