// SPDX-License-Identifier: MIT
#pragma once

#include <yoke/detail/process/shared_arena.hpp>

namespace yoke::detail {

YOKE_INLINE shared_arena::shared_arena(memory_files files)
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

YOKE_INLINE arena_range shared_arena::allocate(std::uint64_t size, std::uint64_t alignment) {
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

YOKE_INLINE void shared_arena::deallocate(arena_range range) noexcept {
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

YOKE_INLINE bool shared_arena::contains(const void* address, std::uint64_t bytes) const noexcept {
    const auto first = reinterpret_cast<std::uintptr_t>(address);
    const auto base = reinterpret_cast<std::uintptr_t>(base_);
    return first >= base && first - base <= size_ && bytes <= size_ - (first - base);
}

YOKE_INLINE void shared_arena::trim(std::int64_t now) noexcept {
    const std::lock_guard lock(mutex_);
    if (now < trim_at_) return;
    trim_at_ = now + trim_ns;
    cool_to(std::max(always_warm, ranges_.backed_bytes() - std::min(least_warm_, ranges_.backed_bytes())));
}

YOKE_INLINE void shared_arena::trim_all() noexcept {
    const std::lock_guard lock(mutex_);
    cool_to(always_warm);
}

YOKE_INLINE std::uint64_t shared_arena::limit() const noexcept {
    const std::lock_guard lock(mutex_);
    return limit_;
}

YOKE_INLINE void shared_arena::set_limit(std::uint64_t bytes) {
    const std::uint64_t limit = bytes != 0 ? bytes : default_limit();
    const std::lock_guard lock(mutex_);
    limit_ = limit;
}

YOKE_INLINE std::uint64_t shared_arena::used() const {
    const std::lock_guard lock(mutex_);
    return used_;
}

YOKE_INLINE std::uint64_t shared_arena::largest_size() {
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

YOKE_INLINE bool shared_arena::try_map() noexcept {
    if (uninterrupted([this] { return sys.ftruncate(file_.get(), static_cast<off_t>(size_)); }) != 0)
        return false;
    void* const at =
        sys.mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, file_.get(), 0);
    if (at == MAP_FAILED) return false;
    base_ = static_cast<std::byte*>(at);
    return true;
}

YOKE_INLINE std::uint64_t shared_arena::default_limit() const {
    const std::uint64_t total = look_at_memory(files_).total;
    return total == system_memory::unknown ? size_ : std::min(size_, total / 2);
}

YOKE_INLINE void shared_arena::refuse(std::uint64_t bytes, const std::string& why) {
    throw std::system_error(ENOMEM, std::generic_category(),
                            "yoke will not take another " + in_kib(bytes) + " of shared memory: " + why);
}

YOKE_INLINE void shared_arena::check_limit(std::uint64_t bytes) const {
    if (used_ <= limit_ && bytes <= limit_ - used_) return;
    refuse(bytes, in_kib(used_) + " are in use, and the limit is " + in_kib(limit_) +
                      "; let results be read and memory be given back first, use smaller pieces, or raise "
                      "runtime_options::shared_memory");
}

YOKE_INLINE void shared_arena::check_system(std::uint64_t bytes) {
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

YOKE_INLINE void shared_arena::back(std::uint64_t size) {
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
        return sys.fallocate(file_.get(), 0, static_cast<off_t>(part.offset), static_cast<off_t>(part.size));
    });
    if (allocated != 0)
        throw_errno("yoke cannot get " + std::to_string(part.size >> 10) +
                    " KiB of shared memory (fallocate)");
    ranges_.convert(part, true);
}

YOKE_INLINE void shared_arena::cool(std::uint64_t most, bool whole) {
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

YOKE_INLINE void shared_arena::cool_to(std::uint64_t most) noexcept {
    try {
        cool(most, false);
    } catch (const std::bad_alloc&) {
        // No memory for the bookkeeping: it stays warm.
    }
    least_warm_ = ranges_.backed_bytes();
}

}  // namespace yoke::detail
