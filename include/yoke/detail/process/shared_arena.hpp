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
    explicit shared_arena(memory_files files = {})
        : files_(std::move(files)), size_(largest_size()), ranges_(0) {
        unique_fd file(sys.memfd_create("yoke-arena", MFD_CLOEXEC | MFD_ALLOW_SEALING));
        if (!file) throw_errno("yoke cannot create its shared memory (memfd_create)");
        file_ = above_standard_streams(std::move(file));
        for (;; size_ /= 2) {
            if (try_map()) break;
            if (size_ / 2 < smallest)
                throw_errno("yoke cannot map " + std::to_string(size_ >> 20) + " MiB of shared memory");
        }
        // Advice only: without them dumps are larger, and a worker that truncates the file kills itself and others.
        ::madvise(base_, size_, MADV_DONTDUMP);
        ::fcntl(file_.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
        try {
            ranges_ = range_allocator(size_);
            limit_ = default_limit();
        } catch (...) {
            ::munmap(base_, size_);
            throw;
        }
    }
    shared_arena(const shared_arena&) = delete;
    shared_arena& operator=(const shared_arena&) = delete;
    ~shared_arena() { ::munmap(base_, size_); }

    /// `size` bytes at a multiple of `alignment`. Throws std::system_error (ENOSPC, ENOMEM) if there is no memory or the
    /// limit is reached, and std::bad_alloc if the address space is used up or `alignment` exceeds a page.
    [[nodiscard]] arena_range allocate(std::uint64_t size, std::uint64_t alignment = granule) {
        if (size > size_ || alignment > page) throw std::bad_alloc();
        size = real_size(size);
        // Large blocks start on a page, so that all of their pages can be given back.
        if (size >= chunk) alignment = page;
        if (alignment < granule) alignment = granule;
        const std::lock_guard lock(mutex_);
        check_limit(size);
        auto range = ranges_.take(size, alignment);
        if (!range) {
            back(round_up(size, page));
            range = ranges_.take(size, alignment);
            if (!range) throw std::bad_alloc();
        }
        used_ += range->size;
        least_warm_ = std::min(least_warm_, ranges_.backed_bytes());
        return *range;
    }

    /// Gives back what `allocate` gave, or a range of the same offset and the size that was asked for.
    void deallocate(arena_range range) noexcept {
        if (range.size == 0) return;
        range.size = real_size(range.size);
        const std::lock_guard lock(mutex_);
        used_ -= range.size;
        ranges_.give(range);
        try {
            if (ranges_.backed_bytes() > warm_bytes) cool(warm_bytes);
        } catch (const std::bad_alloc&) {
            // No memory for the bookkeeping: the range stays warm.
        }
    }

    [[nodiscard]] std::byte* at(std::uint64_t offset) const noexcept { return base_ + offset; }
    [[nodiscard]] std::uint64_t offset_of(const void* address) const noexcept {
        return static_cast<std::uint64_t>(static_cast<const std::byte*>(address) - base_);
    }
    /// Whether all of `[address, address + bytes)` lies in the arena.
    [[nodiscard]] bool contains(const void* address, std::uint64_t bytes) const noexcept {
        const auto first = reinterpret_cast<std::uintptr_t>(address);
        const auto base = reinterpret_cast<std::uintptr_t>(base_);
        return first >= base && first - base <= size_ && bytes <= size_ - (first - base);
    }

    /// Gives back to the kernel what was not in use at any moment since the last call; for who comes by about once
    /// a second (`now`: monotonic_ns; earlier calls do nothing).
    void trim(std::int64_t now) noexcept {
        const std::lock_guard lock(mutex_);
        if (now < trim_at_) return;
        trim_at_ = now + trim_ns;
        cool_to(
            std::max(always_warm, ranges_.backed_bytes() - std::min(least_warm_, ranges_.backed_bytes())));
    }
    /// Gives back all that is not in use, but for `always_warm`.
    void trim_all() noexcept {
        const std::lock_guard lock(mutex_);
        cool_to(always_warm);
    }

    /// The most bytes that may be in use or warm.
    [[nodiscard]] std::uint64_t limit() const noexcept {
        const std::lock_guard lock(mutex_);
        return limit_;
    }
    /// 0: half of the memory of the machine or the control group. What is in use already stays.
    void set_limit(std::uint64_t bytes) {
        const std::uint64_t limit = bytes != 0 ? bytes : default_limit();
        const std::lock_guard lock(mutex_);
        limit_ = limit;
    }
    /// Address space, in bytes.
    [[nodiscard]] std::uint64_t size() const noexcept { return size_; }
    /// Bytes in use.
    [[nodiscard]] std::uint64_t used() const {
        const std::lock_guard lock(mutex_);
        return used_;
    }

private:
    static std::uint64_t real_size(std::uint64_t size) noexcept {
        return size >= chunk ? round_up(size, page) : round_up(size == 0 ? 1 : size, granule);
    }

    /// A file larger than RLIMIT_FSIZE would get this process a SIGXFSZ, not an error.
    static std::uint64_t largest_size() {
        rlimit limit{};
        if (::getrlimit(RLIMIT_FSIZE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return largest;
        if (limit.rlim_cur < smallest) {
            errno = EFBIG;
            throw_errno("yoke needs a memory file of 64 MiB or more, and the limit for the size of files "
                        "(ulimit -f) is " +
                        std::to_string(limit.rlim_cur) + " bytes");
        }
        std::uint64_t size = largest;
        while (size > limit.rlim_cur) size /= 2;
        return size;
    }

    bool try_map() noexcept {
        if (uninterrupted([this] { return sys.ftruncate(file_.get(), static_cast<off_t>(size_)); }) != 0)
            return false;
        void* const at =
            sys.mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, file_.get(), 0);
        if (at == MAP_FAILED) return false;
        base_ = static_cast<std::byte*>(at);
        return true;
    }

    [[nodiscard]] std::uint64_t default_limit() const {
        const std::uint64_t total = look_at_memory(files_).total;
        return total == system_memory::unknown ? size_ : std::min(size_, total / 2);
    }

    [[noreturn]] static void refuse(std::uint64_t bytes, const std::string& why) {
        throw std::system_error(ENOMEM, std::generic_category(),
                                "yoke will not take another " + in_kib(bytes) + " of shared memory: " + why);
    }
    /// Throws std::system_error if `bytes` on top of what is in use are more than the limit.
    void check_limit(std::uint64_t bytes) const {
        if (used_ <= limit_ && bytes <= limit_ - used_) return;
        refuse(bytes,
               in_kib(used_) + " are in use, and the limit is " + in_kib(limit_) +
                   "; let results be read and memory be given back first, use smaller pieces, or raise "
                   "runtime_options::shared_memory");
    }
    /// Throws std::system_error unless the system can spare so many more bytes.
    void check_system(std::uint64_t bytes) {
        if (bytes > unlooked_) {
            const system_memory memory = look_at_memory(files_);
            if (memory.available == system_memory::unknown) return;
            const std::uint64_t kept = memory.total / 16;
            if (memory.available < kept || bytes > memory.available - kept)
                refuse(bytes, in_kib(memory.available) + " of the system's " + in_kib(memory.total) +
                                  " are available, of which " + in_kib(kept) +
                                  " are left to others; use smaller pieces, give memory back, or run on a "
                                  "larger machine");
            unlooked_ = std::max(bytes, std::min(look_after, memory.available - kept));
        }
        unlooked_ -= bytes;
    }
    static std::string in_kib(std::uint64_t bytes) { return std::to_string(bytes >> 10) + " KiB"; }

    /// Has the kernel back a bare range of at least `size` bytes, a multiple of the page.
    void back(std::uint64_t size) {
        const auto bare = ranges_.find_bare(size < chunk ? chunk : size);
        if (!bare || bare->size < size) throw std::bad_alloc();
        arena_range part{bare->offset, bare->size < chunk || size >= chunk ? size : chunk};
        // Warm memory in pieces that are too small, or too far apart, counts, too. (Less than a page of a piece may stay.)
        if (used_ + ranges_.backed_bytes() + part.size > limit_) {
            cool(0);
            part.size = size;
        }
        check_system(part.size);
        const auto allocated = uninterrupted([&] {
            return sys.fallocate(file_.get(), 0, static_cast<off_t>(part.offset),
                                 static_cast<off_t>(part.size));
        });
        if (allocated != 0)
            throw_errno("yoke cannot get " + std::to_string(part.size >> 10) +
                        " KiB of shared memory (fallocate)");
        ranges_.convert(part, true);
    }

    /// Returns free pages to the kernel until no more than `most` bytes stay. `whole`: whole ranges, so that what comes next and
    /// is as large can have the place of one.
    void cool(std::uint64_t most, bool whole = true) {
        while (ranges_.backed_bytes() > most) {
            const arena_range free = *ranges_.largest_backed();
            const std::uint64_t first = round_up(free.offset, page);
            const std::uint64_t last = free.end() / page * page;
            if (first >= last) return;
            const std::uint64_t more = round_up(ranges_.backed_bytes() - most, page);
            const arena_range part{first, whole ? last - first : std::min(last - first, more)};
            if (uninterrupted([&] {
                    return sys.fallocate(file_.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                                         static_cast<off_t>(part.offset), static_cast<off_t>(part.size));
                }) != 0)
                return;  // stays warm
            ranges_.convert(part, false);
        }
    }

    const memory_files files_;
    void cool_to(std::uint64_t most) noexcept {
        try {
            cool(most, false);
        } catch (const std::bad_alloc&) {
            // No memory for the bookkeeping: it stays warm.
        }
        least_warm_ = ranges_.backed_bytes();
    }

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
