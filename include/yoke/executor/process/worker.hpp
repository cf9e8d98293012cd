// SPDX-License-Identifier: MIT
#pragma once

/// What a worker process does from its first to its last breath: keep to its terms; claim a task, make the call, commit the
/// result; leave when it is told to, is worn out, or has had nothing to do for too long.
///
/// The worker has one thread. It changes no memory but the slot it has claimed, the blocks that slot names, its own
/// desk, and the shared flags of the board; it takes no lock that the pool or another worker takes.

#include <yoke/detail/base/config.hpp>
#include <yoke/detail/base/cpu_pause.hpp>
#include <yoke/detail/base/test_point.hpp>
#include <yoke/detail/os/thread_traits.hpp>
#include <yoke/detail/process/host.hpp>
#include <yoke/detail/sync/parking.hpp>
#include <yoke/detail/sync/spin_budget.hpp>
#include <yoke/executor/process/board.hpp>
#include <yoke/executor/process/crash_report.hpp>
#include <yoke/executor/process/exception_wire.hpp>
#include <yoke/executor/process/stop_listener.hpp>
#include <yoke/executor/process/worker_memory.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <exception>
#include <span>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <sys/resource.h>
#include <unistd.h>

namespace yoke::detail {

/// Lets the pool take what this worker has printed, for this slot; returns when that is delivered.
inline void hand_over_output(const process_board& board, std::uint16_t worker, std::uint32_t index) noexcept {
    if (::lseek(1, 0, SEEK_CUR) > 0 || ::lseek(2, 0, SEEK_CUR) > 0) board.hand_over_output(worker, index);
}

/// The task that this worker has in hand: the bytes of its call, and room for those of its result.
class worker_task {
public:
    /// `collects`: the pool takes what is printed.
    worker_task(const process_board& board, const shared_arena& arena, std::uint32_t index,
                std::uint16_t worker, bool collects = false) noexcept;
    worker_task(const worker_task&) = delete;
    worker_task& operator=(const worker_task&) = delete;

    /// Makes the call and commits what becomes of it. Returns only if the pool took the outcome.
    void run() noexcept;

    [[nodiscard]] std::span<const std::byte> call() const noexcept { return call_; }

    /// Room for a result of `size` bytes, over the bytes of the call where it fits. Throws message_too_large if
    /// there is no memory.
    [[nodiscard]] std::span<std::byte> room(std::size_t size);

private:
    /// The pool has no room for the result, and has put its bound into the place of its size if that is why.
    [[noreturn]] void refuse(std::size_t size) const;

    void ask_for_room();

    void put_error(std::exception_ptr error) noexcept;

    void commit() noexcept;

    /// The one step that the pool may have forestalled. Returns whether somebody watches the slot.
    [[nodiscard]] bool change_state(slot_phase next) noexcept;
    /// The task is not this worker's any more. If the pool has declared it expired, a signal is on its way. If the slot says
    /// anything else a task has scribbled over it; then this worker's end is how the pool hears of it.
    [[noreturn]] void await_end() const noexcept;

    [[nodiscard]] bool is_mine(slot_state now, slot_phase phase) const noexcept {
        return now.generation == state_.generation && now.worker == state_.worker && now.phase == phase;
    }

    const process_board& board_;
    const shared_arena& arena_;
    task_slot& slot_;
    std::uint32_t index_;
    std::uint16_t worker_;
    bool collects_;
    slot_state state_;
    std::span<const std::byte> call_;
    std::uint64_t room_size_;  ///< that may be written to
};

/// How a worker looks for a task before it goes to sleep, since falling asleep and waking cost more than a short wait.
struct search_terms {
    std::size_t most = 0;  ///< not if so many others do so
    int looks = 0;         ///< so many looks
    int rounds = 0;  ///< and so many times as many again, each after giving way to who wants this processor
};

/// The next task, or nothing if none came meanwhile or the pool is being stopped.
std::optional<std::uint32_t> claim_or_search(const process_board& board, std::uint16_t worker,
                                             std::uint64_t& tail, const search_terms& terms) noexcept;

/// Makes this process what the pool's options say, and runs the initializer. Throws std::system_error and what that throws.
void keep_to(const worker_terms& terms, const shared_arena& arena);

/// The same; if something throws, puts it on the board and returns false.
[[nodiscard]] bool begin_work(board_header& header, const worker_terms& terms,
                              const shared_arena& arena) noexcept;

/// A worker's main function: serves its pool until the pool stops or lets it go. Returns the status to leave with.
int serve_pool(const worker_terms& terms) noexcept;

}  // namespace yoke::detail

#if YOKE_IS_HEADER_ONLY
#include <yoke/executor/process/worker.ipp>
#endif
