// SPDX-License-Identifier: MIT
#pragma once

/// Which ranges of the shared arena are free. Bookkeeping only: it never touches the memory it hands out.
///
/// A free range is *backed* (the kernel has given pages for it, touching it cannot fail) or *bare* (address space only).
/// Neighbours of the same kind are merged. `take` serves from backed ranges, best fit first; if there is none it
/// says so, and the owner backs a bare range and tries again. All lists lie on the heap of this process, so whatever a
/// worker writes into the arena cannot confuse them.
///
/// Each range that is taken leaves the entry of the lists behind that it will need when it comes back, so giving a range
/// back needs no memory and cannot fail. What needs memory gets it before it changes anything.

#include <yoke/detail/base/config.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

namespace yoke::detail {

/// Bytes `[offset, offset + size)` of the arena.
struct arena_range {
    std::uint64_t offset = 0;
    std::uint64_t size = 0;

    [[nodiscard]] std::uint64_t end() const noexcept { return offset + size; }
    friend bool operator==(const arena_range&, const arena_range&) = default;
};

[[nodiscard]] constexpr std::uint64_t round_up(std::uint64_t value, std::uint64_t to) noexcept {
    return (value + to - 1) / to * to;
}

/// Not thread-safe. Complexity: logarithmic in the number of free ranges.
class range_allocator {
public:
    /// All of `[0, size)` is free and bare.
    explicit range_allocator(std::uint64_t size);

    /// Takes `size` bytes at a multiple of `alignment` out of the backed ranges; nothing if none is large enough.
    std::optional<arena_range> take(std::uint64_t size, std::uint64_t alignment);

    /// The smallest bare range of at least `size` bytes, or the largest if there is none; nothing if no address space is
    /// left. It stays where it is.
    [[nodiscard]] std::optional<arena_range> find_bare(std::uint64_t size) const;

    /// The largest backed range that is free.
    [[nodiscard]] std::optional<arena_range> largest_backed() const;

    /// `part` of a free range changes its kind.
    void convert(arena_range part, bool to_backed);

    /// Gives back a range that was taken; it is backed.
    void give(arena_range range) noexcept;

    /// Bytes that are free and backed.
    [[nodiscard]] std::uint64_t backed_bytes() const noexcept { return backed_bytes_; }

private:
    struct state {
        std::uint64_t size;
        bool backed;
    };
    using by_size = std::set<std::pair<std::uint64_t, std::uint64_t>>;

    [[nodiscard]] by_size& sizes(bool backed) noexcept { return backed ? backed_ : bare_; }

    /// An entry that is in no list.
    struct entry {
        by_size::node_type in_sizes;
        std::map<std::uint64_t, state>::node_type in_free;
    };

    /// Has so many entries ready. Throws std::bad_alloc, and nothing has changed.
    void reserve(std::size_t entries);
    /// Gives back memory of entries that so many taken ranges do not need.
    void trim() noexcept {
        while (spare_.size() > taken_ + 16) spare_.pop_back();
    }

    // What follows needs the entries that are ready, and no memory.

    void insert(arena_range range, bool backed) noexcept;

    void add(arena_range range, bool backed) noexcept;

    /// The entry becomes a spare one, unless there are as many of those as there is room for.
    std::map<std::uint64_t, state>::iterator remove(std::map<std::uint64_t, state>::iterator at) noexcept;

    /// Cuts `part` out of the free range `whole`, whose remainders stay free.
    void split(arena_range whole, arena_range part) noexcept;

    std::map<std::uint64_t, state> free_;
    by_size backed_;
    by_size bare_;
    std::uint64_t backed_bytes_ = 0;
    std::vector<entry> spare_;  ///< entries to be used; at least one for each range that is taken
    std::size_t taken_ = 0;
};

}  // namespace yoke::detail

#if YOKE_IS_HEADER_ONLY
#include <yoke/detail/process/range_allocator.ipp>
#endif
