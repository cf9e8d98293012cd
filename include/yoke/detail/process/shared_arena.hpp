// SPDX-License-Identifier: MIT
#pragma once

/// The memory that this process shares with its workers.
///
/// One sparse memory file (no name, closed on exec) is mapped once, large, before the fork server is forked; the server
/// and all workers of all pools inherit the mapping and see it at the same address. Memory is given out by this
/// process only, under a mutex on its own heap (range_allocator.hpp).
///
/// The kernel promises more memory than there is, and ends processes, anybody's, when the promise falls due. So there is a
/// limit: half of the memory of the machine, or of the control group if that is less, unless the program
/// sets another; and whatever the limit, nothing is taken of the last sixteenth that is available.
///
/// Before a range is given out the kernel is asked for its pages (fallocate): when there is no memory that is a
/// std::system_error here and not a SIGBUS at the first touch, perhaps in a worker. Freed memory stays warm up to
/// `warm_bytes`, since fresh pages cost more than the copy into them; beyond that it goes back to the kernel, and so does
/// what nobody has used for a second while a pool looks after it (`trim`).
///
/// The file can neither shrink nor grow once it is mapped, and core dumps leave it out.

#include <yoke/detail/base/config.hpp>
#include <yoke/detail/os/system_memory.hpp>
#include <yoke/detail/process/range_allocator.hpp>
#include <yoke/detail/process/sys.hpp>
#include <yoke/error.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <new>
#include <string>
#include <system_error>
#include <utility>

#include <sys/resource.h>

namespace yoke::detail {

/// All members but the constructor may be called from any thread of the process that made it; in workers only
/// those that look at addresses.
class shared_arena {
public:
    /// Every range starts at a multiple of this and is a multiple of it long.
    static constexpr std::uint64_t granule = 64;
    static constexpr std::uint64_t page = 4096;
    static constexpr std::uint64_t largest = std::uint64_t{64} << 30;
    static constexpr std::uint64_t smallest = std::uint64_t{64} << 20;
    /// Backed with one system call, at least.
    static constexpr std::uint64_t chunk = std::uint64_t{256} << 10;
    static constexpr std::uint64_t warm_bytes = std::uint64_t{256} << 20;
    /// So much stays warm for ever.
    static constexpr std::uint64_t always_warm = std::uint64_t{1} << 20;
    static constexpr std::int64_t trim_ns = 1'000'000'000;
    /// How much may be taken before the system is asked again how much is available.
    static constexpr std::uint64_t look_after = std::uint64_t{64} << 20;

    /// Maps the arena: 64 GiB of address space, or less where the limits of this process say so. Throws
    /// std::system_error if even 64 MiB cannot be had.
    explicit shared_arena(memory_files files = {});
    shared_arena(const shared_arena&) = delete;
    shared_arena& operator=(const shared_arena&) = delete;
    ~shared_arena() { ::munmap(base_, size_); }

    /// `size` bytes at a multiple of `alignment`. Throws std::system_error (ENOSPC, ENOMEM) if there is no memory or the
    /// limit is reached, and std::bad_alloc if the address space is used up or `alignment` exceeds a page.
    [[nodiscard]] arena_range allocate(std::uint64_t size, std::uint64_t alignment = granule);

    /// Gives back what `allocate` gave, or a range of the same offset and the size that was asked for.
    void deallocate(arena_range range) noexcept;

    [[nodiscard]] std::byte* at(std::uint64_t offset) const noexcept { return base_ + offset; }
    [[nodiscard]] std::uint64_t offset_of(const void* address) const noexcept {
        return static_cast<std::uint64_t>(static_cast<const std::byte*>(address) - base_);
    }
    /// Whether all of `[address, address + bytes)` lies in the arena.
    [[nodiscard]] bool contains(const void* address, std::uint64_t bytes) const noexcept;

    /// Gives back to the kernel what was not in use at any moment since the last call; for who comes by about once
    /// a second (`now`: monotonic_ns; earlier calls do nothing).
    void trim(std::int64_t now) noexcept;
    /// Gives back all that is not in use, but for `always_warm`.
    void trim_all() noexcept;

    /// The most bytes that may be in use or warm.
    [[nodiscard]] std::uint64_t limit() const noexcept;
    /// 0: half of the memory of the machine or the control group. What is in use already stays.
    void set_limit(std::uint64_t bytes);
    /// Address space, in bytes.
    [[nodiscard]] std::uint64_t size() const noexcept { return size_; }
    /// Bytes in use.
    [[nodiscard]] std::uint64_t used() const;

private:
    static std::uint64_t real_size(std::uint64_t size) noexcept {
        return size >= chunk ? round_up(size, page) : round_up(size == 0 ? 1 : size, granule);
    }

    /// A file larger than RLIMIT_FSIZE would get this process a SIGXFSZ, not an error.
    static std::uint64_t largest_size();

    bool try_map() noexcept;

    [[nodiscard]] std::uint64_t default_limit() const;

    [[noreturn]] static void refuse(std::uint64_t bytes, const std::string& why);
    /// Throws std::system_error if `bytes` on top of what is in use are more than the limit.
    void check_limit(std::uint64_t bytes) const;
    /// Throws std::system_error unless the system can spare so many more bytes.
    void check_system(std::uint64_t bytes);
    static std::string in_kib(std::uint64_t bytes) { return std::to_string(bytes >> 10) + " KiB"; }

    /// Has the kernel back a bare range of at least `size` bytes, a multiple of the page.
    void back(std::uint64_t size);

    /// Returns free pages to the kernel until no more than `most` bytes stay. `whole`: whole ranges, so that what comes next and
    /// is as large can have the place of one.
    void cool(std::uint64_t most, bool whole = true);

    const memory_files files_;
    void cool_to(std::uint64_t most) noexcept;

    unique_fd file_;
    std::uint64_t size_;
    std::byte* base_ = nullptr;
    mutable std::mutex mutex_;
    range_allocator ranges_;
    std::uint64_t used_ = 0;
    std::uint64_t limit_ = 0;
    std::uint64_t unlooked_ = 0;    ///< may be backed before the next look at the system's memory
    std::uint64_t least_warm_ = 0;  ///< free and backed, at the least since the last trim
    std::int64_t trim_at_ = 0;
};

}  // namespace yoke::detail

#if YOKE_IS_HEADER_ONLY
#include <yoke/detail/process/shared_arena.ipp>
#endif
