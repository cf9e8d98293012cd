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

#include <yoke/detail/base/config.hpp>
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
    [[nodiscard]] std::array<int, 2> streams(std::uint32_t place);

    /// Takes what the worker in this place has printed; it waits, or is dead. Empty if there is no memory for it.
    [[nodiscard]] texts take(std::uint32_t place) noexcept;

    void deliver(int pid, std::uint64_t task, const texts& printed) const noexcept;

private:
    static unique_fd make_file();

    std::vector<std::array<unique_fd, 2>> files_;
    output_observer* const observer_;
    const bool forward_;
};

}  // namespace detail

}  // namespace yoke

#if YOKE_IS_HEADER_ONLY
#include <yoke/detail/process/output.ipp>
#endif
