// SPDX-License-Identifier: MIT
#pragma once

#include <yoke/detail/process/range_allocator.hpp>

namespace yoke::detail {

YOKE_INLINE range_allocator::range_allocator(std::uint64_t size) {
    if (size == 0) return;
    reserve(1);
    insert({0, size}, false);
}

YOKE_INLINE std::optional<arena_range> range_allocator::take(std::uint64_t size, std::uint64_t alignment) {
    for (auto fit = backed_.lower_bound({size, 0}); fit != backed_.end(); ++fit) {
        const arena_range found{fit->second, fit->first};
        const std::uint64_t start = round_up(found.offset, alignment);
        if (start + size > found.end()) continue;
        reserve(taken_ + 3);  // this range's, and those of two remainders
        split(found, {start, size});
        ++taken_;
        trim();
        return arena_range{start, size};
    }
    return std::nullopt;
}

YOKE_INLINE std::optional<arena_range> range_allocator::find_bare(std::uint64_t size) const {
    if (bare_.empty()) return std::nullopt;
    auto fit = bare_.lower_bound({size, 0});
    if (fit == bare_.end()) --fit;
    return arena_range{fit->second, fit->first};
}

YOKE_INLINE std::optional<arena_range> range_allocator::largest_backed() const {
    if (backed_.empty()) return std::nullopt;
    return arena_range{backed_.rbegin()->second, backed_.rbegin()->first};
}

YOKE_INLINE void range_allocator::convert(arena_range part, bool to_backed) {
    reserve(taken_ + 3);
    auto around = std::prev(free_.upper_bound(part.offset));
    split({around->first, around->second.size}, part);
    insert(part, to_backed);
    trim();
}

YOKE_INLINE void range_allocator::give(arena_range range) noexcept {
    insert(range, true);
    --taken_;
    trim();
}

YOKE_INLINE void range_allocator::reserve(std::size_t entries) {
    if (spare_.capacity() < entries) spare_.reserve(std::max(entries, 2 * spare_.capacity()));
    while (spare_.size() < entries) {
        by_size sizes{{0, 0}};
        std::map<std::uint64_t, state> ranges{{0, {}}};
        spare_.push_back({sizes.extract(sizes.begin()), ranges.extract(ranges.begin())});
    }
}

YOKE_INLINE void range_allocator::insert(arena_range range, bool backed) noexcept {
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

YOKE_INLINE void range_allocator::add(arena_range range, bool backed) noexcept {
    if (range.size == 0) return;
    entry made = std::move(spare_.back());
    spare_.pop_back();
    made.in_sizes.value() = {range.size, range.offset};
    made.in_free.key() = range.offset;
    made.in_free.mapped() = {range.size, backed};
    sizes(backed).insert(std::move(made.in_sizes));
    free_.insert(std::move(made.in_free));
    if (backed) backed_bytes_ += range.size;
}

YOKE_INLINE std::map<std::uint64_t, range_allocator::state>::iterator
range_allocator::remove(std::map<std::uint64_t, state>::iterator at) noexcept {
    const auto next = std::next(at);
    by_size& all = sizes(at->second.backed);
    if (at->second.backed) backed_bytes_ -= at->second.size;
    entry left{all.extract(all.find({at->second.size, at->first})), free_.extract(at)};
    if (spare_.size() != spare_.capacity()) spare_.push_back(std::move(left));
    return next;
}

YOKE_INLINE void range_allocator::split(arena_range whole, arena_range part) noexcept {
    const auto at = free_.find(whole.offset);
    const bool backed = at->second.backed;
    remove(at);
    add({whole.offset, part.offset - whole.offset}, backed);
    add({part.end(), whole.end() - part.end()}, backed);
}

}  // namespace yoke::detail
