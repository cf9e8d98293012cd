// SPDX-License-Identifier: MIT
#pragma once

/// What a process pool is made with, in the words of its machinery: for the pool itself, and for each of its workers.

#include <yoke/detail/process/output.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>
#include <vector>

#include <sys/resource.h>

namespace yoke::detail {

/// Makes the call in `bytes`, the pool's initializer; throws what it throws.
using initial_entry = void (*)(std::span<const std::byte> bytes);

/// What a worker has to know and keeps to. It comes with the order to start the worker, and not by way of memory that
/// an earlier worker may have written over; so it is plain data.
struct worker_terms {
    static constexpr std::uint64_t inherited = ~std::uint64_t{0};

    std::uint64_t board_offset = 0;  ///< where in the arena the pool's board is
    std::uint32_t slots = 0;         ///< of the board
    std::uint32_t workers = 0;       ///< desks of the board
    std::uint32_t index = 0;         ///< the worker's own desk
    std::int32_t processor = -1;     ///< to run on; -1: wherever
    initial_entry init = nullptr;
    std::uint64_t init_offset = 0;  ///< where in the arena its call is
    std::uint64_t init_size = 0;
    std::uint64_t most_tasks = 0;     ///< leaves after so many; 0: never
    std::uint64_t most_memory = 0;    ///< leaves after a task with more bytes resident; 0: never
    std::int64_t idle_ns = 0;         ///< leaves after so long without a task; 0: never
    std::int32_t niceness = 0;        ///< on top of the server's
    std::uint32_t collects = 0;       ///< 1: the pool takes what is printed
    std::uint32_t reports = 0;        ///< 1: the worker says where it was when it crashed
    std::uint64_t report_offset = 0;  ///< where in the arena; see crash_report
    std::array<std::uint64_t, RLIM_NLIMITS> limits = [] {
        std::array<std::uint64_t, RLIM_NLIMITS> all{};
        all.fill(inherited);
        return all;
    }();
};
static_assert(std::is_trivially_copyable_v<worker_terms>);

struct process_setup {
    std::uint32_t workers = 1;
    std::uint32_t most_workers = 1;  ///< that there will ever be at a time
    std::size_t max_pending = 0;
    std::uint64_t max_pending_bytes = 0;  ///< 0: half of what the arena may hold
    std::uint32_t crash_limit = 0;
    std::vector<unsigned> processors{};       ///< worker i on [i % size]
    std::vector<std::byte> init_call{};       ///< for `terms.init`
    std::vector<std::uintptr_t> init_code{};  ///< what workers must have in memory to make it
    output_observer* observer = nullptr;      ///< of what is printed
    bool forward = false;                     ///< that, to the program's streams
    worker_terms terms{};
};

}  // namespace yoke::detail
