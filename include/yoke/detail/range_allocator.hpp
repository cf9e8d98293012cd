// SPDX-License-Identifier: MIT
#pragma once

/// Which ranges of the shared arena are free. Bookkeeping only: it never touches the memory it hands out.
///
/// A free range is *backed* (the kernel has given pages for it, touching it cannot fail) or *bare* (address space only).
/// Neighbours of the same kind are merged. `take` serves from backed ranges, best fit first; if there is none it
/// says so, and the owner backs a bare range and tries again. All lists lie on the heap of this process, so whatever a
/// worker writes into the arena cannot confuse them.

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <map>
#include <optional>
#include <set>
#include <utility>

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
    explicit range_allocator(std::uint64_t size) { insert({0, size}, false); }

    /// Takes `size` bytes at a multiple of `alignment` out of the backed ranges; nothing if none is large enough.
    std::optional<arena_range> take(std::uint64_t size, std::uint64_t alignment) {
        for (auto fit = backed_.lower_bound({size, 0}); fit != backed_.end(); ++fit) {
            const arena_range found{fit->second, fit->first};
            const std::uint64_t start = round_up(found.offset, alignment);
            if (start + size > found.end()) continue;
            split(found, {start, size});
            return arena_range{start, size};
        }
        return std::nullopt;
    }

    /// The smallest bare range of at least `size` bytes, or the largest if there is none; nothing if no address space is
    /// left. It stays where it is.
    [[nodiscard]] std::optional<arena_range> find_bare(std::uint64_t size) const {
        if (bare_.empty()) return std::nullopt;
        auto fit = bare_.lower_bound({size, 0});
        if (fit == bare_.end()) --fit;
        return arena_range{fit->second, fit->first};
    }

    /// The largest backed range that is free.
    [[nodiscard]] std::optional<arena_range> largest_backed() const {
        if (backed_.empty()) return std::nullopt;
        return arena_range{backed_.rbegin()->second, backed_.rbegin()->first};
    }

    /// `part` of a free range changes its kind.
    void convert(arena_range part, bool to_backed) {
        auto around = std::prev(free_.upper_bound(part.offset));
        split({around->first, around->second.size}, part);
        insert(part, to_backed);
    }

    /// Gives a range back; it is backed.
    void give(arena_range range) { insert(range, true); }

    /// Bytes that are free and backed.
    [[nodiscard]] std::uint64_t backed_bytes() const noexcept { return backed_bytes_; }

private:
    struct state {
        std::uint64_t size;
        bool backed;
    };
    using by_size = std::set<std::pair<std::uint64_t, std::uint64_t>>;

    [[nodiscard]] by_size& sizes(bool backed) noexcept { return backed ? backed_ : bare_; }

    void insert(arena_range range, bool backed) {
        auto next = free_.lower_bound(range.offset);
        if (next != free_.end() && next->second.backed == backed && next->first == range.end()) {
            range.size += next->second.size;
            next = remove(next);
        }
        if (next != free_.begin()) {
            const auto before = std::prev(next);
            if (before->second.backed == backed && before->first + before->second.size == range.offset) {
                range = {before->first, before->second.size + range.size};
                next = remove(before);
            }
        }
        add(range, backed);
    }

    void add(arena_range range, bool backed) {
        if (range.size == 0) return;
        const auto in_sizes = sizes(backed).emplace(range.size, range.offset).first;
        try {
            free_.emplace(range.offset, state{range.size, backed});
        } catch (...) {
            sizes(backed).erase(in_sizes);
            throw;
        }
        if (backed) backed_bytes_ += range.size;
    }

    std::map<std::uint64_t, state>::iterator remove(std::map<std::uint64_t, state>::iterator at) {
        sizes(at->second.backed).erase({at->second.size, at->first});
        if (at->second.backed) backed_bytes_ -= at->second.size;
        return free_.erase(at);
    }

    /// Cuts `part` out of the free range `whole`, whose remainders stay free. An exception changes nothing.
    void split(arena_range whole, arena_range part) {
        const auto at = free_.find(whole.offset);
        const bool backed = at->second.backed;
        add({part.end(), whole.end() - part.end()}, backed);
        // The front keeps the nodes of the whole.
        const std::uint64_t front = part.offset - whole.offset;
        auto node = sizes(backed).extract({whole.size, whole.offset});
        if (backed) backed_bytes_ -= whole.size - front;
        if (front == 0) {
            free_.erase(at);
        } else {
            at->second.size = front;
            node.value().first = front;
            sizes(backed).insert(std::move(node));
        }
    }

    std::map<std::uint64_t, state> free_;
    by_size backed_;
    by_size bare_;
    std::uint64_t backed_bytes_ = 0;
};

}  // namespace yoke::detail
