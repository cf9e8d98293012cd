// SPDX-License-Identifier: MIT
#include "catch.hpp"

#include "support/failing_memory.hpp"

#include <yoke/detail/process/range_allocator.hpp>

#include <cstdint>
#include <map>
#include <new>
#include <optional>
#include <random>
#include <vector>

using yoke::detail::arena_range;
using yoke::detail::range_allocator;

TEST_CASE("nothing can be taken before a range is backed") {
    range_allocator ranges(1 << 20);
    REQUIRE_FALSE(ranges.take(64, 64));
    REQUIRE(ranges.find_bare(4096) == arena_range{0, 1 << 20});
    ranges.convert({0, 8192}, true);
    REQUIRE(ranges.backed_bytes() == 8192);
    REQUIRE(ranges.take(64, 64) == arena_range{0, 64});
    REQUIRE(ranges.backed_bytes() == 8192 - 64);
    REQUIRE_FALSE(ranges.take(8192, 64));
}

TEST_CASE("the smallest range that fits is used") {
    range_allocator ranges(1 << 20);
    ranges.convert({0, 1 << 20}, true);
    const auto small = *ranges.take(128, 64);
    const auto wall = *ranges.take(64, 64);
    const auto large = *ranges.take(1024, 64);
    const auto end = *ranges.take(64, 64);
    ranges.give(large);
    ranges.give(small);
    REQUIRE(ranges.take(100, 64)->offset == small.offset);
    REQUIRE(ranges.take(1000, 64)->offset == large.offset);
    REQUIRE(wall.offset < end.offset);
}

TEST_CASE("neighbours merge, backed with backed and bare with bare only") {
    range_allocator ranges(1 << 16);
    ranges.convert({0, 1 << 15}, true);
    const auto a = *ranges.take(256, 64);
    const auto b = *ranges.take(256, 64);
    const auto c = *ranges.take(256, 64);
    ranges.give(a);
    ranges.give(c);
    ranges.give(b);
    REQUIRE(ranges.largest_backed() == arena_range{0, 1 << 15});
    REQUIRE(ranges.find_bare(1) == arena_range{1 << 15, 1 << 15});
    ranges.convert({0, 1 << 15}, false);
    REQUIRE_FALSE(ranges.largest_backed());
    REQUIRE(ranges.find_bare(1) == arena_range{0, 1 << 16});
}

TEST_CASE("an alignment is kept, and what lies before it stays free") {
    range_allocator ranges(1 << 20);
    ranges.convert({0, 1 << 20}, true);
    const auto first = *ranges.take(64, 64);
    const auto page = *ranges.take(4096, 4096);
    REQUIRE(page.offset % 4096 == 0);
    REQUIRE(ranges.take(64, 64)->offset < page.offset);
    ranges.give(first);
    REQUIRE(ranges.backed_bytes() == (1 << 20) - 4096 - 64);
}

TEST_CASE("random use: ranges in use never overlap, and all comes back in one piece") {
    constexpr std::uint64_t size = 1 << 22;
    std::mt19937_64 random(7);
    range_allocator ranges(size);
    std::map<std::uint64_t, std::uint64_t> used;
    std::uint64_t in_use = 0;
    for (int step = 0; step < 20'000; ++step) {
        if (random() % 3 != 0 || used.empty()) {
            const std::uint64_t wanted = (random() % 200 + 1) * 64;
            const std::uint64_t alignment = std::uint64_t{64} << random() % 7;
            auto got = ranges.take(wanted, alignment);
            if (!got) {
                const auto bare = ranges.find_bare(65536);
                if (!bare) continue;
                ranges.convert({bare->offset, std::min<std::uint64_t>(bare->size, 65536)}, true);
                continue;
            }
            REQUIRE(got->size == wanted);
            REQUIRE(got->offset % alignment == 0);
            const auto next = used.lower_bound(got->offset);
            REQUIRE((next == used.end() || got->end() <= next->first));
            REQUIRE(
                (next == used.begin() || std::prev(next)->first + std::prev(next)->second <= got->offset));
            used[got->offset] = got->size;
            in_use += got->size;
        } else {
            auto victim = used.begin();
            std::advance(victim, static_cast<std::ptrdiff_t>(random() % used.size()));
            ranges.give({victim->first, victim->second});
            in_use -= victim->second;
            used.erase(victim);
        }
    }
    REQUIRE(in_use > 0);
    for (const auto& [offset, bytes] : used) ranges.give({offset, bytes});
    const auto whole = ranges.largest_backed();
    REQUIRE(whole);
    REQUIRE(whole->size == ranges.backed_bytes());
}

TEST_CASE("a range comes back, and its neighbours stay, without memory for the bookkeeping") {
    range_allocator ranges(1 << 20);
    ranges.convert({0, 1 << 19}, true);
    std::vector<arena_range> taken;
    for (int i = 0; i < 1'000; ++i) taken.push_back(*ranges.take(64, 64));
    // In an order in which first nothing merges, and then everything does.
    for (const std::size_t first : {0u, 1u}) {
        for (std::size_t i = first; i < taken.size(); i += 2) {
            yoke_test::until_failure = 0;
            ranges.give(taken[i]);
            REQUIRE(yoke_test::until_failure == 0);
            yoke_test::until_failure = -1;
        }
    }
    REQUIRE(ranges.backed_bytes() == 1 << 19);
    REQUIRE(ranges.largest_backed() == arena_range{0, 1 << 19});
    REQUIRE(ranges.find_bare(1) == arena_range{1 << 19, 1 << 19});
}

TEST_CASE("what runs out of memory has changed nothing") {
    range_allocator ranges(1 << 20);
    ranges.convert({0, 1 << 19}, true);
    const auto wall = *ranges.take(64, 64);
    int threw = 0;
    for (int n = 0; n < 200; ++n) {
        const auto before = ranges.backed_bytes();
        std::optional<arena_range> got;
        yoke_test::until_failure = n % 7;
        try {
            if (n % 2 == 0)
                got = ranges.take(4096, 4096);
            else
                ranges.convert({std::uint64_t(n) * 1024 + (1 << 19), 512}, true);
        } catch (const std::bad_alloc&) {
            ++threw;
            REQUIRE(ranges.backed_bytes() == before);
        }
        yoke_test::until_failure = -1;
        if (got) ranges.give(*got);
    }
    REQUIRE(threw > 0);
    ranges.give(wall);
    for (int n = 1; n < 200; n += 2) {
        const arena_range part{std::uint64_t(n) * 1024 + (1 << 19), 512};
        ranges.convert(part, false);
    }
    REQUIRE(ranges.largest_backed() == arena_range{0, 1 << 19});
    REQUIRE(ranges.find_bare(1) == arena_range{1 << 19, 1 << 19});
}
